"""How a MySQL or MariaDB server is reached: the settings that its source and destination share."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

SslMode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]
_IN_URL: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout")
_SCHEMES: Final = ("mysql", "mariadb")


class MySqlLogin(BaseModel):
    """What the connection form asks for; a `url` fills the single fields."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: SecretStr | None = Field(default=None, title="URL")
    host: str = Field(min_length=1, title="Host", json_schema_extra={"unless": "url"})
    port: int = Field(default=3306, ge=1, le=65535, title="Port")
    user: str = Field(min_length=1, title="User", json_schema_extra={"unless": "url"})
    password: SecretStr | None = Field(default=None, title="Password")
    sslmode: SslMode = Field(default="prefer", title="TLS")
    sslrootcert: Path | None = Field(default=None, title="CA certificate")
    sslcert: Path | None = Field(default=None, title="Client certificate")
    sslkey: Path | None = Field(default=None, title="Client key")
    connect_timeout: int = Field(default=10, ge=1, le=600, title="Connect timeout")

    @model_validator(mode="before")
    @classmethod
    def _take_url_apart(cls, settings: Any) -> Any:
        """Fields that are given beside the URL win over its parts."""
        if not isinstance(settings, dict) or not settings.get("url"):
            return settings
        url = settings["url"]
        text = url.get_secret_value() if isinstance(url, SecretStr) else str(url)
        given = {name: value for name, value in settings.items() if value is not None}
        return {**_parts(text), **given}

    def connection(self) -> dict[str, Any]:
        """What PyMySQL is told; holds the password in the clear.

        Raises:
            ssl.SSLError, OSError: the certificates cannot be used.
        """
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password.get_secret_value() if self.password else "",
            "connect_timeout": self.connect_timeout,
            "charset": "utf8mb4",
            "autocommit": True,
            "program_name": "penstock",
            **self._tls(),
        }

    def _tls(self) -> dict[str, Any]:
        """By itself the driver encrypts where the server can."""
        if self.sslmode == "disable":
            return {"ssl_disabled": True}
        if self.sslmode == "prefer" and self.sslcert is None:
            return {}
        context = ssl.create_default_context(cafile=self.sslrootcert)
        # Certificates that servers make for themselves lack what Python 3.13 asks for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = self.sslmode == "verify-full"
        if not self.sslmode.startswith("verify"):
            context.verify_mode = ssl.CERT_NONE
        if self.sslcert is not None:
            context.load_cert_chain(self.sslcert, self.sslkey)
        return {"ssl": context}


def _parts(url: str) -> dict[str, Any]:
    """The fields that a URL holds. What is wrong with it is said without showing it."""
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        raise ValueError("the URL cannot be read; is a character of it not encoded?") from None
    if split.scheme not in _SCHEMES:
        raise ValueError("the URL must begin with mysql:// or mariadb://")
    more = parse_qsl(split.query, keep_blank_values=True)
    if unknown := sorted({name for name, _ in more} - {*_IN_URL}):
        raise ValueError(f"the URL has parameters that are not known: {', '.join(unknown)}")
    found: dict[str, Any] = {
        "host": unquote(split.hostname or ""),
        "port": port,
        "user": unquote(split.username or ""),
        "password": unquote(split.password) if split.password is not None else None,
        "database": unquote(split.path.removeprefix("/")),
    }
    found |= dict(more)
    return {name: value for name, value in found.items() if value not in (None, "")}
