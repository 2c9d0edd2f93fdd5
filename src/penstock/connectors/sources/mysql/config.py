"""Settings of the MySQL and MariaDB source."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from penstock.connectors.sources.mysql.types import Choices
from penstock.sdk.sql.mysql_login import MySqlLogin
from penstock.sdk.sql.reading.settings import ReadingSettings, Schemas


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


TinyInt = Annotated[Literal["BOOLEAN", "NUMBER"], BeforeValidator(_upper)]


class Config(MySqlLogin, ReadingSettings):
    """Server, login, and what is read there."""

    database: Schemas = Field(min_length=1, title="Databases", json_schema_extra={"unless": "url"})
    tinyint1: TinyInt = Field(default="BOOLEAN", title="tinyint(1)")
    late_commit_window: int = Field(default=900, ge=0, le=86_400, title="Look-back window")
    log_position: Annotated[Literal["AUTO", "FILE"], BeforeValidator(_upper)] = Field(
        default="AUTO", title="Position in the log"
    )
    server_id: int | None = Field(default=None, ge=1, le=2**32 - 1, title="Server id")
    statement_timeout: int = Field(default=0, ge=0, title="Statement timeout")
    lock_timeout: int = Field(default=30, ge=1, title="Lock timeout")

    @model_validator(mode="after")
    def _mode_is_known(self) -> Config:
        if self.mode == "XMIN":
            raise ValueError("mode XMIN is PostgreSQL's; choose TABLE, LOG_BASED or CUSTOM_SQL")
        return self

    @property
    def identity(self) -> str:
        """Which databases these settings read, without secrets."""
        return f"{self.host}:{self.port}/{','.join(self.database)}"

    @property
    def choices(self) -> Choices:
        return Choices(
            tinyint1_is_boolean=self.tinyint1 == "BOOLEAN",
            time_is_text=self.unusual_values == "TEXT",
        )

    @property
    def default_database(self) -> str | None:
        """The database of unqualified names in a query: the one that is named in full."""
        name = self.database[0]
        return None if set(name) & set("*?") else name

    def session(self, *, mariadb: bool) -> list[str]:
        """Statements of every session: nothing can be written, and text forms are fixed."""
        timeout = (
            f"max_statement_time = {self.statement_timeout}"
            if mariadb
            else f"max_execution_time = {self.statement_timeout * 1000}"
        )
        return [
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            "SET SESSION time_zone = '+00:00', sql_mode = '', net_write_timeout = 3600",
            f"SET SESSION lock_wait_timeout = {self.lock_timeout}, {timeout}",
        ]
