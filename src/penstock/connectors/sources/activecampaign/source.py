"""ActiveCampaign: what its API needs besides the card."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec
from pydantic import BaseModel

from penstock.core.cards import Card
from penstock.core.errors import ConfigError
from penstock.sdk.http import Answer
from penstock.sdk.rest import RestSource
from penstock.sdk.source import Source

_API = "/api/3"
_APPLICATION = ".activehosted.com"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_ADMIN_GROUP = "3"
_NOT_ADMIN = (
    "The user of this API key is not in the Admin group: rows and objects this user may not see "
    "are missing without any sign. Use the key of an admin."
)


class ActiveCampaign(RestSource):
    """One account, read through its API v3."""

    def greet(self, answer: Answer) -> tuple[str, ...]:
        """Warn when the answer of `/users/me` shows the groups and Admin is not among them."""
        groups = _groups(answer.body)
        return (_NOT_ADMIN,) if groups and _ADMIN_GROUP not in groups else ()


def open(card: Card, config: BaseModel) -> Source:  # noqa: A001 (the name that every connector has)
    settings = config.model_dump()
    return ActiveCampaign(
        card, config, base_url=base_url(settings["account_name"], settings["api_url"])
    )


def base_url(account_name: str | None, api_url: str | None) -> str:
    """The address of the API: from a URL in any of the forms people paste, or a bare name.

    Raises:
        ConfigError: neither is given, or the name is no name.
    """
    if api_url:
        return _from_url(api_url.strip())
    name = (account_name or "").strip()
    if not name:
        raise ConfigError(
            "ActiveCampaign needs account_name or api_url.",
            hint="ActiveCampaign shows the URL under Settings > Developer.",
            code="config.settings",
        )
    if "." in name or "/" in name:
        return _from_url(name)
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no account name.",
            hint="Write the first part of your address, e.g. acme7421, or set api_url.",
            code="config.settings",
            setting="account_name",
        )
    return f"https://{name}.api-us1.com{_API}"


def _from_url(url: str) -> str:
    """Scheme and host of what was pasted, with the API's path."""
    url = url if "://" in url else f"https://{url}"
    parts = urlsplit(url)
    path = parts.path.rstrip("/").removesuffix(_API)
    if parts.netloc.endswith(_APPLICATION):
        # People paste the address of the web application; the API has a host of its own.
        return f"https://{parts.netloc.removesuffix(_APPLICATION)}.api-us1.com{_API}"
    return f"{parts.scheme}://{parts.netloc}{path}{_API}"


def _groups(body: bytes) -> set[str]:
    """Ids of the user's groups, empty when the answer does not show them."""
    try:
        found: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return set()
    members = found.get("userGroups") if isinstance(found, dict) else None
    if not isinstance(members, list):
        return set()
    groups = (one.get("groupid") or one.get("group") for one in members if isinstance(one, dict))
    return {str(group) for group in groups if group}
