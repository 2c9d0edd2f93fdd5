"""Warnings of a log that may be purged before it is read."""

from __future__ import annotations

import pytest

from penstock.connectors.sources.mysql.log.position import Position
from penstock.connectors.sources.mysql.log.reader import _in_danger

HOUR = 3_600
NOW = 1_000_000_000
OLD = Position("binlog.000001", 500, "0-1-5", "s", at=NOW - 60 * HOUR)
END = Position("binlog.000004", 900, "0-1-9", "s", at=0)


@pytest.mark.parametrize(
    ("position", "kept_hours", "told"),
    [
        (OLD, 100, ["60 hours behind"]),
        (OLD, 121, []),
        (OLD, 0, []),
        (OLD, 48, ["48 hours only", "60 hours behind"]),
        (None, 48, ["48 hours only"]),
        # Nothing was changed since.
        (Position("binlog.000004", 900, "0-1-9", "s", at=NOW - 90 * HOUR), 100, []),
        (Position("binlog.000004", 900, "", "s", at=NOW - 90 * HOUR), 100, ["90 hours behind"]),
    ],
)
def test_warnings(position: Position | None, kept_hours: int, told: list[str]) -> None:
    found = list(_in_danger(position, END, kept_hours * HOUR, NOW))
    assert len(found) == len(told)
    assert all(part in text for part, text in zip(told, found, strict=True))
