"""The kill matrix: end the process at every named place, run again, compare with the source."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, pairwise, product
from pathlib import Path
from typing import Any

from penstock.core.failpoints import NAMES
from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from runs import Ended, Space

OBJECTS = ("contacts", "deals", "tags", "brandings")
MODES = ("merge", "append", "history")
DESTINATIONS = ("duckdb", "postgres")
# Small packages, so that a case passes every place several times with few rows.
PACKAGE_ROWS = 100
# These are passed at most once or only at certain times; the others several times.
_NTH = {"job.started": 1, "job.before_finish": 1, "publish.before": 1}


@dataclass(frozen=True)
class Case:
    """Die at the n-th pass of a place, in one load mode, into one destination."""

    place: str
    nth: int
    mode: str
    destination: str

    def __str__(self) -> str:
        return f"{self.place}:{self.nth} {self.mode} {self.destination}"


@dataclass
class Result:
    """What a case showed; `problems` is empty when nothing was lost or doubled.

    `died` counts the runs that were really killed (0 when the place is not on this way).
    """

    case: Case
    died: int
    problems: list[str]


def all_cases() -> Iterator[Case]:
    """Every place x mode x destination, at its first and at a later pass."""
    for place, mode, destination in product(NAMES, MODES, DESTINATIONS):
        nths = (1,) if place in _NTH else (1, 4)
        for nth in nths:
            yield Case(place, nth, mode, destination)


def short_cases() -> Iterator[Case]:
    """Every place once, with modes and destinations taken in turn."""
    for place, (mode, destination), nth in zip(
        NAMES, cycle(product(MODES, DESTINATIONS)), cycle((1, 3, 2)), strict=False
    ):
        yield Case(place, 1 if place in _NTH else nth, mode, destination)


def run_case(case: Case, root: Path, destination: Mapping[str, Any]) -> Result:
    """First load and a later load with changes, each killed once and then run to its end."""
    problems: list[str] = []
    died = 0
    with Sandbox(SandboxOptions(contacts=330, rate_limit=None, seed=7)) as box:
        space = Space(
            root,
            box,
            destination,
            pipeline={
                "load_mode": case.mode,
                "objects": {"include": list(OBJECTS)},
                "package_rows": PACKAGE_ROWS,
            },
        ).write()
        first = {table: {str(row["id"]) for row in box.rows(table)} for table in OBJECTS}
        refresh = ["--full-refresh"] if case.place.startswith("publish.") else []
        if refresh:
            problems += _finished(space.run())
        for step in ("first", "changed"):
            if step == "changed":
                change(box)
            killed = space.run(*refresh, PENSTOCK_FAILPOINT=f"{case.place}:{case.nth}")
            died += killed.code == -signal.SIGKILL
            if killed.code not in (0, -signal.SIGKILL):
                problems.append(f"{step}: ended with {killed.code}: {killed.err[-300:]}")
            problems += [f"{step}: {text}" for text in _finished(space.run())]
            problems += [f"{step}: {text}" for text in compare(space, case.mode, first)]
            problems += [f"{step}: left over {name}" for name in space.leftovers()]
    return Result(case, died, problems)


def change(box: Sandbox) -> None:
    """Rows come, change and go in every object of the matrix."""
    contacts = [row["id"] for row in box.rows("contacts")]
    box.update("contacts", contacts[3], lastName="Changed")
    box.update("contacts", contacts[150], lastName="Changed as well")
    box.delete("contacts", contacts[5])
    box.add("contacts", 4)
    deals = [row["id"] for row in box.rows("deals") if "mdate" in row]
    box.update("deals", deals[0], value="99")
    tags = [row["id"] for row in box.rows("tags")]
    box.update("tags", tags[1], tag="another name")
    box.delete("tags", tags[2])
    box.add("tags", 2)


def _finished(ended: Ended) -> list[str]:
    if ended.code != 0:
        return [f"running again ended with {ended.code}: {ended.err[-500:]}"]
    return [
        f"{item['object']}: the books do not balance"
        for item in [ended.summary, *ended.summary["objects"]]
        if item["read"] + item["created"]
        != item["filtered"] + item["collapsed"] + item["oversize"] + item["failed"] + item["loaded"]
    ]


def compare(space: Space, mode: str, first: Mapping[str, set[str]]) -> list[str]:
    """What destination and source do not agree on; `first` has the ids of the start."""
    if mode == "merge":
        # Contacts and deals that are gone are found by the sweep of another day.
        return [*_present(space, ("contacts", "deals")), *space.differences(("tags", "brandings"))]
    if mode == "history":
        active = "_ps_is_active"
        return [
            *_present(space, ("contacts", "deals"), active),
            *space.differences(("tags", "brandings"), where=active),
            *_versions(space),
        ]
    return _appended(space, first)


def _present(space: Space, tables: tuple[str, ...], where: str = "") -> list[str]:
    """Differences of rows that the source has; rows it no longer has may be there."""
    found = []
    for table in tables:
        live = {str(row["id"]) for row in space.box.rows(table)}
        stored = [row for row in space.rows(table, where) if str(row["id"]) in live]
        copy = Space(space.root, space.box, space.destination)
        copy.rows = lambda _table, _where="", stored=stored: stored  # type: ignore[method-assign]
        found += copy.differences((table,))
    return found


def _versions(space: Space) -> list[str]:
    """One active version a key, and no gap or overlap between versions."""
    found = []
    for table in OBJECTS:
        by_id: dict[Any, list[dict[str, Any]]] = {}
        for row in space.rows(table):
            by_id.setdefault(row["id"], []).append(row)
        for key, rows in by_id.items():
            rows.sort(key=lambda row: row["_ps_valid_from"])
            if sum(row["_ps_is_active"] for row in rows) > 1:
                found.append(f"{table} {key}: more than one active version")
            for old, new in pairwise(rows):
                if old["_ps_valid_to"] >= new["_ps_valid_from"]:
                    found.append(f"{table} {key}: versions overlap")
    return found


def _appended(space: Space, first: Mapping[str, set[str]]) -> list[str]:
    """Incremental objects hold each version once; whole reads are there whole or not at all."""
    found = []
    for table in ("contacts", "deals"):
        rows = space.rows(table)
        versions = Counter(_version(row) for row in rows)
        found += [f"{table}: {n} copies of one version" for n in versions.values() if n > 1][:3]
        missing = {str(r["id"]) for r in space.box.rows(table)} - {str(r["id"]) for r in rows}
        found += [f"{table} {key}: missing" for key in sorted(missing)[:3]]
    for table in ("tags", "brandings"):
        copies = Counter(str(row["id"]) for row in space.rows(table))
        live = {str(row["id"]) for row in space.box.rows(table)}
        if live - copies.keys():
            found.append(f"{table}: {len(live - copies.keys())} rows missing")
        # Each complete read appends every row once: rows there from start to end count alike.
        counts = Counter(copies[key] for key in first[table] & live)
        if len(counts) > 1:
            found.append(f"{table}: a read was appended in part: {counts}")
    return found


def _version(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(value) for name, value in row.items() if not name.startswith("_ps_"))
