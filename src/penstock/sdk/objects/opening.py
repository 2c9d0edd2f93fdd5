"""Open a place in an object store; the driver is imported here and nowhere else at start."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import quote, urlsplit

from penstock.core.errors import ConfigError
from penstock.core.store_place import StorePlace
from penstock.sdk.objects.store import Objects

_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AZURE_STORAGE_ENDPOINT")
_ALLOW: Final = ("AWS_ALLOW_HTTP", "AZURE_ALLOW_HTTP")


def open_objects(place: StorePlace, *, patience_s: float = 20.0) -> Objects:
    """The objects below a place. Nothing is asked of the store yet.

    Args:
        patience_s: how long a call that fails is repeated, with growing pauses.

    Raises:
        ConfigError: the driver is missing, or the settings cannot work.
    """
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ImportError as error:
        raise ConfigError(
            "Object stores need a driver that is not installed.",
            hint="pip install 'obstore>=0.12,<0.13'",
            code="staging.no_driver",
        ) from error
    options: dict[str, Any] = {"mkdir": True}
    if place.scheme != "file":
        options = {
            "config": _config(place),
            "client_options": {
                "allow_http": _may_be_plain(place),
                "connect_timeout": timedelta(seconds=10),
                "read_timeout": timedelta(seconds=30),
                # Of a whole request; large files take their time.
                "timeout": timedelta(minutes=10),
            },
            "retry_config": {
                "max_retries": 10,
                "backoff": {"max_backoff": timedelta(seconds=5)},
                "retry_timeout": timedelta(seconds=patience_s),
            },
        }
    try:
        return Objects(from_url(_escaped(place.url), **options), place.url)
    except (BaseError, OSError, ValueError):
        # Without the cause: its text may quote a key.
        raise ConfigError(
            f"The settings of {place.url} cannot be used.",
            hint="Check `state.staging` and the variables of the store.",
            code="staging.settings",
        ) from None


def _escaped(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{quote(rest)}"


def _config(place: StorePlace) -> dict[str, Any]:
    """What is passed on; the rest the driver finds in the environment (roles, metadata)."""
    config = {name: value for name, value in place.variables.items() if name not in _ALLOW}
    own = config.pop("AWS_ENDPOINT_URL_S3", None)
    if own is not None:
        config["AWS_ENDPOINT_URL"] = own
    return config


def _may_be_plain(place: StorePlace) -> bool:
    """Whether http may be used: on this machine, or where the user says so."""
    endpoint = next(filter(None, (place.variables.get(name) for name in _ENDPOINTS)), "")
    if not endpoint.lower().startswith("http://"):
        return False
    said = any(place.variables.get(name, "").lower() in ("1", "true", "yes") for name in _ALLOW)
    if said or _is_loopback(urlsplit(endpoint).hostname or ""):
        return True
    raise ConfigError(
        "The endpoint of the object store is http://, so rows would travel unencrypted.",
        hint=f"Use https://, or set {'AZURE' if place.scheme == 'az' else 'AWS'}_ALLOW_HTTP=true.",
        code="staging.plain_http",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
