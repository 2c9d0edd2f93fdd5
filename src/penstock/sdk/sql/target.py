"""One load's meeting with one table: names, columns, conditions as SQL text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from penstock.core import metadata
from penstock.core.load import TableLoad
from penstock.sdk.sql.dialect import Dialect


@dataclass(frozen=True)
class Target:
    """What the statements of a write mode are made of.

    Args:
        table: qualified, quoted name of the table that takes the rows.
        source: table expression with the staged rows in the table's types.
        existing: the table's columns now.
    """

    dialect: Dialect
    load: TableLoad
    table: str
    source: str
    existing: pa.Schema

    @cached_property
    def key(self) -> list[str]:
        return [self.dialect.ident(name) for name in self.load.key]

    @cached_property
    def columns(self) -> list[str]:
        """All columns of the rows that the table has, quoted, without `_ps_loaded_at`."""
        return [self.dialect.ident(name) for name in self.load.schema.names]

    @cached_property
    def has_deleted(self) -> bool:
        return metadata.DELETED in self.existing.names

    @cached_property
    def loaded(self) -> str:
        """`_ps_loaded_at` of what this load writes."""
        return self.instant(metadata.LOADED_AT, self.load.loaded_at)

    def instant(self, column: str, epoch_ms: int) -> str:
        """A time of ours in the form that the table keeps it in."""
        return self.dialect.cast(str(epoch_ms), pa.int64(), self.existing.field(column))

    def moment(self, column: str, expression: str) -> str:
        """The value of a column of ours as a timestamp, whatever the table keeps."""
        kind = self.existing.field(column).type
        return self.dialect.cast(expression, kind, pa.field(column, metadata.TIMESTAMP))

    @cached_property
    def keeps_op(self) -> bool:
        return metadata.OP in self.existing.names

    @cached_property
    def lapsed(self) -> list[str]:
        """Columns of ours that say something of a version, and that these rows have not; quoted."""
        names = (metadata.OP, metadata.SOURCE_MODIFIED_AT, metadata.DELETED)
        return [
            self.dialect.ident(name)
            for name in names
            if name in self.existing.names and name not in self.load.schema.names
        ]

    @cached_property
    def foreign_columns(self) -> bool:
        """Whether the user added columns that are none of ours."""
        ours = {*self.load.schema.names}
        return any(n not in ours and not metadata.is_ours(n) for n in self.existing.names)

    def same_key(self, left: str, right: str) -> str:
        return " AND ".join(f"{left}.{name} = {right}.{name}" for name in self.key)

    def same_values(self, left: str, right: str) -> str:
        """All user columns besides the key are equal, nulls included."""
        pairs = zip(self._values(left), self._values(right), strict=True)
        tests = [self.dialect.same(one, other) for (one, _), (other, _) in pairs]
        return " AND ".join(tests) or "TRUE"

    def fingerprint(self, side: str) -> str:
        """One value that differs where any user column besides the key does."""
        values = self._values(side)
        return self.dialect.fingerprint(values) if values else "0"

    def _values(self, side: str) -> list[tuple[str, pa.Field]]:
        """User columns besides the key, in a form that has an equality."""
        fields = [
            self.existing.field(name)
            for name in self.load.schema.names
            if not metadata.is_ours(name) and name not in self.load.key
        ]
        return [
            (self.dialect.compared(f"{side}.{self.dialect.ident(field.name)}", field), field)
            for field in fields
        ]

    def listed(self, prefix: str = "") -> str:
        return ", ".join(f"{prefix}{name}" for name in self.columns)

    def insert(self, rows: str) -> str:
        """Insert all columns of `rows` (a FROM clause in which the rows are `s`)."""
        loaded = self.dialect.ident(metadata.LOADED_AT)
        return (
            f"INSERT INTO {self.table} ({self.listed()}, {loaded}) "
            f"SELECT {self.listed('s.')}, {self.loaded} FROM {rows}"
        )


INGESTED = f'"{metadata.INGESTED_AT}"'
LOADED = f'"{metadata.LOADED_AT}"'
DELETED = f'"{metadata.DELETED}"'
SEQ = f'"{metadata.SEQ}"'
HINT = f'"{metadata.HINT}"'
OP = f'"{metadata.OP}"'
MODIFIED = f'"{metadata.SOURCE_MODIFIED_AT}"'
FROM = f'"{metadata.VALID_FROM}"'
TO = f'"{metadata.VALID_TO}"'
ACTIVE = f'"{metadata.IS_ACTIVE}"'
