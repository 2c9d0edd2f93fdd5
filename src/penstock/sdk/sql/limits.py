"""What an engine cannot do is refused before any statement runs."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.core.errors import ConfigError
from penstock.core.load import WriteMode
from penstock.sdk.destination import Capabilities


def check_mode(engine: str, limits: Capabilities, mode: WriteMode) -> None:
    """Raises `ConfigError` for a load mode that the engine does not offer."""
    if mode not in limits.modes:
        raise ConfigError(
            f"{engine} cannot load in {mode.value} mode.",
            hint=f"Choose one of: {', '.join(sorted(limits.modes))}.",
            code="config.mode",
        )


def check_generation(engine: str, limits: Capabilities, generation: int) -> None:
    """Raises `ConfigError` for a full reload where the engine cannot show one at once."""
    if generation and not limits.publish:
        raise ConfigError(
            f"{engine} cannot replace a table by a full reload.",
            hint="Run without --full-refresh, or empty the table first.",
            code="config.full_reload",
        )


def check_names(engine: str, limits: Capabilities, table: str, columns: Sequence[str]) -> None:
    """Raises `ConfigError` for names that the engine would cut short in silence, or keeps."""
    _check_length(engine, limits, table, table, limits.table_limit)
    for name in columns:
        _check_length(engine, limits, table, name, limits.column_limit)
        if name.lower() in limits.reserved_columns:
            raise ConfigError(
                f"{engine} keeps the column name {name} for itself.",
                hint="Choose another name.",
                code="config.reserved_name",
                table=table,
            )
    if len(columns) > limits.max_columns:
        raise ConfigError(
            f"{len(columns)} columns are more than {engine} allows ({limits.max_columns}).",
            hint="Leave out some fields.",
            code="config.too_many_columns",
            table=table,
        )


def _check_length(engine: str, limits: Capabilities, table: str, name: str, most: int) -> None:
    size = len(name.encode()) if limits.name_unit == "bytes" else len(name)
    if size > most:
        raise ConfigError(
            f"The name {name[:80]} is longer than {engine} allows ({most}).",
            hint="Choose a shorter name.",
            code="config.name_too_long",
            table=table,
        )
