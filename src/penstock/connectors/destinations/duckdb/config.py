"""Settings of the DuckDB destination."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from penstock.core.instants import Instants


class Config(BaseModel):
    """What the connection form asks for."""

    model_config = ConfigDict(extra="forbid")

    path: Path = Field(title="File", description="Where the database is kept.")
    schema_: str = Field(default="main", alias="schema", min_length=1, title="Schema")
    memory_limit: str | None = Field(
        default=None, pattern=r"^\d+(\.\d+)?\s*[KMGT]i?B$", title="Memory limit"
    )
    metadata_instants: Instants = Field(default="EPOCH_MS", title="Form of our times")
    threads: int | None = Field(default=None, ge=1, le=256, title="Threads")
