"""Formulas as nested tuples: their text, and their value for one event."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from rowwise.conditions import MISSING
from rowwise.values import Failed, kind, number, text

Node = tuple[Any, ...]
"""("const", v), ("field", name), ("self",), ("null",), (op, a, b), ("!", a), ("call", F, ...)."""


def written(node: Node) -> str:
    """The formula as a user types it."""
    head = node[0]
    if head == "const":
        value = node[1]
        if isinstance(value, str):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return text(value)
    if head == "field":
        return str(node[1])
    if head in ("self", "null"):
        return f"${head}"
    if head == "call":
        return f"{node[1]}({', '.join(written(arg) for arg in node[2:])})"
    if len(node) == 2:
        return f"{head}({written(node[1])})"
    return f"({written(node[1])} {head} {written(node[2])})"


def value(node: Node, props: dict[str, Any], own: Any = None) -> Any:
    """The value for one event; raises Failed where it has none."""
    head = node[0]
    if head == "const":
        return node[1]
    if head == "field":
        return props.get(node[1])
    if head == "self":
        return None if own is MISSING else own
    if head == "null":
        return None
    if head == "call":
        return _call(node[1], node[2:], props, own)
    if head == "!":
        flag = _flag(value(node[1], props, own))
        return None if flag is None else not flag
    if head in ("&&", "||"):
        return _logical(node, props, own)
    left, right = value(node[1], props, own), value(node[2], props, own)
    if head in ("==", "!="):
        return _equal(left, right) == (head == "==")
    if left is None or right is None:
        return None
    return _ordered(head, left, right) if head in ("<", ">=") else _computed(head, left, right)


def _flag(found: Any) -> bool | None:
    if found is not None and not isinstance(found, bool):
        raise Failed
    return found


def _logical(node: Node, props: dict[str, Any], own: Any) -> bool | None:
    deciding = node[0] == "||"
    left = _flag(value(node[1], props, own))
    if left is deciding:
        return deciding
    right = _flag(value(node[2], props, own))
    if right is deciding:
        return deciding
    return None if left is None or right is None else not deciding


def _equal(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return left is None and right is None
    kinds = {kind(left), kind(right)}
    if kinds & {"DATE", "TIMESTAMP"} and kinds <= {"DATE", "TIMESTAMP", "STRING"}:
        return bool(_moment(left) == _moment(right))
    if len(kinds) > 1:
        return False
    if kinds == {"NUMBER"}:
        return not _apart(left, right)
    return bool(left == right)


def _moment(item: Any) -> datetime:
    if isinstance(item, datetime):
        return item
    if isinstance(item, date):
        return datetime.fromisoformat(f"{item.isoformat()}T00:00:00+00:00")
    try:
        return datetime.fromisoformat(f"{date.fromisoformat(item.strip())}T00:00:00+00:00")
    except ValueError as error:
        raise Failed from error


def _apart(left: Any, right: Any) -> Any:
    """Zero when equal, else with the sign of left minus right."""
    if isinstance(left, float) or isinstance(right, float):
        left, right = float(left), float(right)
    return (left > right) - (left < right)


def _ordered(op: str, left: Any, right: Any) -> bool:
    kinds = {kind(left), kind(right)}
    if kinds & {"DATE", "TIMESTAMP"} and kinds <= {"DATE", "TIMESTAMP", "STRING"}:
        left, right = _moment(left), _moment(right)
    elif kinds == {"NUMBER"}:
        left, right = _apart(left, right), 0
    elif kinds != {"STRING"}:
        raise Failed
    return bool(left < right if op == "<" else left >= right)


def _computed(op: str, left: Any, right: Any) -> Any:
    if op == "+" and "STRING" in (kind(left), kind(right)):
        return text(left) + text(right)
    moments = {"DATE", "TIMESTAMP"}
    if op == "-" and kind(left) in moments and kind(right) in moments:
        return (_moment(left) - _moment(right)).total_seconds()
    if kind(left) != "NUMBER" or kind(right) != "NUMBER":
        raise Failed
    if op in "/%" and right == 0:
        raise Failed
    if isinstance(left, float) or isinstance(right, float):
        left, right = float(left), float(right)
    if op == "/":
        return _quotient(left, right)
    if op == "%":
        size = abs(left) % abs(right)
        return -size if left < 0 else size
    return {"+": left + right, "-": left - right, "*": left * right}[op]


def _quotient(left: Any, right: Any) -> Any:
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        exact = Decimal(left) / Decimal(right)
        return exact.quantize(Decimal("1e-12"), ROUND_HALF_UP)
    return left / right


def _call(name: str, args: tuple[Node, ...], props: dict[str, Any], own: Any) -> Any:
    if name == "IF":
        chosen = args[1] if _flag(value(args[0], props, own)) else args[2]
        return value(chosen, props, own)
    if name == "COALESCE":
        for arg in args:
            found = value(arg, props, own)
            if found is not None:
                return found
        return None
    values = [value(arg, props, own) for arg in args]
    if name == "CONCAT":
        return "".join(text(v) for v in values if v is not None)
    first = values[0]
    if first is None:
        return None
    if name == "STRING_TO_NUMBER":
        return _to_number(first)
    if kind(first) != ("NUMBER" if name == "ABS" else "STRING"):
        raise Failed
    return {
        "UPPER": lambda: first.upper(),
        "LOWER": lambda: first.lower(),
        "TRIM": lambda: first.strip(),
        "LENGTH": lambda: len(first),
        "ABS": lambda: abs(first),
        "SPLIT_ARRAY": lambda: first.split(values[-1]),
        "REPLACE": lambda: first.replace(values[1], values[2]),
    }[name]()


def _to_number(found: Any) -> Any:
    if kind(found) == "NUMBER":
        return found
    if kind(found) != "STRING":
        raise Failed
    if not found.strip():
        return None
    bare = found.strip()
    if bare.startswith("(") and bare.endswith(")"):
        bare = "-" + bare[1:-1]
    made = number(bare)
    if made is None:
        raise Failed
    return made
