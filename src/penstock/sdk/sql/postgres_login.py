"""How a PostgreSQL server is reached: the settings that its source and its destination share."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
_IN_URL: Final = (
    "host", "port", "user", "password", "sslmode", "sslrootcert", "sslcert", "sslkey",
    "connect_timeout",
)  # fmt: skip


class PostgresLogin(BaseModel):
    """What the connection form asks for; a `url` fills the single fields."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: SecretStr | None = Field(default=None, title="URL")
    host: str = Field(min_length=1, title="Host", json_schema_extra={"unless": "url"})
    port: int = Field(default=5432, ge=1, le=65535, title="Port")
    user: str = Field(min_length=1, title="User", json_schema_extra={"unless": "url"})
    password: SecretStr | None = Field(default=None, title="Password")
    database: str = Field(min_length=1, title="Database", json_schema_extra={"unless": "url"})
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
        """What libpq is told; holds the password in the clear."""
        files = {"sslrootcert": self.sslrootcert, "sslcert": self.sslcert, "sslkey": self.sslkey}
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password.get_secret_value() if self.password else None,
            "dbname": self.database,
            "sslmode": self.sslmode,
            **{name: str(file) for name, file in files.items() if file is not None},
            "connect_timeout": self.connect_timeout,
            "application_name": "penstock",
            "client_encoding": "UTF8",
            # A network that drops packets in silence is noticed within two minutes.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 6,
            "tcp_user_timeout": 120_000,
        }


def _parts(url: str) -> dict[str, Any]:
    """The fields that a URL holds. What is wrong with it is said without showing it."""
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        raise ValueError("the URL cannot be read; is a character of it not encoded?") from None
    if split.scheme not in ("postgresql", "postgres"):
        raise ValueError("the URL must begin with postgresql://")
    more = parse_qsl(split.query, keep_blank_values=True)
    if unknown := sorted({name for name, _ in more} - {*_IN_URL, "dbname"}):
        raise ValueError(f"the URL has parameters that are not known: {', '.join(unknown)}")
    found: dict[str, Any] = {
        "host": unquote(split.hostname or ""),
        "port": port,
        "user": unquote(split.username or ""),
        "password": unquote(split.password) if split.password is not None else None,
        "database": unquote(split.path.removeprefix("/")) or unquote(split.username or ""),
    }
    found |= {"database" if name == "dbname" else name: value for name, value in more}
    return {name: value for name, value in found.items() if value not in (None, "")}
