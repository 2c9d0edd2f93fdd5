"""What must change in a table before rows of a new shape fit."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from penstock.core.types import normal
from penstock.core.widen import widen


@dataclass(frozen=True)
class SchemaChange:
    """The difference between a table and the rows to come.

    Args:
        added: columns that the table lacks, in the order of the rows.
        widened: (name, type now, type needed) of columns whose type must grow.
        missing: columns that the rows lack; they stay, null from now on.
    """

    added: tuple[pa.Field, ...] = ()
    widened: tuple[tuple[str, pa.DataType, pa.DataType], ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the table can take the rows as it is."""
        return not self.added and not self.widened


def diff(current: pa.Schema | None, wanted: pa.Schema) -> SchemaChange:
    """Compare a table's shape (None: no table yet) with the shape of rows, by column name.

    A column that only held nulls so far (UNKNOWN) is neither added nor widened. Types never
    narrow: rows of a narrower type go into the column as it is.
    """
    known = {} if current is None else {field.name: field for field in current}
    shared = [(known[f.name].type, f) for f in wanted if f.name in known]
    changes = [(f.name, old, widen(old, f)) for old, f in shared]
    return SchemaChange(
        added=tuple(f for f in wanted if f.name not in known and f.type != pa.null()),
        widened=tuple((n, old, new) for n, old, new in changes if new != normal(old)),
        missing=tuple(name for name in known if wanted.get_field_index(name) < 0),
    )
