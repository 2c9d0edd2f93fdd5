"""Settings of the change log, beside those of the connection."""

from __future__ import annotations

from pydantic import BaseModel, Field


class LogSettings(BaseModel):
    """How the change log is followed (pipelines.md 2.7).

    Args:
        slot, publication: made by somebody else, and then neither changed nor dropped by us.
        heartbeat_s: most time between two messages that we write to the log while following it.
        slot_warn_bytes: log that the slot may hold back before we say so.
    """

    slot: str | None = Field(
        default=None, min_length=1, max_length=63, pattern="^[a-z0-9_]+$", title="Slot"
    )
    publication: str | None = Field(default=None, min_length=1, max_length=63, title="Publication")
    heartbeat_s: int = Field(default=60, ge=1, le=3600, title="Heartbeat")
    slot_warn_bytes: int = Field(default=1 << 30, ge=1 << 20, title="Warn at held log")
