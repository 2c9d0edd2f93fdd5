"""Text of the log as Arrow columns: the same values that reading the table gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.connectors.sources.postgres.log.changes import Changes
from penstock.connectors.sources.postgres.log.fields import Relation
from penstock.connectors.sources.postgres.parse import from_text
from penstock.connectors.sources.postgres.types import PgType
from penstock.core.batch import FailedEvent
from penstock.sdk.log.rows import change_rows, ops_column
from penstock.sdk.sql.reading import Column

_HEX_MARK: Final = len("\\x")


@dataclass(frozen=True)
class Field:
    """One column of a relation: where its values go, and how their text is read."""

    column: Column
    type: PgType

    def read(self, texts: pa.Array) -> tuple[pa.Array, list[int]]:
        """Values, null where one has no place in the column's type, and where that is."""
        if self.column.type == pa.string():
            return texts, []
        return from_text(self._plain(texts), self.column)

    def _plain(self, texts: pa.Array) -> pa.Array:
        """What a select of the column would have written (`PgType.select`)."""
        if self.type.kind != "b":
            return texts
        if self.type.name == "money":
            return pc.replace_substring_regex(texts, r"[^0-9.\-]", "")
        if self.type.name == "bytea":
            return pc.utf8_slice_codeunits(texts, _HEX_MARK)
        if self.type.name == "bit" and self.type.modifier == 1:
            return pc.if_else(pc.equal(texts, "1"), "t", "f")
        return texts


TypeOf = Callable[[int, int], tuple[PgType, str]]
"""The type of a column by its oid and modifier, as in the catalogue, and its name for a cast."""


def fields_of(relation: Relation, type_of: TypeOf) -> tuple[Field, ...]:
    fields = []
    for item in relation.columns:
        kind, native = type_of(item.type_oid, item.modifier)
        fields.append(Field(Column(item.name, kind.arrow, item.name, native), kind))
    return tuple(fields)


def to_rows(
    changes: Changes,
    fields: Sequence[Field],
    stream: str,
    key: Sequence[str],
    added: Mapping[str, str],
) -> tuple[pa.RecordBatch, tuple[FailedEvent, ...]]:
    """Rows for the engine, and the changes that have a value without a place.

    Args:
        added: columns that say where the rows come from, the same in each.
    """
    arrays: list[pa.Array] = []
    bad: dict[int, str] = {}
    for field, raw in zip(fields, changes.raw, strict=True):
        array, wrong = field.read(raw)
        arrays.append(array)
        for index in wrong:
            bad.setdefault(index, field.column.no_place)
    names = [field.column.name for field in fields]
    masks = {
        name: pa.array(mask)
        for name, mask in zip(names, changes.left_out, strict=True)
        if mask is not None
    }
    constant = [pa.repeat(pa.scalar(value), changes.count) for value in added.values()]
    every = [*names, *added]
    rows = change_rows(every, [*arrays, *constant], ops_column(changes.ops.tobytes()), masks)
    if not bad:
        return rows, ()
    keep = np.ones(changes.count, bool)
    keep[list(bad)] = False
    return rows.filter(pa.array(keep)), tuple(_failed(changes, names, stream, key, bad))


def _failed(
    changes: Changes,
    names: Sequence[str],
    stream: str,
    key: Sequence[str],
    bad: Mapping[int, str],
) -> Iterator[FailedEvent]:
    """Each with the row as the server wrote it."""
    for index in sorted(bad):
        texts = {name: raw[index].as_py() for name, raw in zip(names, changes.raw, strict=True)}
        values = [texts.get(name) for name in key]
        known = bool(values) and all(value is not None for value in values)
        yield FailedEvent(
            stream,
            "INGESTION",
            "PARSE_ERROR",
            bad[index],
            json.dumps(texts, ensure_ascii=False),
            key=":".join(map(str, values)) if known else None,
            event_type=stream,
            op=chr(changes.ops[index]),
        )
