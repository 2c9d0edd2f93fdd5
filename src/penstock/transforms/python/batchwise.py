"""Scripts on batches: `def transform_batch(batch: pa.RecordBatch) -> pa.RecordBatch`."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.transforms.python.encode import Column
from penstock.transforms.python.outputs import Built, RefusedError
from penstock.transforms.python.runner import Failure
from penstock.transforms.python.script import Script, failure_of

ROW: Final = "_ps_row"
"""A column with the place of each row, so that rows left out or doubled are told apart."""


def run_batch(
    script: Script,
    head: dict[str, Any],
    rows: pa.RecordBatch,
    marks: dict[int, pa.Array],
    progress: MutableSequence[int] | memoryview,
) -> tuple[list[Built], list[Failure]]:
    """Call the script with all rows; where it raises, with halves, down to the rows at fault."""
    given = rows.append_column(ROW, pa.array(range(rows.num_rows), pa.int32()))
    parts: list[pa.RecordBatch] = []
    failures: list[Failure] = []
    waiting = [(0, rows.num_rows)]
    while waiting:
        start, stop = waiting.pop()
        progress[0] = start
        try:
            parts.append(_checked(script.function(given.slice(start, stop - start)), start, stop))
        except BaseException as error:  # noqa: BLE001
            if stop - start > 1:
                middle = (start + stop) // 2
                waiting += [(middle, stop), (start, middle)]
            else:
                failures.append(_failure(script, start, error))
    keys = tuple(head["keys"])
    missing = _missing(rows, marks)
    return [_built(head["name"], keys, part, missing) for part in parts if part.num_rows], failures


def _failure(script: Script, place: int, error: BaseException) -> Failure:
    if isinstance(error, RefusedError):
        return Failure(place, error.sub_code, str(error))
    return Failure(place, *failure_of(error, script))


def _checked(answer: Any, start: int, stop: int) -> pa.RecordBatch:
    if isinstance(answer, pa.Table):
        batches = answer.combine_chunks().to_batches()
        answer = batches[0] if batches else answer.schema.empty_table().to_batches()
    if not isinstance(answer, pa.RecordBatch):
        raise RefusedError(
            "TRANSFORM_BAD_RETURN",
            f"transform_batch returns a RecordBatch, not {type(answer).__name__}",
        )
    if ROW in answer.schema.names:
        return answer
    if answer.num_rows != stop - start:
        raise RefusedError(
            "TRANSFORM_BAD_RETURN",
            f"transform_batch gave {answer.num_rows} rows for {stop - start} without {ROW}: "
            "keep that column where rows are left out or added",
        )
    return answer.append_column(ROW, pa.array(range(start, stop), pa.int32()))


def _missing(rows: pa.RecordBatch, marks: dict[int, pa.Array]) -> dict[str, pa.Array]:
    """By field: the input rows that have no such field."""
    found = {}
    for place, name in enumerate(rows.schema.names):
        column = rows.column(place)
        if column.null_count:
            absent = column.is_null()
            if place in marks:
                absent = pc.and_not(absent, marks[place])
            found[name] = absent
    return found


def _built(
    name: str, keys: tuple[str, ...], part: pa.RecordBatch, missing: dict[str, pa.Array]
) -> Built:
    order = pc.sort_indices(part.column(ROW))
    part = part.take(order)
    origins = part.column(ROW).cast(pa.int32())
    names = tuple(n for n in part.schema.names if n != ROW)
    columns = [_column(part.column(n), missing.get(n), origins) for n in names]
    return Built(name, keys, names, columns, origins)


def _column(array: pa.Array, missing: pa.Array | None, origins: pa.Array) -> Column:
    """A null was set by the script where the field was there, or was null, before."""
    if not array.null_count:
        return Column(array, None)
    were_set = array.is_null()
    if missing is not None:
        were_set = pc.and_not(were_set, missing.take(origins))
    return Column(array, were_set)
