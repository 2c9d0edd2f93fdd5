"""Settings of the PostgreSQL source."""

from __future__ import annotations

from pydantic import Field, model_validator

from penstock.connectors.sources.postgres.log.settings import LogSettings
from penstock.sdk.sql.postgres_login import PostgresLogin
from penstock.sdk.sql.reading.settings import ReadingSettings, Schemas


class Config(PostgresLogin, ReadingSettings, LogSettings):
    """Server, login, and what is read there."""

    schemas: Schemas = Field(default=("public",), alias="schema", min_length=1, title="Schemas")
    enable_xmin: bool = Field(default=False, title="Allow XMIN")
    statement_timeout: int = Field(default=0, ge=0, title="Statement timeout")
    lock_timeout: int = Field(default=30, ge=0, title="Lock timeout")

    @model_validator(mode="after")
    def _xmin_is_allowed(self) -> Config:
        if self.mode == "XMIN" and not self.enable_xmin:
            raise ValueError("mode XMIN needs enable_xmin: true")
        return self

    @property
    def allows_xmin(self) -> bool:
        return self.enable_xmin

    @property
    def identity(self) -> str:
        """Which database these settings read, without secrets."""
        return f"{self.host}:{self.port}/{self.database}"

    def session(self) -> str:
        """Options of every session: nothing can be written, and text forms are fixed."""
        settings = {
            "default_transaction_read_only": "on",
            "timezone": "UTC",
            "datestyle": "ISO",
            "intervalstyle": "postgres",
            "extra_float_digits": "1",
            "bytea_output": "hex",
            "statement_timeout": f"{self.statement_timeout}s",
            "lock_timeout": f"{self.lock_timeout}s",
            "idle_in_transaction_session_timeout": "0",
        }
        return " ".join(f"-c {name}={value}" for name, value in settings.items())
