"""Names of our own tables, within the engine's limit."""

from __future__ import annotations

from hashlib import sha256

from penstock.core.metadata import STAGING_PREFIX


def shadow_name(table: str, generation: int, limit: int) -> str:
    """The table in which a generation is built; unique per table and generation."""
    name = f"{STAGING_PREFIX}{table}_g{generation}"
    if len(name.encode()) <= limit:
        return name
    digest = sha256(table.encode()).hexdigest()[:16]
    return f"{STAGING_PREFIX}{digest}_g{generation}"
