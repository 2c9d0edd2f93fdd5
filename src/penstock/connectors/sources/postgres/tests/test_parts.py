"""History in parts: read side by side, gone on with after a stop, no lock held."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import psycopg
import pytest

from penstock.core.batch import Batch
from penstock.sdk.source import ReadContext
from penstock.sdk.sql.reading import history
from tables import Tables

pytestmark = pytest.mark.postgres
ROWS = 20_000

KEYS = {
    "numbers": "create table t as select n as id, 'v' || n as v from generate_series(1, {n}) n;"
    "alter table t add primary key (id)",
    "uuids": "create table t as select md5(n::text)::uuid as id, n as v "
    "from generate_series(1, {n}) n; alter table t add primary key (id)",
    "texts of a composite key": "create table t as select md5(n::text) as a, n as id "
    "from generate_series(1, {n}) n; alter table t add primary key (a, id)",
}


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of 20,000 rows is read in seven parts."""
    monkeypatch.setattr(history, "_PART_ROWS", 3_000)


def _ids(batches: list[Batch]) -> list[Any]:
    return [value for b in batches if b.rows for value in b.rows.column("id").to_pylist()]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.usefixtures("small_parts")
def test_parts_bring_every_row_once_and_go_on_from_any_checkpoint(
    sql: psycopg.Connection[Any], tables: Tables, key: str
) -> None:
    sql.execute(KEYS[key].format(n=ROWS).encode())
    sql.execute("analyze t")
    context = ReadContext(package_rows=500)
    with tables.opened() as source:
        split = source.plan(source.discover())[0]
        whole = list(source.read(split, None, context))
        assert max(Counter(_ids(whole)).values()) == 1
        assert len(_ids(whole)) == ROWS
        positions = [b.checkpoint.position for b in whole if b.checkpoint]
        assert max(len(p["parts"]) for p in positions if p.get("parts")) == 7
        for end in range(1, len(whole) - 1, 9):
            checkpoint = whole[end].checkpoint
            rest = list(source.read(split, checkpoint, context))
            # Nothing that was yielded before the checkpoint comes again.
            assert Counter(_ids(whole[: end + 1]) + _ids(rest)) == Counter(_ids(whole))


@pytest.mark.usefixtures("small_parts")
def test_reading_that_is_given_up_leaves_no_session_busy(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute(KEYS["numbers"].format(n=ROWS).encode())
    sql.execute("analyze t")
    before = set(threading.enumerate())
    with tables.opened() as source:
        batches = source.read(source.plan(source.discover())[0], None, ReadContext(package_rows=10))
        next(batches)
        batches.close()  # type: ignore[attr-defined]
        assert set(threading.enumerate()) <= before
        busy = sql.execute(
            "select count(*) from pg_stat_activity where state <> 'idle' "
            "and pid <> pg_backend_pid() and datname = current_database()"
        )
        assert busy.fetchone() == (0,)


@pytest.mark.usefixtures("small_parts")
def test_a_table_can_be_changed_while_it_is_read(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    """Between two pages nothing is held: no transaction, no lock."""
    sql.execute(KEYS["numbers"].format(n=ROWS).encode())
    sql.execute("analyze t; set lock_timeout = '5s'")
    tables.source = {**tables.source, "ingestion_batch_rows": 1000, "historical_parallelism": 1}
    with tables.opened() as source:
        batches = source.read(
            source.plan(source.discover())[0], None, ReadContext(package_rows=500)
        )
        found = [next(batches) for _ in range(3)]
        sql.execute("alter table t add column later int; delete from t where id > 10000")
        found += batches
        assert len(_ids(found)) == 10_000
