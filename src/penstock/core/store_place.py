"""A place in an object store, as the user names it, and the variables that open it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from penstock.core.errors import ConfigError

# Names that the stores' own tools read. Source: https://developmentseed.org/obstore/latest/api/store/
_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "s3": (
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION",
        "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SKIP_SIGNATURE",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "AWS_ALLOW_HTTP",
    ),
    "gs": (
        "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_SKIP_SIGNATURE",
    ),
    "az": (
        "AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_KEY",
        "AZURE_STORAGE_TOKEN", "AZURE_STORAGE_CLIENT_ID", "AZURE_STORAGE_CLIENT_SECRET",
        "AZURE_STORAGE_TENANT_ID", "AZURE_STORAGE_ENDPOINT", "AZURE_ALLOW_HTTP",
    ),
    "file": (),
}  # fmt: skip
_SECRET: Final = re.compile(r"SECRET|TOKEN|_KEY$")
_URL: Final = re.compile(r"(?P<scheme>[a-z0-9]+)://(?P<rest>[^?#]*)")


@dataclass(frozen=True)
class StorePlace:
    """A bucket (container, folder) with a prefix, and what opens it.

    Args:
        url: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, `file:///folder`.
        variables: those of the environment and of `.env` that concern this kind of store.
    """

    url: str
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    @staticmethod
    def of(url: str, environ: Mapping[str, str]) -> StorePlace:
        """Check the form of a URL.

        Raises:
            ConfigError: it names no store that we know, or holds credentials.
        """
        found = _URL.fullmatch(url)
        if found is None or found["scheme"] not in _VARIABLES or not found["rest"].strip("/"):
            raise ConfigError(
                "`state.staging` names no place that can be used.",
                hint="Write a folder, or s3://bucket/prefix, gs://bucket/prefix, "
                "az://container/prefix or file:///folder.",
                code="config.state",
            )
        if "@" in found["rest"].partition("/")[0]:
            raise ConfigError(
                "`state.staging` must not hold credentials.",
                hint="Set them as variables, e.g. AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
                code="config.state",
            )
        names = _VARIABLES[found["scheme"]]
        return StorePlace(
            url.rstrip("/"), {name: environ[name] for name in names if environ.get(name)}
        )

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0]

    @property
    def secrets(self) -> set[str]:
        """Values that must not appear in output, logs and errors."""
        return {value for name, value in self.variables.items() if _SECRET.search(name)}
