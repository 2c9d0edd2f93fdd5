"""What each load mode must hold after the source went through known states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from penstock.sandbox.activecampaign import Sandbox
from runs import Space
from truth import differences

Row = Mapping[str, Any]
WHOLE = ("tags", "brandings")
"""Read whole in every run, so that deleted rows are found at once."""
INCREMENTAL = ("contacts", "deals")
"""Read by change time: what is gone is found by a sweep of another day."""
OBJECTS = (*INCREMENTAL, *WHOLE)
_OPEN_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class States:
    """The source's rows each time they were looked at, oldest first."""

    def __init__(self) -> None:
        self._seen: list[dict[str, dict[str, Row]]] = []

    def look(self, box: Sandbox) -> None:
        self._seen.append(
            {table: {str(row["id"]): row for row in box.rows(table)} for table in OBJECTS}
        )

    def forget(self) -> None:
        """The tables are built anew: what was before is not in them."""
        self._seen.clear()

    def now(self, table: str) -> dict[str, Row]:
        return self._seen[-1][table]

    def first(self, table: str) -> dict[str, Row]:
        return self._seen[0][table]

    def versions(self, table: str) -> dict[str, list[Row]]:
        """The different values that each key had, in order."""
        found: dict[str, list[Row]] = {}
        for state in self._seen:
            for key, row in state[table].items():
                kept = found.setdefault(key, [])
                if not kept or kept[-1] != row:
                    kept.append(row)
        return found


def compare(space: Space, mode: str, states: States) -> list[str]:
    """What destination and source do not agree on, value by value."""
    check = {"merge": _merged, "append": _appended, "history": _versioned}[mode]
    return [text for table in OBJECTS for text in check(space, table, states)][:8]


def _merged(space: Space, table: str, states: States) -> list[str]:
    """One row a key with the newest values; flagged exactly when it is known to be gone."""
    now, rows = states.now(table), space.rows(table)
    present = [row for row in rows if str(row["id"]) in now]
    found = differences(now.values(), present, table=table)
    found += [f"{table} {row['id']}: flagged, but there" for row in present if row["_ps_deleted"]]
    gone = [row for row in rows if str(row["id"]) not in now]
    known = states.versions(table)
    found += [f"{table} {row['id']}: unknown" for row in gone if str(row["id"]) not in known]
    wanted = table in WHOLE
    return found + [
        f"{table} {row['id']}: gone, and _ps_deleted is {row['_ps_deleted']}"
        for row in gone
        if bool(row["_ps_deleted"]) is not wanted
    ]


def _by_key(rows: Sequence[Row], order: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row[order]):
        found.setdefault(str(row["id"]), []).append(row)
    return found


def _versioned(space: Space, table: str, states: States) -> list[str]:
    """Every version once, each ending a millisecond before the next, the last one open."""
    stored = _by_key(space.rows(table), "_ps_valid_from")
    found = _same_versions(table, states.versions(table), stored)
    for key, rows in stored.items():
        gone = table in WHOLE and key not in states.now(table)
        found += [f"{table} {key}: {text}" for text in _intervals(rows, gone=gone)]
    return found


def _intervals(rows: Sequence[Row], *, gone: bool) -> list[str]:
    found = [
        "versions do not meet"
        for old, new in pairwise(rows)
        if old["_ps_valid_to"] + timedelta(milliseconds=1) != new["_ps_valid_from"]
    ]
    active = [row["_ps_is_active"] for row in rows]
    if active != [False] * (len(rows) - 1) + [not gone]:
        found.append(f"active versions: {active}")
    began, end = (rows[-1][name].replace(tzinfo=UTC) for name in ("_ps_valid_from", "_ps_valid_to"))
    # Not later than now, or than the clock that the delete was read by, if that was ahead.
    read = datetime.fromtimestamp(rows[-1]["_ps_ingested_at"] / 1000, UTC)
    if gone and not began <= end <= max(datetime.now(UTC), read):
        found.append(f"gone, and valid to {end}")
    if not gone and end != _OPEN_END:
        found.append(f"valid to {end}")
    return found


def _appended(space: Space, table: str, states: States) -> list[str]:
    """Changes once each, in order; whole reads are there whole or not at all."""
    stored = _by_key(space.rows(table), "_ps_ingested_at")
    versions = states.versions(table)
    if table in INCREMENTAL:
        return _same_versions(table, versions, stored)
    found = [f"{table} {key}: missing" for key in versions.keys() - stored.keys()]
    found += [f"{table} {key}: unknown" for key in stored.keys() - versions.keys()]
    for key in versions.keys() & stored.keys():
        for row in stored[key]:
            if all(differences([one], [row], table=table) for one in versions[key]):
                found.append(f"{table} {key}: values that the source never had")
    # Each complete read appends every row once: rows there all the time count alike.
    always = [key for key in states.now(table) if len(versions[key]) == 1]
    counts = Counter(len(stored.get(key, ())) for key in always if key in states.first(table))
    return found if len(counts) <= 1 else [*found, f"{table}: a read was appended in part"]


def _same_versions(
    table: str, wanted: Mapping[str, Sequence[Row]], stored: Mapping[str, Sequence[Row]]
) -> list[str]:
    found = [f"{table} {key}: unknown" for key in stored.keys() - wanted.keys()]
    for key, versions in wanted.items():
        rows = stored.get(key, [])
        if len(rows) != len(versions):
            found.append(f"{table} {key}: {len(rows)} rows for {len(versions)} versions")
            continue
        for version, row in zip(versions, rows, strict=True):
            found += differences([version], [row], table=table)
    return found
