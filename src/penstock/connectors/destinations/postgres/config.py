"""Settings of the PostgreSQL destination."""

from __future__ import annotations

from pydantic import Field

from penstock.core.instants import Instants
from penstock.sdk.sql.postgres_login import PostgresLogin


class Config(PostgresLogin):
    """Server, login, and the schema that tables are written to."""

    schema_: str = Field(default="public", alias="schema", min_length=1, title="Schema")
    metadata_instants: Instants = Field(default="EPOCH_MS", title="Form of our times")
    statement_timeout: int = Field(default=1800, ge=0, title="Statement timeout")
    lock_timeout: int = Field(default=30, ge=0, title="Lock timeout")
    idle_in_transaction_session_timeout: int = Field(default=1800, ge=0, title="Idle timeout")

    @property
    def identity(self) -> str:
        """Which tables these settings write, without secrets."""
        return f"{self.host}:{self.port}/{self.database}#{self.schema_}"

    def session(self) -> dict[str, str]:
        """Settings of every session."""
        return {
            "timezone": "UTC",
            "datestyle": "ISO",
            "intervalstyle": "postgres",
            "extra_float_digits": "1",
            # Compiling a statement takes longer than the rows of a package.
            "jit": "off",
            "statement_timeout": f"{self.statement_timeout}s",
            "lock_timeout": f"{self.lock_timeout}s",
            "idle_in_transaction_session_timeout": (f"{self.idle_in_transaction_session_timeout}s"),
        }
