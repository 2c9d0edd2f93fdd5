"""Blocks over columns give what the plain row-by-row reading gives, for any flow and events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows import events, rows_of
from penstock.transforms.events import Transformed
from penstock.transforms.flow import block_flow
from rowwise import flow as rowwise
from rowwise import strategies
from rowwise.values import text


def stored(flow: list[dict[str, Any]], ids: Iterator[int]) -> list[dict[str, Any]]:
    """The flow in its stored form: without the trees of formulas, with ids."""
    made = []
    for block in flow:
        settings = dict(block["settings"])
        if block["type"] == "IF_ELSE":
            settings |= {way: stored(settings[way], ids) for way in ("then", "else")}
        plain = {key: value for key, value in block.items() if key != "formula"}
        made.append({**plain, "id": f"b{next(ids)}", "settings": settings})
    return made


def same(actual: Any, expected: Any) -> bool:
    """Equal, as far as a column can tell: one of several kinds holds its values as text."""
    if isinstance(actual, str) and not isinstance(expected, str):
        return _reads_as(actual, expected)
    if isinstance(expected, bool) or isinstance(actual, bool):
        return actual is expected
    if isinstance(expected, int | float | Decimal) and isinstance(actual, int | float | Decimal):
        return _number(actual) == _number(expected) or float(actual) == float(expected)
    if isinstance(actual, datetime) and not isinstance(expected, datetime):
        return actual == datetime(expected.year, expected.month, expected.day, tzinfo=UTC)
    if isinstance(actual, list) and isinstance(expected, list):
        return len(actual) == len(expected) and all(map(same, actual, expected))
    return type(actual) is type(expected) and bool(actual == expected)


def _number(value: Any) -> Decimal:
    return Decimal(str(value))


def _reads_as(written: str, expected: Any) -> bool:
    if isinstance(expected, bool | date):
        return written == text(expected)
    if isinstance(expected, int | float | Decimal):
        return Decimal(written) == Decimal(str(expected))
    return bool(json.loads(written) == expected)


def assert_same(done: Transformed, expected: rowwise.Outcome) -> None:
    """Names, keys, order, fields and values, and what became of the others."""
    assert [r.row for r in done.refused] == expected.refused
    assert (done.filtered, done.created) == (expected.filtered, 0)
    groups: dict[tuple[str, tuple[str, ...]], list[rowwise.Event]] = {}
    for event in expected.events:
        groups.setdefault((event.name, event.keys), []).append(event)
    assert [(o.name, o.keys) for o in done.outputs] == list(groups)
    for output, group in zip(done.outputs, groups.values(), strict=True):
        assert output.origin.to_pylist() == [event.row for event in group]
        for row, event in zip(rows_of(output), group, strict=True):
            assert row.keys() == event.props.keys(), (row, event.props)
            for name, value in event.props.items():
                assert same(row[name], value), (name, row[name], value)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(flow=strategies.flows(), rows=strategies.rows, keys=st.sampled_from([(), ("id",)]))
def test_any_flow(
    flow: list[dict[str, Any]], rows: list[dict[str, Any]], keys: tuple[str, ...]
) -> None:
    made = block_flow({"method": "BLOCKS", "blocks": stored(flow, count())})
    assert_same(made.transform(events(rows, keys=keys)), rowwise.run(flow, rows, keys))
