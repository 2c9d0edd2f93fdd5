"""What each block does to one event."""

from __future__ import annotations

import calendar
import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from rowwise.conditions import MISSING, holds
from rowwise.formulas import value as formula_value
from rowwise.values import Failed, kind, number, text

Props = dict[str, Any]
Settings = dict[str, Any]


class WrongType(Exception):
    """The value is of a kind that the block does not handle."""


def of_value(block: str, settings: Settings, value: Any) -> Any:
    """A value, not null, after a block that turns values into others."""
    return _VALUE_BLOCKS[block](settings, value)


def _needs(value: Any, *kinds: str) -> None:
    if kind(value) not in kinds:
        raise WrongType


def _hash(settings: Settings, value: Any) -> str:
    plain = text(value)
    if kind(value) in ("ARRAY", "OBJECT"):
        plain = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.new(settings["algorithm"], (settings["salt"] + plain).encode()).hexdigest()


def _mask(settings: Settings, value: Any) -> str:
    _needs(value, "STRING", "NUMBER")
    plain, n = text(value), settings.get("n", 1)
    size = len(plain)
    if settings["mode"] == "EMAIL":
        local, at, domain = plain.rpartition("@")
        if not at:
            return "*" * size
        return (
            (local[:1] if len(local) > 1 else "*" * len(local))
            + "*" * (len(local) - 1)
            + at
            + domain
        )
    hidden = {
        "ALL": (0, size),
        "FIRST_N": (0, min(n, size)),
        "LAST_N": (max(size - n, 0), size),
        "KEEP_FIRST_N": (n if size > n else 0, size),
        "KEEP_LAST_N": (0, size - n if size > n else size),
    }[settings["mode"]]
    return plain[: hidden[0]] + "*" * (hidden[1] - hidden[0]) + plain[hidden[1] :]


def _case(settings: Settings, value: Any) -> str:
    _needs(value, "STRING")
    return cased(value, settings["casing"])


def cased(plain: str, casing: str) -> str:
    """Text in another case."""
    if casing == "LOWER":
        return plain.lower()
    if casing == "UPPER":
        return plain.upper()
    if casing == "TITLE":
        return plain.title()
    words = re.sub(r"[^A-Za-z0-9]+", "_", plain)
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", words)
    return words.strip("_").lower()


def _find(settings: Settings, value: Any) -> str | None:
    _needs(value, "STRING")
    pattern = settings["find"] if settings["regex"] else re.escape(settings["find"])
    flags = 0 if settings["match_case"] else re.IGNORECASE
    if settings["scope"] == "WHOLE_VALUE":
        pattern = rf"\A(?:{pattern})\Z"
    if settings["replace"] == "$null":
        return None if re.search(pattern, value, flags) else value
    count = 1 if settings["scope"] == "FIRST" else 0
    return re.sub(pattern, lambda _: settings["replace"], value, count=count, flags=flags)


