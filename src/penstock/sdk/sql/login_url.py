"""The URL of a database server, taken apart into the fields of its connection form."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import SecretStr


@dataclass(frozen=True)
class LoginUrl:
    """What URLs of one kind of server look like.

    Args:
        schemes: that they begin with; the first is named in errors.
        parameters: that may follow the `?`, by the field that each fills.
    """

    schemes: Sequence[str]
    parameters: Mapping[str, str]

    def fill(self, settings: Any) -> Any:
        """The settings with the parts of their `url`; what is given beside the URL wins.

        Raises:
            ValueError: the URL is wrong; the message does not show it.
        """
        if not isinstance(settings, dict) or not settings.get("url"):
            return settings
        url = settings["url"]
        text = url.get_secret_value() if isinstance(url, SecretStr) else str(url)
        given = {name: value for name, value in settings.items() if value is not None}
        return {**self._parts(text), **given}

    def _parts(self, url: str) -> dict[str, Any]:
        try:
            split = urlsplit(url)
            port = split.port
        except ValueError:
            raise ValueError("the URL cannot be read; is a character of it not encoded?") from None
        if split.scheme not in self.schemes:
            wanted = " or ".join(f"{scheme}://" for scheme in self.schemes)
            raise ValueError(f"the URL must begin with {wanted}")
        more = parse_qsl(split.query, keep_blank_values=True)
        _refuse_unknown({name for name, _ in more}, self.parameters)
        found: dict[str, Any] = {
            "host": unquote(split.hostname or ""),
            "port": port,
            "user": unquote(split.username or ""),
            "password": unquote(split.password) if split.password is not None else None,
            "database": unquote(split.path.removeprefix("/")),
        }
        found |= {self.parameters[name]: value for name, value in more}
        return {name: value for name, value in found.items() if value not in (None, "")}


def _refuse_unknown(names: Collection[str], known: Collection[str]) -> None:
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"the URL has parameters that are not known: {', '.join(unknown)}")
