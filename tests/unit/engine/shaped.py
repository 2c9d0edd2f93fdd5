"""A transformation out of a function over plain rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from penstock.transforms.events import Events, Refused, Transformed

Row = dict[str, Any]
Made = tuple[str, tuple[str, ...], Row]
"""Event type, fields of the key, values; a value of None is null that was set."""


class RowByRow:
    """Gives each row to a function; what it raises refuses the row."""

    def __init__(self, function: Callable[[str, Row], Iterable[Made]]) -> None:
        self.function = function
        self.calls = 0

    def transform(self, events: Events) -> Transformed:
        self.calls += 1
        made: dict[tuple[str, tuple[str, ...]], list[tuple[int, Row]]] = {}
        refused, filtered, created = [], 0, 0
        for at, row in enumerate(events.rows.to_pylist()):
            there = {name: value for name, value in row.items() if value is not None}
            try:
                found = list(self.function(events.name, there))
            except (KeyError, ValueError) as error:
                refused.append(Refused(at, "TRANSFORM_ERROR", "TRANSFORM_EXCEPTION", repr(error)))
                continue
            filtered += not found
            created += max(0, len(found) - 1)
            for name, keys, values in found:
                made.setdefault((name, keys), []).append((at, values))
        outputs = tuple(_events(name, keys, rows) for (name, keys), rows in made.items())
        return Transformed(outputs, tuple(refused), filtered, created)

    def close(self) -> None:
        pass


def _events(name: str, keys: tuple[str, ...], rows: list[tuple[int, Row]]) -> Events:
    names = list(dict.fromkeys(field for _, row in rows for field in row))
    columns = [pa.array([row.get(field) for _, row in rows]) for field in names]
    nulls = {
        field: pa.array([field in row and row[field] is None for _, row in rows]) for field in names
    }
    origin = pa.array([at for at, _ in rows], pa.int32())
    return Events(name, keys, pa.RecordBatch.from_arrays(columns, names=names), origin, nulls)
