"""Settings that every source of tables has, whatever its engine."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, model_validator


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    """One name, several with commas between them, or a list."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


IngestionMode = Literal["TABLE", "LOG_BASED", "CUSTOM_SQL", "XMIN"]
Unusual = Literal["FAIL", "TEXT"]
Schemas = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class ReadingSettings(BaseModel):
    """How tables are read (pipelines.md 2.3 to 2.6)."""

    mode: Annotated[IngestionMode, BeforeValidator(_upper)] = Field(default="TABLE", title="Mode")
    query: str | None = Field(default=None, title="Query")
    query_name: str = Field(default="custom_query", min_length=1, title="Name of the query")
    merge_tables: bool = Field(default=False, title="Merge tables")
    unusual_values: Annotated[Unusual, BeforeValidator(_upper)] = Field(
        default="FAIL", title="Values without a place"
    )
    ingestion_batch_rows: int | None = Field(default=None, ge=1, title="Rows of a statement")
    historical_parallelism: int = Field(default=4, ge=1, le=64, title="Parts at a time")
    max_source_connections: int = Field(default=8, ge=2, le=256, title="Connections")

    @model_validator(mode="after")
    def _query_fits(self) -> ReadingSettings:
        if (self.mode == "CUSTOM_SQL") != bool(self.query):
            raise ValueError("mode CUSTOM_SQL and query go together")
        return self

    @property
    def allows_xmin(self) -> bool:
        """Tables may be read by their row versions."""
        return False

    @property
    def page_rows(self) -> int:
        """Rows of one statement: 1,000,000, or 500,000 of a query (pipelines.md 2.5)."""
        return self.ingestion_batch_rows or (500_000 if self.query else 1_000_000)
