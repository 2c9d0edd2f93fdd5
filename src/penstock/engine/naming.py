"""Names of one event type's table and columns, chosen once per destination schema and kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from penstock.core.compress import Measure
from penstock.core.mapping import Mapping
from penstock.core.naming import NameKind, NameScope, NameStyle
from penstock.engine.task import Task

TABLES = "tables"


def columns_scope(table: str) -> str:
    """The scope in which a table's columns have their names."""
    return f"columns:{table}"


class TableNames:
    """The table's name and its columns' names; every choice is remembered in the catalog."""

    def __init__(self, task: Task, event_type: str, ours: Collection[str] = ()) -> None:
        self._task = task
        self._event_type = event_type
        self._ours = ours

    def table(self) -> str:
        """`<prefix>_<event type>`, sanitized, compressed to the destination's limit."""
        prefix = self._task.names.prefix
        original = f"{prefix}_{self._event_type}" if prefix else self._event_type
        limit = self._task.destination.capabilities.table_limit
        return self._choose(TABLES, "table", limit, [original])[original]

    def columns(self, fields: Iterable[str], mapping: Mapping | None = None) -> dict[str, str]:
        """Column names of these fields, in one step (one write to the catalog at most).

        Args:
            mapping: of the table; names that users gave its columns are not given again.
        """
        limit = self._task.destination.capabilities.column_limit
        wanted = [field for field in fields if field not in self._ours]
        table = mapping.table if mapping is not None and mapping.table else self.table()
        used = [column.name for column in mapping.columns] if mapping is not None else []
        chosen = self._choose(columns_scope(table), "column", limit, wanted, used)
        return {**chosen, **{field: field for field in self._ours}}

    def _choose(
        self,
        scope: str,
        kind: NameKind,
        limit: int,
        originals: list[str],
        used: Collection[str] = (),
    ) -> dict[str, str]:
        with self._task.naming:
            return self._chosen(scope, kind, limit, originals, used)

    def _chosen(
        self,
        scope: str,
        kind: NameKind,
        limit: int,
        originals: list[str],
        used: Collection[str],
    ) -> dict[str, str]:
        taken = self._task.memory.names(scope)
        new = [original for original in originals if original not in taken]
        if not new:
            return taken
        limits = self._task.destination.capabilities
        names = NameScope(
            taken,
            kind=kind,
            style=NameStyle(self._task.names.style.upper()),
            reserved=(*limits.reserved_columns, *used) if kind == "column" else (),
        )
        measure = Measure.BYTES if limits.name_unit == "bytes" else Measure.CHARS
        self._task.memory.remember(
            scope, {original: names.name_for(original, limit, measure) for original in new}
        )
        return self._task.memory.names(scope)
