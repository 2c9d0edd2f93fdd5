"""Settings of the MySQL and MariaDB destination."""

from __future__ import annotations

from pydantic import Field

from penstock.core.instants import Instants
from penstock.sdk.sql.mysql_login import MySqlLogin


class Config(MySqlLogin):
    """Server, login, the database that tables are written to, and how."""

    database: str = Field(min_length=1, title="Database", json_schema_extra={"unless": "url"})
    metadata_instants: Instants = Field(default="EPOCH_MS", title="Form of our times")
    local_infile: bool = Field(default=True, title="LOAD DATA LOCAL")
    statement_timeout: int = Field(default=1800, ge=0, title="Statement timeout")
    lock_timeout: int = Field(default=30, ge=1, title="Lock timeout")

    @property
    def identity(self) -> str:
        """Which tables these settings write, without secrets."""
        return f"{self.host}:{self.port}/{self.database}"
