"""Where an API lives, taken apart once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import httpcore2

from penstock.core.errors import ConfigError

Value = str | int | float | tuple[str, ...]
Params = Mapping[str, Value] | Sequence[tuple[str, Value]]

_PORTS = {"http": 80, "https": 443}
_PATH_SAFE = "/:@!$&'()*+,;=~%"


@dataclass(frozen=True, slots=True)
class Address:
    """Scheme, host, port and base path of an API."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Take a URL apart; a trailing slash makes no difference.

        Raises:
            ConfigError: no http or https URL, or one with a password in it.
        """
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError:
            raise _refused("The URL cannot be read.") from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise _refused("The URL does not begin with https:// and a host name.")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise _refused("The URL holds more than scheme, host and path.")
        host = _ascii(parts.hostname)
        return cls(parts.scheme, host, port or _PORTS[parts.scheme], parts.path.rstrip("/"))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.path}"

    @property
    def netloc(self) -> str:
        """Host, in brackets where it is an IPv6 address, and the port unless it is the usual."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def full_path(self, path: str) -> tuple[str, str]:
        """Path and query of a path below the base, or of a link that the API gave.

        Raises:
            ConfigError: the link leads to another server, which must not see our token.
        """
        parts = urlsplit(path)
        if parts.scheme or parts.netloc:
            self._refuse_stranger(parts)
            return parts.path or "/", parts.query
        return f"{self.path}/{parts.path.lstrip('/')}", parts.query

    def url(self, full_path: str, query: str) -> httpcore2.URL:
        target = quote(full_path, safe=_PATH_SAFE) + (f"?{query}" if query else "")
        return httpcore2.URL(
            scheme=self.scheme.encode(),
            host=self.host.encode(),
            port=self.port,
            target=target.encode("ascii", "strict"),
        )

    def _refuse_stranger(self, link: SplitResult) -> None:
        port = link.port or _PORTS.get(link.scheme)
        if (link.scheme, link.hostname, port) != (self.scheme, self.host, self.port):
            raise ConfigError(
                "The API links to another server.",
                hint="Check the URL in the settings against the one in the links.",
                code="source.foreign_link",
                host=link.hostname,
            )


def encoded(params: Params) -> str:
    """The query string, everything but letters, digits and `-._~` percent-encoded."""
    pairs = params.items() if isinstance(params, Mapping) else params
    single = [
        (name, _text(one))
        for name, value in pairs
        for one in (value if isinstance(value, tuple) else (value,))
    ]
    return urlencode(single, quote_via=quote, safe="")


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ascii(host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise _refused("The host name in the URL cannot be read.") from None


def _refused(message: str) -> ConfigError:
    return ConfigError(message, hint="Write it like https://api.example.com/v1.", code="config.url")
