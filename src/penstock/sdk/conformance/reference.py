"""Sums of hashes as `DigestPlan` defines them, in plain Python: what every engine must give."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from penstock.core.digest import Bucket, Columns, DigestPlan, Form, KeyBuckets


def digest_of(rows: Sequence[Mapping[str, Any]], plan: DigestPlan) -> dict[int, Bucket]:
    """Of rows by name of the plan."""
    found: dict[int, Bucket] = {}
    for row in rows:
        number = 0
        if plan.buckets is not None:
            number = bucket_of(row, plan.buckets)
        elif plan.key is not None:
            number = (row[plan.key] - plan.low) // plan.width
        old = found.get(number, Bucket(0, 0))
        found[number] = Bucket(old.rows + 1, old.total + _hash(row, plan.columns))
    return found


def bucket_of(row: Mapping[str, Any], buckets: KeyBuckets) -> int:
    return _hash(row, buckets.columns) % buckets.count


def _hash(row: Mapping[str, Any], columns: Columns) -> int:
    text = "".join(f"{_text(row[name], form)}," for name, form in columns)
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:15], 16)


def _text(value: Any, form: Form) -> str:
    if value is None:
        return "-"
    if form is Form.TEXT:
        return f"{len(value)}:{value}"
    if form is Form.BOOLEAN:
        return str(value).lower()
    if form is Form.BYTES:
        return str(value.hex())
    if form is Form.DECIMAL:
        return f"{value:f}"
    if form is Form.DOUBLE:
        return repr(value).removesuffix(".0")
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    text = str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text
