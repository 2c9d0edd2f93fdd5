"""The end of a job: table, verdict, exit code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penstock.cli.context import Cli
from penstock.cli.output import Output
from penstock.cli.report import report
from penstock.core.books import Books
from penstock.core.progress import ObjectState, Summary


def state(name: str, status: str = "COMPLETED", **counts: int) -> ObjectState:
    books = Books(**counts)
    books.read = books.read or books.inserted + books.updated + books.unchanged + books.failed
    books.loaded = books.inserted + books.updated + books.unchanged
    return ObjectState(
        name, name, f"ac_{name}", "FULL_LOAD", status=status, books=books, started_at=1000,
        ended_at=3500,
    )  # fmt: skip


def summary(*objects: ObjectState, status: str = "COMPLETED", **more: Any) -> Summary:
    totals = Books()
    for item in objects:
        totals.add(item.books)
    return Summary("main", "01JOB", status, 1000, 13_300, totals, objects, {"calls": 7}, **more)


def test_every_object_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    report(Cli(), summary(state("contacts", inserted=1200), state("deals", unchanged=3)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "object", "table", "mode", "status", "read", "loaded", "inserted", "updated", "deleted",
        "unchanged", "failed", "seconds",
    ]  # fmt: skip
    assert lines[1].split() == [
        "contacts", "ac_contacts", "full", "load", "completed", "1,200", "1,200", "1,200", "0",
        "0", "0", "0", "2.5",
    ]  # fmt: skip
    assert lines[-1] == (
        "Done: 2 of 2 objects in 12.3 s; "
        "1,203 records read (0 B), 1,200 written, 3 unchanged, 0 failed."
    )


def test_rows_gone_from_the_source_are_deletions(capsys: pytest.CaptureFixture[str]) -> None:
    report(Cli(), summary(state("tags", unchanged=3, flagged=2)))
    row = capsys.readouterr().out.splitlines()[1].split()
    assert row[row.index("completed") + 5] == "2"


def test_on_a_narrow_terminal_columns_without_counts_go_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Output, "width", 35)
    report(Cli(), summary(state("tags", unchanged=3, flagged=2)))
    heading = capsys.readouterr().out.splitlines()[0]
    assert "deleted" in heading
    assert "inserted" not in heading


def test_unavailable_objects_are_listed_with_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    missing = state("scores", "UNAVAILABLE")
    missing.error = {"message": "Your plan does not offer it.", "hint": None}
    report(Cli(), summary(state("deals", inserted=1), missing))
    told = capsys.readouterr()
    assert "scores" not in told.out
    assert told.err == "Not available: scores. Your plan does not offer it.\n"


def test_failed_records_say_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    done = summary(state("deals", inserted=1, failed=2), status="COMPLETED_WITH_FAILURES")
    report(Cli(), done)
    assert capsys.readouterr().out.splitlines()[-1] == "See why: penstock failed main"


def test_the_error_of_a_job_is_told_with_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    error = {"code": "auth.rejected", "message": "The key was refused.", "hint": "Make a new one.",
             "where": {"object": "deals"}}  # fmt: skip
    report(Cli(), summary(status="FAILED", error=error, exit_code=2))
    assert capsys.readouterr().err.splitlines() == [
        "error: The key was refused.", "  where: object deals", "  hint: Make a new one."
    ]  # fmt: skip


def test_only_what_changed_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    done = summary(state("deals", inserted=1), state("tags", unchanged=9))
    report(Cli(), done, only_changed=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "In 1 other object nothing has changed."


def test_json_is_the_summary_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    done = summary(state("deals", inserted=1))
    report(Cli(Output(json=True)), done)
    assert json.loads(capsys.readouterr().out) == done.to_dict()
