"""Conditions: each operator, the table of nulls and kinds, and how they combine."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from flows import Row, after, block, named, run
from penstock.core.errors import ConfigError
from penstock.transforms.filters.operators import Operator

MISSING = object()


def holds(op: str, value: Any, operand: Any = None, **more: Any) -> bool:
    """Whether a condition on the field `v` selects an event with this value."""
    condition = {"on": "EVENT_FIELD", "field": "v", "op": op, "value": operand, **more}
    row = {"x": 1} if value is MISSING else {"x": 1, "v": value}
    made = block("DROP_EVENTS", filters={"event": [condition]})
    return run(made, [row]).filtered == 1


@pytest.mark.parametrize(
    ("op", "value", "operand", "expected"),
    [
        ("EQ", 5, 5, True),
        ("EQ", 5, "5", True),
        ("EQ", 5, '"5"', False),
        ("EQ", "5", '"5"', True),
        ("EQ", "5.0", "5", True),
        ("EQ", "abc", "5", False),
        ("NEQ", "abc", "5", False),
        ("NEQ", "abc", "def", True),
        ("NEQ", 5, "abc", True),
        ("EQ", 5, "abc", False),
        ("EQ", 0.1, "0.1", True),
        ("EQ", Decimal("0.10"), "0.1", True),
        ("EQ", Decimal("0.10"), "0.101", False),
        ("GT", Decimal("0.10"), "0.0999", True),
        ("LT", Decimal("0.10"), "0.1001", True),
        ("LTE", Decimal("0.10"), "1e80", True),
        ("GT", 2**53 + 1, str(2**53), True),
        ("EQ", 2**53 + 1, str(2**53), False),
        ("GT", 5, "4.5", True),
        ("GTE", 5, "5.5", False),
        ("LT", 5, "5.5", True),
        ("LTE", 5, "4.5", False),
        ("GT", 5, "1e30", False),
        ("LT", 5, "1e30", True),
        ("EQ", 5, "1e30", False),
        ("GT", -5, "-1e30", True),
        ("GT", 0.1, "0.1", False),
        ("GTE", 0.1, "0.1", True),
        ("GT", 0.1, "0.09999999999999999999", True),
        ("LT", 0.1, "0.10000000000000000001", True),
        ("EQ", True, "true", True),
        ("EQ", True, "1", False),
        ("NEQ", True, "false", True),
        ("EQ", "true", "true", True),
        ("GT", "b", "a", True),
        ("GT", "B", "a", False),
        ("IN_RANGE", 5, [5, 7], True),
        ("IN_RANGE", 7, [5, 7], True),
        ("IN_RANGE", 8, [5, 7], False),
        ("NOT_IN_RANGE", 8, [5, 7], True),
        ("NOT_IN_RANGE", 6, [5, 7], False),
        ("NOT_IN_RANGE", "abc", [5, 7], False),
        ("IN", "a", ["a", "b"], True),
        ("IN", "b", "a, b", True),
        ("IN", 2, "1,2", True),
        ("IN", "c", ["a", "b"], False),
        ("NOT_IN", "c", ["a", "b"], True),
        ("NOT_IN", "a", ["a", "b"], False),
        ("CONTAINS", "abc", "b", True),
        ("CONTAINS", "abc", "B", False),
        ("CONTAINS", ["a", "b"], "b", True),
        ("CONTAINS", [1, 2], "2", True),
        ("CONTAINS", ["ab"], "b", False),
        ("NOT_CONTAINS", "abc", "x", True),
        ("NOT_CONTAINS", "abc", "b", False),
        ("STARTS_WITH", "abc", "ab", True),
        ("STARTS_WITH", "abc", "b", False),
        ("ENDS_WITH", "abc", "bc", True),
        ("ENDS_WITH", 12, "2", False),
        ("REGEX", "abc", "b", True),
        ("REGEX", "abc", "^b", False),
        ("IS_TRUE", True, None, True),
        ("IS_TRUE", False, None, False),
        ("IS_TRUE", "true", None, False),
        ("IS_TRUE", 1, None, False),
        ("IS_FALSE", False, None, True),
        ("IS_NULL", 1, None, False),
        ("IS_NOT_NULL", 1, None, True),
        ("HAS_FIELD", 1, None, True),
        ("NOT_HAS_FIELD", 1, None, False),
        ("EQ", date(2024, 5, 6), "2024-05-06", True),
        ("GT", date(2024, 5, 6), "2024-05-05T23:00:00Z", True),
        ("LT", datetime(2024, 5, 6, 1, tzinfo=UTC), "2024-05-06T01:30:00+00:30", False),
        ("EQ", datetime(2024, 5, 6, 1, tzinfo=UTC), "2024-05-06T01:30:00+00:30", True),
        ("GT", time(9, 30), "09:00", True),
        ("EQ", {"a": 1}, '{"a":1}', True),
        ("IS_TYPE", "a", "STRING", True),
        ("IS_TYPE", 1.5, "NUMBER", True),
        ("IS_TYPE", True, "NUMBER", False),
        ("IS_TYPE", date(2024, 5, 6), "DATE", True),
        ("IS_TYPE", datetime(2024, 5, 6, tzinfo=UTC), "DATE", False),
        ("IS_TYPE", datetime(2024, 5, 6, tzinfo=UTC), "TIMESTAMP", True),
        ("IS_TYPE", time(1), "TIME", True),
        ("IS_TYPE", [1], "ARRAY", True),
        ("IS_TYPE", {"a": 1}, "OBJECT", True),
        ("IS_TYPE", "12", "NUMBER", False),
    ],
)
def test_operators(op: str, value: Any, operand: Any, expected: bool) -> None:
    assert holds(op, value, operand) is expected


OPERANDS: dict[str, Any] = {
    "IN_RANGE": [1, 2],
    "NOT_IN_RANGE": [1, 2],
    "IN": ["a"],
    "NOT_IN": ["a"],
    "IS_TYPE": "STRING",
}
OF_NULL = {
    "IS_NULL",
    "HAS_FIELD",
    "NEQ",
    "NOT_IN",
    "NOT_CONTAINS",
    "NOT_IN_RANGE",
}


@pytest.mark.parametrize("op", list(Operator))
def test_null_and_missing(op: Operator) -> None:
    operand = OPERANDS.get(op, "a")
    if op.startswith("IS_") and op != "IS_TYPE":
        operand = None
    assert holds(op, None, operand) is (op in OF_NULL)
    assert holds(op, MISSING, operand) is (op == "NOT_HAS_FIELD")


@pytest.mark.parametrize(
    ("op", "value", "operand"),
    [
        ("EQ", "ABC", "abc"),
        ("IN", "ABC", ["abc"]),
        ("CONTAINS", "ABC", "b"),
        ("STARTS_WITH", "ABC", "ab"),
        ("ENDS_WITH", "ABC", "bc"),
        ("REGEX", "ABC", "^ab"),
        ("CONTAINS", ["ABC"], "abc"),
    ],
)
def test_case_can_be_ignored(op: str, value: Any, operand: Any) -> None:
    assert not holds(op, value, operand)
    assert holds(op, value, operand, ignore_case=True)


def test_values_of_several_kinds_in_one_field() -> None:
    blocks = [
        block("PARSE_NUMBER", filters=named("v"), on_error="SKIP_FIELD"),
        {
            "id": "b2",
            "type": "DROP_EVENTS",
            "filters": {"event": [{"on": "EVENT_FIELD", "field": "v", "op": "GT", "value": 5}]},
        },
    ]
    rows = after(blocks, {"v": "10"}, {"v": "x10"}, {"v": "5.5"}, {"v": "2"})
    assert rows == [{"v": "x10"}, {"v": "2"}]


BIG: Row = {"on": "EVENT_FIELD", "field": "n", "op": "GT", "value": 10}
RED: Row = {"on": "EVENT_FIELD", "field": "c", "op": "EQ", "value": "red"}


@pytest.mark.parametrize(("match", "left"), [("ALL", [1, 2, 3]), ("ANY", [3])])
def test_event_conditions_combine(match: str, left: list[int]) -> None:
    made = block("DROP_EVENTS", filters={"event": [BIG, RED], "event_match": match})
    rows = after(
        made,
        {"i": 0, "n": 11, "c": "red"},
        {"i": 1, "n": 11, "c": "blue"},
        {"i": 2, "n": 1, "c": "red"},
        {"i": 3, "n": 1, "c": "blue"},
    )
    assert [row["i"] for row in rows] == left


def test_field_conditions_combine() -> None:
    name = {"on": "FIELD_NAME", "op": "STARTS_WITH", "value": "a"}
    value = {"on": "FIELD_VALUE", "op": "GT", "value": 1}
    row = {"a1": 1, "a2": 2, "b1": 1, "b2": 2}
    both = block("DROP_FIELDS", filters={"field": [name, value]})
    assert after(both, row) == [{"a1": 1, "b1": 1, "b2": 2}]
    any_of = block("DROP_FIELDS", filters={"field": [name, value], "field_match": "ANY"})
    assert after(any_of, row) == [{"b1": 1}]


def test_event_types() -> None:
    users = {"on": "EVENT_TYPE", "op": "IN", "value": ["users", "leads"]}
    made = block("DROP_EVENTS", filters={"event": [users]})
    assert run(made, [{"x": 1}], name="users").filtered == 1
    assert run(made, [{"x": 1}], name="orders").filtered == 0


def test_groups_within_groups() -> None:
    condition = {
        "match": "ANY",
        "conditions": [
            RED,
            {"match": "ALL", "conditions": [BIG, {**BIG, "op": "LT", "value": 20}]},
        ],
    }
    then = [{"id": "t", "type": "DROP_EVENTS"}]
    made = block("IF_ELSE", {"condition": condition, "then": then})
    rows = after(made, {"n": 1, "c": "red"}, {"n": 15, "c": "b"}, {"n": 25, "c": "b"})
    assert rows == [{"n": 25, "c": "b"}]


def test_our_own_fields_are_selected_by_no_filter() -> None:
    assert after(block("HASH_FIELDS"), {"_ps_id": "k"}) == [{"_ps_id": "k"}]


def test_filters_see_the_event_as_it_is_at_the_block() -> None:
    blocks = [
        block("RENAME_FIELDS", {"value": "m"}, filters=named("n")),
        {
            "id": "b2",
            "type": "DROP_EVENTS",
            "filters": {"event": [{"on": "EVENT_FIELD", "field": "m", "op": "HAS_FIELD"}]},
        },
    ]
    assert run(blocks, [{"n": 1}]).filtered == 1


@pytest.mark.parametrize(
    "condition",
    [
        {"on": "EVENT_FIELD", "field": "v", "op": "REGEX", "value": "("},
        {"on": "EVENT_FIELD", "field": "v", "op": "REGEX", "value": "(?=a)"},
        {"on": "EVENT_FIELD", "op": "EQ", "value": 1},
        {"on": "EVENT_FIELD", "field": "v", "op": "EQ"},
        {"on": "EVENT_FIELD", "field": "v", "op": "IN_RANGE", "value": [1]},
        {"on": "EVENT_FIELD", "field": "v", "op": "EQ", "value": [1, 2]},
        {"on": "EVENT_FIELD", "field": "v", "op": "IN", "value": []},
        {"on": "EVENT_FIELD", "field": "v", "op": "IS_TYPE", "value": "SHAPE"},
        {"on": "EVENT_TYPE", "op": "GT", "value": "a"},
        {"on": "FIELD_NAME", "op": "EQ", "value": "a"},
    ],
)
def test_what_says_nothing_is_refused(condition: Row) -> None:
    with pytest.raises(ConfigError):
        run(block("DROP_EVENTS", filters={"event": [condition]}), [{"v": 1}])
