"""Compare what the API holds with what a destination holds, value by value.

Written from the contract (activecampaign.md section 7), not from the connector: numbers and
flags in strings, zero dates, empty strings in typed columns, offsets, JSON in columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

DROPPED = {"links"}


def column_name(field: str) -> str:
    """A field's column under the CLASSIC style (pipelines.md 6.1)."""
    return re.sub(r"[^A-Za-z0-9]", "_", field).lower().rstrip("_")


def differences(
    truth: Iterable[Mapping[str, Any]],
    stored: Sequence[Mapping[str, Any]],
    *,
    table: str,
    limit: int = 5,
) -> list[str]:
    """Sentences about rows that are missing, too many or different; empty when both agree."""
    found: list[str] = []
    by_id: dict[str, list[Mapping[str, Any]]] = {}
    for row in stored:
        by_id.setdefault(str(row["id"]), []).append(row)
    for row in truth:
        copies = by_id.pop(str(row["id"]), [])
        if len(copies) != 1:
            found.append(f"{table} {row['id']}: {len(copies)} rows stored instead of one")
            continue
        found += [f"{table} {row['id']}: {text}" for text in _fields(row, copies[0], table)]
        if len(found) >= limit:
            return found[:limit]
    found += [f"{table} {key}: stored, but not in the source" for key in by_id]
    return found[:limit]


def _fields(row: Mapping[str, Any], stored: Mapping[str, Any], table: str) -> Iterable[str]:
    names: set[str] = set()
    for field, value in row.items():
        if field in DROPPED and table != "brandings":
            continue
        name = column_name(field)
        while name in names:
            name = f"{name}_2"
        names.add(name)
        if name not in stored:
            if not _empty(value):
                yield f"no column {name} for {field}={value!r}"
            continue
        if not same(value, stored[name]):
            yield f"{field}: source {value!r}, stored {stored[name]!r}"


def same(source: Any, stored: Any) -> bool:
    """Whether a stored value is the source's value in the column's type."""
    if stored is None:
        return _empty(source)
    if isinstance(stored, bool):
        return source in ("1", 1, True) if stored else source in ("0", 0, False)
    if isinstance(stored, datetime):
        moment = _moment(source)
        if moment is not None and moment.tzinfo is None and stored.tzinfo is not None:
            # A column with both forms: a naive time counts as UTC (pipelines.md 12.11).
            moment = moment.replace(tzinfo=UTC)
        return moment == stored
    if isinstance(stored, date):
        return str(source)[:10] == stored.isoformat()
    if isinstance(stored, int | float | Decimal):
        return not isinstance(source, list | dict) and Decimal(str(source)) == Decimal(str(stored))
    if isinstance(source, str):
        if isinstance(stored, str) and "\0" in source and "\ufffd" in stored:
            # PostgreSQL cannot hold U+0000 (destinations.md 5.1).
            source = source.replace("\0", "\ufffd")
        return source == stored or _as_json(stored) == source
    return bool(_as_json(stored) == source)


def _empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, str) and value.startswith("0000-00"))


def _as_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    text = re.sub(r"T(\d):", r"T0\1:", value)
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment
