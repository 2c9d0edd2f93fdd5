"""Answers of several slices as one, in order of ingestion."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.convert import convert
from penstock.core.events import joined
from penstock.core.widen import common
from penstock.transforms.events import Events, Refused, Transformed
from penstock.transforms.python.answers import Answer


def merged(rows: int, answers: Sequence[tuple[int, Answer]]) -> Transformed:
    """The whole of a batch.

    Args:
        rows: of the input.
        answers: each with the place of its first row, in order.
    """
    parts: dict[tuple[str, tuple[str, ...]], list[Events]] = {}
    refused: list[Refused] = []
    for first, answer in answers:
        refused += [_moved(one, first) for one in answer.refused]
        for events in answer.outputs:
            parts.setdefault((events.name, events.keys), []).append(_shifted(events, first))
    outputs = tuple(joined(same, _column) for same in parts.values())
    origins = pa.chunked_array([o.origin for o in outputs], pa.int32())
    passed = pc.count_distinct(origins).as_py()
    return Transformed(
        outputs,
        tuple(refused),
        filtered=rows - len(refused) - passed,
        created=len(origins) - passed,
    )


def _moved(one: Refused, first: int) -> Refused:
    return Refused(one.row + first, one.code, one.sub_code, one.reason, one.line, one.traceback)


def _shifted(events: Events, first: int) -> Events:
    origin = pc.add(events.origin, pa.scalar(first, pa.int32()))
    return Events(events.name, events.keys, events.rows, origin, events.nulls)


def _column(parts: list[pa.Array]) -> pa.Array:
    target = common(part.type for part in parts)
    return pa.concat_arrays([convert(part, part.type, target).array for part in parts])
