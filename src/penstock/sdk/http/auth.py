"""Credentials that go with each call and never show."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

from penstock.core.errors import AuthError

_SHORTEST = 4  # replacing shorter ones would tear ordinary words apart


@dataclass(frozen=True)
class Auth:
    """Secret headers and query parameters of every call; `repr` hides their values."""

    headers: Mapping[str, SecretStr] = field(default_factory=dict)
    params: Mapping[str, SecretStr] = field(default_factory=dict)

    @classmethod
    def header(cls, name: str, secret: SecretStr, prefix: str = "") -> Self:
        """The secret in a header of that name, e.g. `Api-Token`."""
        return cls(headers={name: _sendable(prefix, secret)})

    @classmethod
    def bearer(cls, secret: SecretStr) -> Self:
        return cls.header("Authorization", secret, "Bearer ")

    @classmethod
    def basic(cls, user: str, secret: SecretStr) -> Self:
        pair = base64.b64encode(f"{user}:{secret.get_secret_value()}".encode()).decode()
        return cls(
            headers={"Authorization": SecretStr(f"Basic {pair}")},
        )

    @classmethod
    def query(cls, name: str, secret: SecretStr) -> Self:
        """The secret as a query parameter, for APIs that know no better."""
        return cls(params={name: _sendable("", secret)})

    def scrub(self, text: str) -> str:
        """The text without any secret, however a server echoed it."""
        for secret in (*self.headers.values(), *self.params.values()):
            for shown in _spellings(secret.get_secret_value()):
                text = text.replace(shown, "***")
        return text


def _sendable(prefix: str, secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value().strip()
    if not (value.isascii() and value.isprintable()):
        raise AuthError(
            "The token holds characters that cannot be sent.",
            hint="Paste it again; it should be one line of letters and digits.",
            code="auth.malformed",
        )
    return SecretStr(prefix + value)


def _spellings(value: str) -> list[str]:
    words = value.split(" ")
    known = {value, words[-1], *([_decoded(words[-1])] if words[0] == "Basic" else [])}
    spelled = {form for word in known for form in (word, quote(word, safe=""), quote_plus(word))}
    return sorted((form for form in spelled if len(form) >= _SHORTEST), key=len, reverse=True)


def _decoded(pair: str) -> str:
    return base64.b64decode(pair).decode().partition(":")[2]
