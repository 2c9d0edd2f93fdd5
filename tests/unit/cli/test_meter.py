"""Speeds, shares and time left."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from penstock.cli.live import draw
from penstock.cli.meter import Meter
from penstock.cli.output import Output
from penstock.cli.watch import JsonWatch, PlainWatch
from penstock.core.books import Books
from penstock.core.progress import ObjectState, Progress


def running(name: str, rows: int, expected: int | None = None) -> ObjectState:
    return ObjectState(
        name, name, name, "FULL_LOAD", status="IN_PROGRESS", rows_read=rows, expected=expected,
        bytes_read=rows * 10, calls=3, started_at=1,
    )  # fmt: skip


def ended(name: str, rows: int) -> ObjectState:
    return ObjectState(
        name, name, name, "FULL_LOAD", status="COMPLETED", rows_read=rows, started_at=1, ended_at=2,
        books=Books(read=rows, loaded=rows, inserted=rows),
    )  # fmt: skip


def at(seconds: float, *objects: ObjectState) -> Progress:
    return Progress("p", "job", seconds, objects, calls=7, bytes_read=2_000_000)


def test_share_and_time_left_are_known_when_the_total_is() -> None:
    (line,) = Meter().read(at(2.0, running("contacts", 100, expected=400))).lines
    assert (line.share, line.speed, line.left_s) == (0.25, 50.0, 6.0)


def test_without_a_total_there_is_no_share() -> None:
    (line,) = Meter().read(at(2.0, running("contacts", 100))).lines
    assert (line.share, line.left_s) == (None, None)


def test_a_total_that_was_too_low_is_never_more_than_all() -> None:
    (line,) = Meter().read(at(2.0, running("contacts", 500, expected=400))).lines
    assert (line.share, line.left_s) == (1.0, 0.0)


def test_speed_follows_the_newest_seconds() -> None:
    meter = Meter()
    meter.read(at(1.0, running("a", 100)))
    slower = meter.read(at(2.0, running("a", 100))).speed
    assert 0 < slower < 100


def test_an_object_counts_as_done_when_it_was_read_to_its_end() -> None:
    read = running("a", 5)
    read.ended_at = 2
    reading = Meter().read(at(2.0, read, running("b", 1)))
    assert (reading.ended, [line.object for line in reading.lines]) == (1, ["b"])


def test_objects_that_ended_count_and_have_no_line() -> None:
    reading = Meter().read(at(2.0, ended("a", 5), running("b", 1)))
    assert ([line.object for line in reading.lines], reading.ended, reading.objects) == (
        ["b"], 1, 2
    )  # fmt: skip


def test_a_log_gets_one_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    watch = PlainWatch(Output())
    for second in range(1, 31):
        watch.progress(at(float(second), running("a", second * 100, expected=10_000)))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(", ")[0] for line in lines] == ["0 of 1 object done"] * 3
    assert lines[0].endswith("reading a 10%")


def test_a_program_gets_json_lines_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    JsonWatch(Output(json=True)).progress(at(2.0, ended("a", 5), running("b", 10, expected=20)))
    line = json.loads(capsys.readouterr().out)
    assert (line["type"], line["read"], line["objects_done"]) == ("progress", 15, 1)
    assert line["running"] == [
        {
            "object": "b",
            "read": 10,
            "expected": 20,
            "bytes_read": 100,
            "calls": 3,
            "rows_per_second": 5,
        }
    ]


def test_the_screen_shows_a_line_per_running_object_and_totals() -> None:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    objects = [running(f"object_{n}", 1000, expected=2000) for n in range(20)]
    console.print(draw(Meter().read(at(2.0, *objects))))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[0].split() == [
        "object_0", "━━━━━━━━────────", "50%", "1,000", "rows", "500/s", "10.0", "kB", "3", "calls",
        "2.0", "s", "left",
    ]  # fmt: skip
    assert lines[-2:] == [
        "and 8 more objects",
        "0 of 20 objects done, 20,000 rows (10,000/s), 2.0 MB, 7 calls, 2.0 s",
    ]
