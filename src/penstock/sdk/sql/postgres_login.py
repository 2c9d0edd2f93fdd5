"""How a PostgreSQL server is reached: the settings that its source and its destination share."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from penstock.sdk.sql.login_url import LoginUrl

SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
_NAMES: Final = (
    "host", "port", "user", "password", "sslmode", "sslrootcert", "sslcert", "sslkey",
    "connect_timeout",
)  # fmt: skip
_URL: Final = LoginUrl(
    ("postgresql", "postgres"), {**{name: name for name in _NAMES}, "dbname": "database"}
)


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
        filled = _URL.fill(settings)
        if isinstance(filled, dict) and filled.get("url") and "user" in filled:
            # As libpq does: the database of the user's name.
            filled.setdefault("database", filled["user"])
        return filled

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
