"""Events on their way from the source to the mapper, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa


@dataclass(frozen=True)
class Events:
    """Rows of one event type in the order of their ingestion.

    Args:
        name: the event type.
        keys: fields of the primary key; events without one are appended.
        rows: n x fields of the user; of ours only what was attached at ingestion (`_ps_id`).
        origin: int32, length n, never falling: the row of the input that each came from.
        nulls: for each field where null was *set*, a boolean array of length n that is true
            there. A null without such a mark is a missing field (transformations.md 2.3).
    """

    name: str
    keys: tuple[str, ...]
    rows: pa.RecordBatch
    origin: pa.Array
    nulls: Mapping[str, pa.Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """An input event that was set aside: nothing that was made of it goes on.

    Args:
        row: its place in the input.
        code, sub_code: of transformations.md 3.7.
        line: of the user's script, where there is one.
        traceback: frames of the user's script alone.
    """

    row: int
    code: str
    sub_code: str
    reason: str
    line: int | None = None
    traceback: str = ""


@dataclass(frozen=True)
class Transformed:
    """What a transformation made of one batch.

    The books: rows of the input + created = rows of the outputs + refused + filtered.

    Args:
        outputs: one for each name and key, in the order of their first appearance.
        filtered: input rows of which nothing came and that were not refused.
        created: rows of the outputs beyond one for each input row.
    """

    outputs: tuple[Events, ...]
    refused: tuple[Refused, ...] = ()
    filtered: int = 0
    created: int = 0


def joined(parts: Sequence[Events], column: Callable[[list[pa.Array]], pa.Array]) -> Events:
    """Events of one type that come in pieces; fields in order of first appearance.

    Args:
        column: makes one of a field's columns, which may differ in type; where a piece lacks
            the field it has nulls.
    """
    if len(parts) == 1:
        return parts[0]
    names = list(dict.fromkeys(name for part in parts for name in part.rows.schema.names))
    columns = [column([_field(part, name) for part in parts]) for name in names]
    marked = [name for name in names if any(name in part.nulls for part in parts)]
    nulls = {name: pa.concat_arrays([_marks(part, name) for part in parts]) for name in marked}
    origin = pa.concat_arrays([part.origin for part in parts])
    rows = pa.RecordBatch.from_arrays(columns, names=names) if names else _bare(len(origin))
    return Events(parts[0].name, parts[0].keys, rows, origin, nulls)


def _bare(count: int) -> pa.RecordBatch:
    """Rows without any field."""
    return pa.RecordBatch.from_struct_array(pa.array([{}] * count, pa.struct([])))


def _field(part: Events, name: str) -> pa.Array:
    at = part.rows.schema.get_field_index(name)
    return part.rows.column(at) if at >= 0 else pa.nulls(part.rows.num_rows)


def _marks(part: Events, name: str) -> pa.Array:
    marks = part.nulls.get(name)
    return pa.repeat(pa.scalar(False), part.rows.num_rows) if marks is None else marks


class Transformer(Protocol):
    """A deployed transformation. One thread calls it at a time; batches come in order."""

    def transform(self, events: Events) -> Transformed:
        """What became of these events.

        Raises:
            PenstockError: the transformation itself cannot run; of a single event that
                cannot pass, `Transformed.refused` tells.
        """

    def close(self) -> None:
        """End its processes."""
