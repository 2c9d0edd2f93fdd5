"""The file: held by others, broken, missing, full of what users made of it."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from penstock.connectors.destinations.duckdb.config import Config
from penstock.connectors.destinations.duckdb.destination import DuckDb
from penstock.core.errors import ConfigError, DataError, Interrupted, TransientError
from penstock.core.load import Receipt, TableLoad
from penstock.sdk.conformance.kit import PEOPLE, Loads, read
from penstock.sdk.sql.refuse import find_refused

WAIT = """
import sys
from pathlib import Path
from penstock.connectors.destinations.duckdb.config import Config
from penstock.connectors.destinations.duckdb.destination import DuckDb
print("begun", flush=True)
print(DuckDb(Config(path=Path(sys.argv[1]))).ledger("suite"), flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def destination(path: Path) -> Iterator[DuckDb]:
    with closing(DuckDb(Config(path=path))) as destination:
        yield destination


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    folder = tmp_path / "loads"
    folder.mkdir()
    return Loads(folder)


def put(destination: DuckDb, load: TableLoad) -> Receipt:
    destination.evolve(load.table, load.schema, load.key, mode=load.mode)
    return destination.load(load)


def change(destination: DuckDb, path: Path, *statements: str) -> None:
    """What a user does between two loads."""
    destination.close()
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def held(path: Path, *, read_only: bool) -> Iterator[int]:
    """Another process that has the file open."""
    code = (
        f"import duckdb, sys; c = duckdb.connect({str(path)!r}, read_only={read_only}); "
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            assert process.stdin is not None
            process.stdin.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_another_process_holds(
    destination: DuckDb, path: Path, loads: Loads, read_only: bool
) -> None:
    put(destination, loads([{"id": 1, "v": "a"}]))
    destination.close()
    destination._file.patience_s = 0.0
    with held(path, read_only=read_only) as holder:
        with pytest.raises(TransientError) as raised:
            put(destination, loads([{"id": 2, "v": "b"}]))
        assert raised.value.code == "destination.locked"
        assert raised.value.message == f"The DuckDB file is held by process {holder}."
        (step,) = destination.check()
        assert (step.name, step.ok, step.again) == ("file", False, True)
    assert put(destination, loads([{"id": 2, "v": "b"}])).inserted == 1


def test_a_file_that_is_let_go_is_waited_for(destination: DuckDb, path: Path, loads: Loads) -> None:
    put(destination, loads([{"id": 1, "v": "a"}]))
    destination.close()
    with held(path, read_only=False):
        waiting = subprocess.Popen(
            [sys.executable, "-c", WAIT, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "begun\n"
    out, _ = waiting.communicate(timeout=60)
    assert "load-1" in out
    assert waiting.returncode == 0


def test_an_empty_file_is_one_that_was_never_finished(
    destination: DuckDb, path: Path, loads: Loads
) -> None:
    path.write_bytes(b"")
    assert put(destination, loads([{"id": 1, "v": "a"}])).inserted == 1


def test_another_file_is_not_touched(destination: DuckDb, path: Path) -> None:
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(ConfigError) as raised:
        destination.ledger("p")
    assert raised.value.code == "destination.file"
    assert path.read_bytes() == b"not a database" * 1000


@pytest.mark.parametrize("place", ["nowhere/a.duckdb", "."])
def test_a_place_that_cannot_be(tmp_path: Path, place: str) -> None:
    with pytest.raises(ConfigError) as raised:
        DuckDb(Config(path=tmp_path / place)).ledger("p")
    assert raised.value.code == "destination.file"


@pytest.mark.parametrize(
    ("statements", "bad", "code"),
    [
        (["ALTER TABLE people ALTER v SET NOT NULL"], None, "NOT_NULL_VIOLATION"),
        (
            ["CREATE TYPE mood AS ENUM ('a', 'ok')", "ALTER TABLE people ALTER v TYPE mood"],
            "bad",
            "INCOMPATIBLE_TYPE",
        ),
        (["ALTER TABLE people ALTER v TYPE INTEGER[] USING NULL"], "bad", "INCOMPATIBLE_TYPE"),
    ],
)
def test_only_the_rows_that_the_table_refuses_are_found(
    destination: DuckDb,
    path: Path,
    loads: Loads,
    statements: list[str],
    bad: Any,
    code: str,
) -> None:
    put(destination, loads([{"id": 0, "v": "a"}]))
    change(destination, path, *statements)
    good = "[1, 2]" if "[]" in statements[0] else "ok"
    rows = [{"id": n, "v": bad if n in (5, 9) else good} for n in range(1, 12)]
    load = loads(rows)
    with pytest.raises(DataError):
        put(destination, load)
    assert [(item.index, item.code) for item in destination.refused(load)] == [(4, code), (8, code)]
    taken = [row for row in rows if row["v"] == good]
    assert put(destination, loads(taken)).inserted == 9


def test_a_load_of_which_no_row_fits(destination: DuckDb, path: Path, loads: Loads) -> None:
    put(destination, loads([{"id": 0, "v": "a"}]))
    change(destination, path, "ALTER TABLE people ALTER v SET NOT NULL")
    load = loads([{"id": n, "v": None} for n in range(1, 4)])
    assert [item.index for item in destination.refused(load)] == [0, 1, 2]


def test_rows_that_only_together_are_refused(destination: DuckDb, path: Path, loads: Loads) -> None:
    put(destination, loads([{"id": 0, "v": "zero"}]))
    change(destination, path, "CREATE UNIQUE INDEX u ON people (v)")
    values = {2: "twice", 7: "twice", 11: "zero"}
    load = loads([{"id": n, "v": values.get(n, f"v{n}")} for n in range(1, 15)])
    assert [item.index + 1 for item in destination.refused(load)] == [7, 11]


@pytest.mark.parametrize(
    "rule", ["ALTER TABLE people ALTER v SET NOT NULL", "CREATE UNIQUE INDEX u ON people (v)"]
)
def test_the_search_ends_when_too_many_rows_are_refused(
    destination: DuckDb, path: Path, loads: Loads, rule: str
) -> None:
    put(destination, loads([{"id": 0, "v": "a"}]))
    change(destination, path, rule)
    load = loads([{"id": n, "v": None if "NULL" in rule else "a"} for n in range(1, 9)])
    assert len(find_refused(destination, load, most=8)) == 8
    with pytest.raises(ConfigError) as raised:
        find_refused(destination, load, most=7)
    assert raised.value.code == "load.too_many_refused"
    assert "onstraint" in raised.value.message


def test_the_search_ends_when_the_job_is_to_stop(
    destination: DuckDb, path: Path, loads: Loads
) -> None:
    put(destination, loads([{"id": 0, "v": "a"}]))
    change(destination, path, "ALTER TABLE people ALTER v SET NOT NULL")
    cancel = threading.Event()
    destination.stop_with(cancel)
    cancel.set()
    with pytest.raises(Interrupted):
        find_refused(destination, loads([{"id": 1, "v": None}]))


@pytest.mark.parametrize("kind", ["HUGEINT", "UBIGINT", "UINTEGER"])
def test_wider_numbers_of_the_user_take_ours(
    destination: DuckDb, path: Path, loads: Loads, kind: str
) -> None:
    shape = pa.schema([("id", pa.int64()), ("v", pa.int32())])
    put(destination, loads([{"id": 1, "v": 5}], shape=shape))
    change(destination, path, f"ALTER TABLE people ALTER v TYPE {kind}")
    later = [{"id": 1, "v": 5, "at": 200}, {"id": 2, "v": 6, "at": 200}]
    receipt = put(destination, loads(later, shape=shape))
    assert (receipt.inserted, receipt.unchanged) == (1, 1)
    text = pa.schema([("id", pa.int64()), ("v", pa.string())])
    put(destination, loads([{"id": 3, "v": "x"}], shape=text))
    assert read(destination, "id", "v") == [(1, "5"), (2, "6"), (3, "x")]


def test_views_follow_what_a_load_does(destination: DuckDb, path: Path, loads: Loads) -> None:
    put(destination, loads([{"id": 1, "v": "a"}]))
    change(destination, path, "CREATE VIEW w AS SELECT id, v FROM people")
    wider = pa.schema([*PEOPLE, ("n", pa.int32())])
    put(destination, loads([{"id": 2, "v": "b", "n": 1}], shape=wider))
    put(destination, loads([{"id": 3, "v": "c"}], generation=1))
    destination.publish("people", 1)
    assert destination.query("SELECT * FROM w").to_pylist() == [{"id": 3, "v": "c"}]


@pytest.mark.parametrize("empty", [False, True], ids=["no file", "an empty file"])
def test_a_check_makes_no_file(destination: DuckDb, path: Path, empty: bool) -> None:
    if empty:
        path.touch()
    before = sorted(path.parent.iterdir())
    steps = list(destination.check())
    assert [step.name for step in steps if not step.ok] == []
    assert "a run makes it" in steps[0].detail
    assert sorted(path.parent.iterdir()) == before
    assert not empty or path.stat().st_size == 0


def test_a_check_changes_nothing_in_a_file(destination: DuckDb, path: Path) -> None:
    duckdb.connect(str(path)).close()
    assert all(step.ok for step in destination.check())
    destination.close()
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_check_names_a_folder_that_refuses_files(
    destination: DuckDb, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object, **_more: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path.parent))

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    (step,) = destination.check()
    assert (step.name, step.ok) == ("file", False)
    assert "internal" not in step.detail.lower()
    assert step.hint
