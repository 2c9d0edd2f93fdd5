"""The part of a connection test that writes: make a table, load, merge, drop it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.core.clock import new_id, now_ms
from penstock.core.errors import PenstockError, TransientError
from penstock.core.load import TableLoad, WriteMode
from penstock.core.metadata import INGESTED_AT, STAGING_PREFIX
from penstock.sdk.source import Step

if TYPE_CHECKING:
    from penstock.sdk.sql.destination import SqlDestination

_SHAPE = pa.schema([("id", pa.int64()), ("text", pa.string()), (INGESTED_AT, pa.int64())])


def table_steps(destination: SqlDestination) -> Iterator[Step]:
    """Create, insert, merge, drop; stops at the first step that fails. Leaves nothing behind."""
    table = f"{STAGING_PREFIX}check_{new_id().lower()}"
    with tempfile.TemporaryDirectory(prefix="penstock-check-") as folder:
        modes = destination.capabilities.modes
        mode = WriteMode.MERGE if WriteMode.MERGE in modes else min(modes)
        first = _load(table, mode, Path(folder) / "one.parquet", "a")
        second = _load(table, mode, Path(folder) / "two.parquet", "b")
        steps: list[tuple[str, Callable[[], object]]] = [
            ("create", lambda: destination.evolve(table, _SHAPE, ("id",), mode=mode)),
            ("insert", lambda: destination.try_load(first)),
            (mode.value, lambda: destination.try_load(second)),
        ]
        try:
            for name, call in steps:
                step = _timed(name, call)
                yield step
                if not step.ok:
                    return
        finally:
            dropped = _timed("drop", lambda: _drop(destination, table))
        yield dropped


def _load(table: str, mode: WriteMode, file: Path, text: str) -> TableLoad:
    row = {"id": 1, "text": text, INGESTED_AT: 1, "_ps_op": "I", "_ps_seq": 1, "_ps_hint": 0}
    rows = pa.Table.from_pylist([row])
    hint = rows.schema.get_field_index("_ps_hint")
    rows = rows.set_column(hint, "_ps_hint", rows.column(hint).cast(pa.uint8()))
    pq.write_table(rows, file)
    return TableLoad(
        load_id=new_id(),
        pipeline="check",
        table=table,
        schema=_SHAPE,
        key=("id",),
        mode=mode,
        files=(file,),
        rows=1,
        loaded_at=now_ms(),
    )


def failed_step(name: str, error: PenstockError, began: float) -> Step:
    """The step that an error ended."""
    seconds, again = time.monotonic() - began, isinstance(error, TransientError)
    return Step(name, False, error.message, seconds, error.hint, again)


def _timed(name: str, call: Callable[[], object]) -> Step:
    began = time.monotonic()
    try:
        call()
    except PenstockError as error:
        return failed_step(name, error, began)
    return Step(name, True, seconds=time.monotonic() - began)


def _drop(destination: SqlDestination, table: str) -> None:
    with destination.transaction() as tx:
        tx.run(f"DROP TABLE IF EXISTS {destination.qualified(table)}")
