"""Settings of the MySQL and MariaDB destination."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from penstock.core.instants import Instants

SslMode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]
_IN_URL: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout")
_SCHEMES: Final = ("mysql", "mariadb")


class Config(BaseModel):
    """What the connection form asks for; a `url` fills the single fields."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: SecretStr | None = Field(default=None, title="URL")
    host: str = Field(min_length=1, title="Host", json_schema_extra={"unless": "url"})
    port: int = Field(default=3306, ge=1, le=65535, title="Port")
    user: str = Field(min_length=1, title="User", json_schema_extra={"unless": "url"})
    password: SecretStr | None = Field(default=None, title="Password")
    database: str = Field(min_length=1, title="Database", json_schema_extra={"unless": "url"})
    metadata_instants: Instants = Field(default="EPOCH_MS", title="Form of our times")
    local_infile: bool = Field(default=True, title="LOAD DATA LOCAL")
    sslmode: SslMode = Field(default="prefer", title="TLS")
    sslrootcert: Path | None = Field(default=None, title="CA certificate")
    sslcert: Path | None = Field(default=None, title="Client certificate")
    sslkey: Path | None = Field(default=None, title="Client key")
    connect_timeout: int = Field(default=10, ge=1, le=600, title="Connect timeout")
    statement_timeout: int = Field(default=1800, ge=0, title="Statement timeout")
    lock_timeout: int = Field(default=30, ge=1, title="Lock timeout")

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

    @property
    def identity(self) -> str:
        """Which tables these settings write, without secrets."""
        return f"{self.host}:{self.port}/{self.database}"


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
