"""A transformation between extract and map: event types, books, passes, reloads, failed events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.core import metadata
from penstock.core.batch import PER_ROW, Batch
from penstock.core.books import Books
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import ConfigError
from penstock.core.load import WriteMode
from penstock.core.stream import ReadMode, RowId, Split, Stream
from penstock.engine.run import run
from penstock.engine.task import StreamPlan, Task
from penstock.sdk.source import NOTHING_SAVED, ReadContext
from unit.engine.doubles import PEOPLE, ListSource, MemoryCatalog, MemoryDestination, task
from unit.engine.shaped import Made, Row, RowByRow

KEY = ("id",)


def _rows(*pairs: tuple[int, str]) -> list[Row]:
    return [{"id": number, "name": name} for number, name in pairs]


FOUR = [_rows((1, "a"), (2, "b")), _rows((3, "c"), (4, "d"))]


def renamed(name: str, row: Row) -> list[Made]:
    return [("folk", KEY, row)]


def tripled(name: str, row: Row) -> list[Made]:
    """Odd ids twice under other names, 4 nowhere, 3 refused."""
    if row["id"] == 3:
        raise ValueError("no threes")
    if row["id"] == 4:
        return []
    notes = [
        ("notes", ("note",), {"note": row["id"] * 10 + at, "name": row["name"]}) for at in (1, 2)
    ]
    return [(name, KEY, row), *(notes if row["id"] % 2 else ())]


@pytest.fixture
def ends() -> tuple[MemoryDestination, MemoryCatalog]:
    return MemoryDestination(), MemoryCatalog()


Ends = tuple[MemoryDestination, MemoryCatalog]


def _run(work: Task) -> None:
    outcome = run(work, work.source.plan([p.stream for p in work.plans.values()], work.checkpoints))
    assert outcome.fatal is None, outcome.fatal
    assert not outcome.splits, outcome.splits


def _books(catalog: MemoryCatalog, event_type: str) -> Books:
    total = Books()
    for commit in catalog.commits:
        for part in commit.parts:
            if part.event_type == event_type:
                part.books.check()
                total.add(part.books)
    return total


def _all_books(catalog: MemoryCatalog) -> Books:
    total = Books()
    for commit in catalog.commits:
        for part in commit.parts:
            total.add(part.books)
    return total


def test_renamed_events_go_to_the_table_of_their_new_name(tmp_path: Path, ends: Ends) -> None:
    work = task(tmp_path, ListSource(FOUR), *ends, transformer=RowByRow(renamed))
    _run(work)
    assert [row["id"] for row in ends[0].tables["folk"]] == [1, 2, 3, 4]
    assert "people" not in ends[0].tables, "an event type without a row has no table"
    books = _all_books(ends[1])
    assert (books.read, books.created, books.filtered, books.loaded) == (4, 0, 0, 4)
    assert work.states["people"].books == books
    assert work.states["people"].table == "folk"
    assert ends[1].commits[-1].checkpoint is not None


def test_rows_that_are_made_dropped_and_refused_are_in_the_books(
    tmp_path: Path, ends: Ends
) -> None:
    work = task(tmp_path, ListSource(FOUR), *ends, transformer=RowByRow(tripled))
    _run(work)
    assert [row["id"] for row in ends[0].tables["people"]] == [1, 2]
    assert [row["note"] for row in ends[0].tables["notes"]] == [11, 12]
    books = _all_books(ends[1])
    books.check()
    assert (books.read, books.created, books.filtered) == (4, 2, 1)
    assert (books.failed, books.loaded) == (1, 4)
    assert _books(ends[1], "notes").read == 0
    assert _books(ends[1], "notes").created == 2


def test_refused_events_are_kept_as_they_were_read(tmp_path: Path, ends: Ends) -> None:
    work = task(tmp_path, ListSource(FOUR), *ends, transformer=RowByRow(tripled))
    _run(work)
    (failed,) = [row for commit in ends[1].commits for row in commit.failed]
    assert (failed.stage, failed.code, failed.key) == ("TRANSFORMATION", "TRANSFORM_ERROR", "3")
    event = pq.read_table(tmp_path / "failed" / "p" / failed.file).to_pylist()[failed.file_row]
    assert json.loads(event["raw"]) == {"id": 3, "name": "c"}
    assert event["sub_code"] == "TRANSFORM_EXCEPTION"
    assert not event["shaped"]


def test_without_a_transformation_batches_are_not_touched(tmp_path: Path, ends: Ends) -> None:
    _run(task(tmp_path, ListSource(FOUR), *ends))
    assert len(ends[0].tables["people"]) == 4
    assert ends[1].made == {}


def test_complete_reads_compare_what_the_transformation_made(tmp_path: Path, ends: Ends) -> None:
    source = ListSource(FOUR)
    _run(task(tmp_path, source, *ends, transformer=RowByRow(renamed)))
    source.batches = [_rows((1, "a"), (2, "b")), _rows((4, "d"))]
    _run(task(tmp_path, source, *ends, transformer=RowByRow(renamed)))
    gone = [row["id"] for row in ends[0].tables["folk"] if row.get(metadata.DELETED)]
    assert gone == [3]


def test_a_pass_over_several_packages_counts_keys_by_event_type(tmp_path: Path, ends: Ends) -> None:
    source = ListSource(FOUR)
    both = RowByRow(lambda name, row: [(name, KEY, row), ("copy", KEY, dict(row))])
    _run(task(tmp_path, source, *ends, transformer=both, package_rows=1))
    source.batches = [_rows((1, "a")), _rows((2, "b"), (3, "c"))]
    _run(task(tmp_path, source, *ends, transformer=both, package_rows=1))
    for table in ("people", "copy"):
        gone = [row["id"] for row in ends[0].tables[table] if row.get(metadata.DELETED)]
        assert gone == [4], table


def test_a_refused_event_makes_the_pass_blind_for_all_event_types(
    tmp_path: Path, ends: Ends
) -> None:
    source = ListSource(FOUR)
    _run(task(tmp_path, source, *ends, transformer=RowByRow(renamed)))
    source.batches = [_rows((1, "a"), (3, "c"))]

    def refusing(name: str, row: Row) -> list[Made]:
        return tripled("folk", row)

    _run(task(tmp_path, source, *ends, transformer=RowByRow(refusing)))
    assert not [row for row in ends[0].tables["folk"] if row.get(metadata.DELETED)]


def test_a_reload_shows_all_event_types_together_also_those_without_rows(
    tmp_path: Path, ends: Ends
) -> None:
    source = ListSource(FOUR)
    _run(task(tmp_path, source, *ends, transformer=RowByRow(tripled)))
    work = task(tmp_path, source, *ends, transformer=RowByRow(renamed))
    plan = replace(work.plans["people"], generation=1)
    work.plans, work.checkpoints = {"people": plan}, {}
    _run(work)
    assert sorted(ends[0].published) == [("folk", 1), ("notes", 1), ("people", 1)]
    assert all(part.published for part in ends[1].commits[-1].parts)
    generations = {load.table: load.generation for load in ends[0].loads[-3:]}
    assert generations == {"folk": 1, "notes": 1, "people": 1}


def test_event_types_without_a_key_are_appended_and_get_the_mode_with_one(
    tmp_path: Path, ends: Ends
) -> None:
    def keyless(name: str, row: Row) -> list[Made]:
        return [("log", (), row), ("keyed", KEY, row)]

    work = task(tmp_path, ListSource(FOUR), *ends, transformer=RowByRow(keyless))
    plan = replace(work.plans["people"], key=(), mode=WriteMode.APPEND, wanted=WriteMode.MERGE)
    work.plans = {"people": plan}
    _run(work)
    modes = {load.table: load.mode for load in ends[0].loads}
    assert modes == {"log": WriteMode.APPEND, "keyed": WriteMode.MERGE}


def test_several_events_of_a_row_without_a_key_have_ids_of_their_own(
    tmp_path: Path, ends: Ends
) -> None:
    feed = Stream("feed", pa.schema([]), row_id=RowId())
    ids = pa.array(["x", "y"], pa.string())
    source = ListSource([_rows((1, "a"), (2, "b"))], feed, extra={0: {"row_ids": ids}})

    def twice(name: str, row: Row) -> list[Made]:
        return [(name, metadata.GENERATED_KEY, dict(row)) for _ in range(2)]

    work = task(tmp_path, source, *ends, transformer=RowByRow(twice))
    work.plans = {"feed": StreamPlan(feed, "feed", WriteMode.MERGE, feed.key)}
    _run(work)
    assert [row[metadata.ID] for row in ends[0].tables["feed"]] == ["x", "x.1", "y", "y.1"]


LOGGED = replace(PEOPLE, mode=ReadMode.LOG)


class LogSource(ListSource):
    """Gives rows of a log as they are."""

    def __init__(self, rows: Sequence[pa.RecordBatch]) -> None:
        super().__init__([], LOGGED)
        self.given = rows

    def plan(
        self, streams: Sequence[Stream], saved: Mapping[str, Checkpoint] = NOTHING_SAVED
    ) -> list[Split]:
        return [Split("the log", ("people",))]

    def read(
        self, split: Split, checkpoint: Checkpoint | None, context: ReadContext
    ) -> Iterator[Batch]:
        for at, rows in enumerate(self.given):
            yield Batch("people", rows, Checkpoint({"at": at}), op=PER_ROW)


def _logged(*changes: dict[str, Any]) -> pa.RecordBatch:
    left_out = [{"name": bool(change.pop("_out", False))} for change in changes]
    rows = pa.RecordBatch.from_pylist(
        list(changes),
        pa.schema([("id", pa.int64()), ("name", pa.string()), (metadata.OP, pa.string())]),
    )
    return rows.append_column(metadata.LEFT_OUT, pa.array(left_out))


def test_deletes_of_a_log_reach_the_table_of_the_new_name(tmp_path: Path, ends: Ends) -> None:
    seen: list[Row] = []

    def watched(name: str, row: Row) -> list[Made]:
        seen.append(dict(row))
        return [("folk", KEY, row)]

    source = LogSource(
        [_logged({"id": 1, "name": "a", "_ps_op": "I"}), _logged({"id": 1, "_ps_op": "D"})]
    )
    _run(task(tmp_path, source, *ends, transformer=RowByRow(watched)))
    assert seen == [
        {"id": 1, "name": "a", metadata.DELETED: False},
        {"id": 1, metadata.DELETED: True},
    ]
    (row,) = ends[0].tables["folk"]
    assert row[metadata.DELETED] is True
    assert metadata.OP not in [c.field for c in ends[1].mappings["folk"].columns]


def test_deletes_that_a_script_cannot_take_go_where_rows_of_their_key_went(
    tmp_path: Path, ends: Ends
) -> None:
    def careless(name: str, row: Row) -> list[Made]:
        return [("folk", KEY, {"id": row["id"], "loud": row["name"].upper()})]

    first = [_logged(*({"id": n, "name": f"n{n}", "_ps_op": "I"} for n in (1, 2, 3)))]
    _run(task(tmp_path, LogSource(first), *ends, transformer=RowByRow(careless)))
    later = [
        _logged(
            {"id": 1, "_ps_op": "D"},
            {"id": 2, "_ps_op": "D"},
            {"id": 2, "name": "back", "_ps_op": "I"},
        )
    ]
    work = task(tmp_path, LogSource(later), *ends, transformer=RowByRow(careless))
    _run(work)
    books = work.states["people"].books
    books.check()
    assert (books.read, books.failed, books.filtered) == (3, 0, 0)
    found = {row["id"]: (row["loud"], row[metadata.DELETED]) for row in ends[0].tables["folk"]}
    assert found[1][1] is True
    assert found[2] == ("BACK", False)
    assert found[3] == ("N3", False)


def test_values_that_a_log_left_out_stay_left_out_and_so_do_those_made_of_them(
    tmp_path: Path, ends: Ends
) -> None:
    def shouted(name: str, row: Row) -> list[Made]:
        loud = {"loud": row["name"].upper()} if "name" in row else {}
        return [(name, KEY, {**row, **loud})]

    source = LogSource(
        [
            _logged({"id": 1, "name": "a", "_ps_op": "I"}),
            _logged({"id": 1, "_ps_op": "U", "_out": True}, {"id": 2, "_ps_op": "U"}),
        ]
    )
    _run(task(tmp_path, source, *ends, transformer=RowByRow(shouted), package_rows=1))
    (load,) = [load for load in ends[0].loads if load.left_out]
    assert set(load.left_out) == {"name", "loud"}
    masks = {row["id"]: row[metadata.left_out_column(0)] for row in ends[0].tables["people"]}
    assert masks[1] == sum(1 << bit for bit in load.left_out.values())
    assert masks[2] == 0


def test_a_table_of_two_streams_is_merged_into_and_never_swept(tmp_path: Path, ends: Ends) -> None:
    ends[1].made = {"others": {"folk": True}}
    source = ListSource(FOUR)
    _run(task(tmp_path, source, *ends, transformer=RowByRow(renamed)))
    source.batches = [_rows((1, "a"))]
    work = task(tmp_path, source, *ends, transformer=RowByRow(renamed))
    work.plans = {"people": replace(work.plans["people"], generation=1)}
    work.checkpoints = {}
    _run(work)
    assert not [row for row in ends[0].tables["folk"] if row.get(metadata.DELETED)]
    assert ends[0].published == []
    assert {load.generation for load in ends[0].loads} == {0}


def test_a_table_that_turns_out_to_be_shared_while_it_is_built_anew_begins_anew(
    tmp_path: Path, ends: Ends
) -> None:
    others = replace(PEOPLE, name="others")
    ends[1].made = {"others": {"folk": True}}
    work = task(tmp_path, ListSource(FOUR), *ends, transformer=RowByRow(renamed))
    plan = work.plans["people"]
    work.plans = {
        "people": plan,
        "others": replace(plan, stream=others, event_type="others", generation=1),
    }
    outcome = run(work, [Split("people", ("people",))])
    assert isinstance(outcome.fatal, ConfigError)
    assert outcome.fatal.code == "transform.shared_table"
    assert ends[1].reloads == ["others"]
    again = task(tmp_path, ListSource(FOUR), *ends, transformer=RowByRow(renamed))
    _run(again)
    assert len(ends[0].tables["folk"]) == 4


FATES = st.lists(
    st.one_of(st.none(), st.lists(st.sampled_from(["people", "folk", "notes"]), max_size=4)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(fates=FATES, cuts=st.integers(1, 5), package_rows=st.integers(1, 6))
def test_every_event_is_accounted_for_whatever_becomes_of_it(
    tmp_path_factory: pytest.TempPathFactory,
    fates: list[list[str] | None],
    cuts: int,
    package_rows: int,
) -> None:
    """None refuses an event; a list says which events are made of it."""

    def fated(name: str, row: Row) -> list[Made]:
        fate = fates[row["id"]]
        if fate is None:
            raise ValueError("refused")
        return [(made, ("id", "n"), {**row, "n": at}) for at, made in enumerate(fate)]

    rows = _rows(*((at, f"n{at}") for at in range(len(fates))))
    source = ListSource([rows[at : at + cuts] for at in range(0, len(rows), cuts)])
    ends = MemoryDestination(), MemoryCatalog()
    folder = tmp_path_factory.mktemp("fates")
    work = task(folder, source, *ends, transformer=RowByRow(fated), package_rows=package_rows)
    _run(work)
    books = work.states["people"].books
    books.check()
    made = [name for fate in fates if fate for name in fate]
    assert books.read == len(fates)
    assert books.failed == fates.count(None)
    assert books.filtered == fates.count([])
    assert books.created == sum(max(0, len(fate) - 1) for fate in fates if fate is not None)
    assert books.loaded == len(made)
    for name in ("people", "folk", "notes"):
        _books(ends[1], name).check()
        assert len(ends[0].tables.get(name, [])) == made.count(name)
