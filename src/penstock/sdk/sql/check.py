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
    from penstock.sdk.sql.tx import Tx

_SHAPE = pa.schema([("id", pa.int64()), ("text", pa.string()), (INGESTED_AT, pa.int64())])


def table_steps(destination: SqlDestination) -> Iterator[Step]:
    """Create, insert, merge, drop; stops at the first step that fails.

    All of it is one transaction that is taken back, with our own tables and a new schema in it:
    what a run would make is made for the proof, and nothing of it stays.
    """
    table = f"{STAGING_PREFIX}check_{new_id().lower()}"
    modes = destination.capabilities.modes
    mode = WriteMode.MERGE if WriteMode.MERGE in modes else min(modes)
    name, began = "create", time.monotonic()
    with tempfile.TemporaryDirectory(prefix="penstock-check-") as folder:
        first = _load(table, mode, Path(folder) / "one.parquet", "a")
        second = _load(table, mode, Path(folder) / "two.parquet", "b")
        steps: list[tuple[str, Callable[[Tx], object]]] = [
            ("create", lambda tx: destination.evolve_in(tx, first)),
            ("insert", lambda tx: destination.apply_in(tx, first)),
            (mode.value, lambda tx: destination.apply_in(tx, second)),
            ("drop", lambda tx: tx.run(f"DROP TABLE {destination.qualified(table)}")),
        ]
        try:
            with destination.taken_back() as tx:
                for name, call in steps:
                    call(tx)
                    yield Step(name, True, seconds=time.monotonic() - began)
                    began = time.monotonic()
        except PenstockError as error:
            # Also what the driver raised: it is put into our words at the end of the transaction.
            yield failed_step(name, error, began)


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