def _round(settings: Settings, value: Any) -> Any:
    _needs(value, "NUMBER")
    places = settings["decimals"]
    if isinstance(value, int) and places >= 0:
        return value
    made = Decimal(str(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    # Nothing is below zero once it is rounded to it.
    return type(value)(made) + 0


def _format_number(settings: Settings, value: Any) -> str:
    _needs(value, "NUMBER")
    if "pattern" in settings:
        made = f"{Decimal(str(value)).quantize(Decimal('0.01'), ROUND_HALF_UP):,.2f}"
        return "0.00" if made == "-0.00" else made
    if "decimals" in settings:
        places = Decimal(1).scaleb(-settings["decimals"])
        made = format(Decimal(str(value)).quantize(places, ROUND_HALF_UP), "f")
        return made.lstrip("-") if not made.strip("-0.") else made
    return text(value)


def _parse_number(_: Settings, value: Any) -> Any:
    if kind(value) == "NUMBER":
        return value
    _needs(value, "STRING")
    bare = value.strip()
    if not bare:
        return None
    if re.fullmatch(r"\([^()+-][^()]*\)", bare):
        bare = "-" + bare[1:-1].strip()
    if re.match(r"[+-]?\d{1,3}(,\d{2,3})*,\d{3}(\..*)?$", bare):
        bare = bare.replace(",", "")
    made = number(bare)
    if made is None:
        raise Failed
    return made


def _parse_date(settings: Settings, value: Any) -> Any:
    wanted = settings["output"]
    if kind(value) in ("DATE", "TIMESTAMP"):
        if kind(value) == wanted:
            return value
        raise Failed
    if kind(value) == "NUMBER":
        raise Failed
    _needs(value, "STRING")
    if not value.strip():
        return None
    for pattern in settings["formats"]:
        python = {"yyyy-MM-dd": "%Y-%m-%d", "dd/MM/yy": "%d/%m/%y"}[pattern]
        shape = {"yyyy-MM-dd": r"\d{4}-\d\d-\d\d", "dd/MM/yy": r"\d\d/\d\d/\d\d"}[pattern]
        if re.fullmatch(shape, value.strip()):
            try:
                found = datetime.strptime(value.strip(), python).replace(tzinfo=UTC)
            except ValueError:
                continue
            if pattern == "dd/MM/yy":
                short = found.year % 100
                found = found.replace(year=short + (2000 if short < 70 else 1900))
            return found if wanted == "TIMESTAMP" else found.date()
    raise Failed


def _format_date(settings: Settings, value: Any) -> str:
    _needs(value, "DATE", "TIMESTAMP")
    pattern = settings.get("format")
    if pattern is None:
        pattern = "yyyy-MM-dd" if kind(value) == "DATE" else "yyyy-MM-dd HH:mm:ss"
    letters = {
        "yyyy": f"{value.year:04d}",
        "MM": f"{value.month:02d}",
        "dd": f"{value.day:02d}",
        "d": str(value.day),
        "MMM": calendar.month_abbr[value.month],
        "EEE": calendar.day_abbr[value.weekday()],
        "HH": f"{getattr(value, 'hour', 0):02d}",
        "mm": f"{getattr(value, 'minute', 0):02d}",
        "ss": f"{getattr(value, 'second', 0):02d}",
    }
    return re.sub(r"[A-Za-z]+", lambda found: letters[found[0]], pattern)


def _change_datetime(settings: Settings, value: Any) -> Any:
    _needs(value, "DATE", "TIMESTAMP")
    for step in settings["changes"]:
        unit, amount = step["unit"], step["amount"]
        if unit in ("MONTH", "YEAR"):
            months = value.year * 12 + value.month - 1 + amount * (12 if unit == "YEAR" else 1)
            year, month = divmod(months, 12)
            if not 1 <= year <= 9999:
                raise Failed
            day = min(value.day, calendar.monthrange(year, month + 1)[1])
            value = value.replace(year=year, month=month + 1, day=day)
        elif unit == "HOUR":
            if kind(value) == "DATE":
                raise Failed
            value += timedelta(hours=amount)
        else:
            value += timedelta(days=amount * (7 if unit == "WEEK_OF_YEAR" else 1))
    return value


def _parse_json(settings: Settings, value: Any) -> Any:
    _needs(value, "STRING", "ARRAY", "OBJECT")
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        made = json.loads(value)
    except ValueError as error:
        raise Failed from error
    if settings["only_objects"] and made is not None and not isinstance(made, dict):
        raise Failed
    return made


def _split_array(settings: Settings, value: Any) -> list[str]:
    _needs(value, "STRING")
    return parts(settings, value)


def parts(settings: Settings, value: str) -> list[str]:
    """The parts of a text."""
    found = value.split(settings["delimiter"], (settings.get("limit") or 100) - 1)
    return [part.strip() for part in found]


_VALUE_BLOCKS: dict[str, Callable[[Settings, Any], Any]] = {
    "HASH_FIELDS": _hash,
    "MASK_FIELDS": _mask,
    "TEXT_CASE": _case,
    "FIND_REPLACE": _find,
    "ROUND_DECIMAL": _round,
    "FORMAT_NUMBER": _format_number,
    "PARSE_NUMBER": _parse_number,
    "PARSE_DATE": _parse_date,
    "FORMAT_DATE": _format_date,
    "CHANGE_DATETIME": _change_datetime,
    "PARSE_JSON": _parse_json,
    "SPLIT_FIELDS": _split_array,
}


def selected(filters: dict[str, Any], props: Props) -> list[str]:
    """The top-level fields that a filter selects."""
    found = []
    for name, value in props.items():
        asked = [
            holds(c, name) if c["on"] == "FIELD_NAME" else holds(c, value)
            for c in filters.get("field", [])
        ]
        if not asked or (any if filters.get("field_match") == "ANY" else all)(asked):
            found.append(name)
    return found


def event_selected(conditions: list[dict[str, Any]], match: str, name: str, props: Props) -> bool:
    """Whether an event is selected."""
    asked = [
        holds(c, name) if c["on"] == "EVENT_TYPE" else holds(c, props.get(c["field"], MISSING))
        for c in conditions
    ]
    return not asked or (any if match == "ANY" else all)(asked)


def flatten(settings: Settings, name: str, props: Props) -> None:
    """The leaves of an object as fields beside it."""
    leaves: list[tuple[tuple[str, ...], Any]] = []

    def walk(value: Any, path: tuple[str, ...], depth: int) -> None:
        opened = depth == 0 or settings.get("max_depth") is None or depth < settings["max_depth"]
        if isinstance(value, dict) and opened:
            for key, inner in value.items():
                walk(inner, (*path, key), depth + 1)
        elif isinstance(value, list) and opened and settings["arrays"] == "INDEX":
            for at, inner in enumerate(value):
                walk(inner, (*path, str(at)), depth + 1)
        else:
            leaves.append((path, value))

    walk(props.pop(name), (), 0)
    for path, value in leaves:
        target = "_".join((name, *path))
        wanted, count = target, 0
        while wanted in props and settings["on_conflict"] == "SUFFIX":
            count += 1
            wanted = f"{target}_{count}"
        if wanted in props and settings["on_conflict"] == "KEEP_EXISTING":
            continue
        props[wanted] = value


def into_fields(settings: Settings, name: str, props: Props) -> None:
    """The parts of a text in fields of their own."""
    found, names = parts(settings, props[name]), settings.get("names", [])
    for at in range(max(len(found), len(names))):
        target = names[at] if at < len(names) else f"{name}_{at + 1}"
        props[target] = found[at] if at < len(found) else None


def formula(node: Any, props: Props, own: Any = None) -> Any:
    """A formula's value for one event."""
    return formula_value(node, props, own)
