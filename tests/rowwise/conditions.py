"""Conditions on one value."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from rowwise.values import kind, number, text

MISSING = object()
NEGATED = {"NEQ": "EQ", "NOT_IN": "IN", "NOT_CONTAINS": "CONTAINS", "NOT_IN_RANGE": "IN_RANGE"}


def holds(condition: dict[str, Any], value: Any) -> bool:
    """Whether the condition holds of a value, of None, or of a missing field."""
    op, operand = condition["op"], condition.get("value")
    if value is MISSING:
        return bool(op == "NOT_HAS_FIELD")
    if value is None:
        return op in {"IS_NULL", "HAS_FIELD"} or op in NEGATED
    if op in ("IS_NULL", "NOT_HAS_FIELD"):
        return False
    if op in ("IS_NOT_NULL", "HAS_FIELD"):
        return True
    if op in ("IS_TRUE", "IS_FALSE"):
        return value is (op == "IS_TRUE")
    if op == "IS_TYPE":
        return kind(value) == operand
    return _asked(op, operand, value, bool(condition.get("ignore_case")))


def _asked(op: str, operand: Any, value: Any, ignore_case: bool) -> bool:
    if op in ("IN", "NOT_IN"):
        found = any(compared("EQ", value, item, ignore_case) for item in operand)
        return bool(found) == (op == "IN")
    if op in ("IN_RANGE", "NOT_IN_RANGE"):
        low, high = (
            compared(o, value, item, ignore_case)
            for o, item in zip(("GTE", "LTE"), operand, strict=True)
        )
        return None not in (low, high) and (bool(low and high) == (op == "IN_RANGE"))
    if op == "NEQ":
        equal = compared("EQ", value, operand, ignore_case)
        if equal is None:
            return kind(value) != "STRING"
        return not equal
    if op in ("EQ", "GT", "GTE", "LT", "LTE"):
        return bool(compared(op, value, operand, ignore_case))
    return _of_text(op, str(operand), value, ignore_case)


def _of_text(op: str, operand: str, value: Any, ignore_case: bool) -> bool:
    if op in ("CONTAINS", "NOT_CONTAINS") and kind(value) == "ARRAY":
        return any(_element(item, operand) for item in value) == (op == "CONTAINS")
    if kind(value) != "STRING":
        return op == "NOT_CONTAINS"
    if op == "REGEX":
        return bool(re.search(operand, value, re.IGNORECASE if ignore_case else 0))
    if ignore_case:
        value, operand = value.lower(), operand.lower()
    return {
        "CONTAINS": operand in value,
        "NOT_CONTAINS": operand not in value,
        "STARTS_WITH": value.startswith(operand),
        "ENDS_WITH": value.endswith(operand),
    }[op]


def _element(item: Any, operand: str) -> bool:
    if isinstance(item, str):
        return item == operand
    return number(operand) is not None and Decimal(str(item)) == Decimal(operand)


def compared(op: str, value: Any, operand: Any, ignore_case: bool) -> bool | None:
    """`value op operand`; None when they cannot be held against one another."""
    as_number = Decimal(str(operand)) if not isinstance(operand, str) else number(operand)
    left: Any
    right: Any
    if kind(value) == "NUMBER":
        left, right = Decimal(str(value)), as_number
    elif kind(value) == "STRING" and as_number is not None:
        left, right = number(value), as_number
    elif kind(value) == "STRING":
        left, right = value, operand
        if ignore_case:
            left, right = left.lower(), right.lower()
    elif kind(value) in ("DATE", "TIMESTAMP"):
        left, right = _moment(value), _parsed(operand)
    elif op == "EQ":
        left, right = text(value), str(operand)
        if kind(value) == "BOOLEAN" and right not in ("true", "false"):
            return None
    else:
        return None
    if left is None or right is None:
        return None
    return {
        "EQ": left == right,
        "GT": op == "GT" and left > right,
        "GTE": op == "GTE" and left >= right,
        "LT": op == "LT" and left < right,
        "LTE": op == "LTE" and left <= right,
    }[op]


def _moment(value: date | datetime) -> datetime:
    if isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def _parsed(operand: Any) -> datetime | None:
    if not isinstance(operand, str) or not re.match(r"\d{4}-\d\d-\d\d$", operand):
        return None
    return _moment(date.fromisoformat(operand))
