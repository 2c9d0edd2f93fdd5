"""SIGKILL at each step while a script renames, multiplies and drops rows: exactly once."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from fault.log_run import database
from fault.matrix import PACKAGE_ROWS, change
from fault.test_log_kills import is_live, job, write
from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from runs import Space, read_table

SCRIPT = """
from io.hevo.api import Event

def transform(event):
    name, props = event.getEventName(), event.getProperties()
    if name in ("orders", "contacts"):
        if props["id"] % 5 == 0:
            return None
        event.rename("sales" if name == "orders" else "people")
        return event
    note = Event("notes", {"of": props["id"], "about": name})
    note.setPrimaryKeys(["of"])
    return [event, note]
"""
FAST = ("transform.after:4", "stage.after_close:2", "load.after_commit:3")
PLACES = (
    "extract.after_batch:3",
    *FAST,
    "mapping.saved",
    "map.after:3",
    "stage.after_write:4",
    "stage.before_close:2",
    "load.in_transaction:2",
    "load.before_commit:2",
    "load.between_tables:2",
    "commit.before",
    "commit.in_transaction:2",
    "commit.after",
    "discard.halfway",
    "publish.before",
    "publish.in_transaction",
    "publish.after_commit",
)
SEALS = ("seal.after:2", "seal.before")
WAYS = (("duckdb", "merge"), ("postgres", "append"), ("postgres", "merge"), ("duckdb", "append"))


def _cases(places: tuple[str, ...], fast: tuple[str, ...]) -> list[Any]:
    return [
        pytest.param(place, *way, marks=() if place in fast else pytest.mark.slow)
        for place, way in zip(places, cycle(WAYS), strict=False)
    ]


@pytest.mark.parametrize(("place", "kind", "mode"), _cases(PLACES, FAST))
def test_changes_of_a_log_come_through_a_script_exactly_once(
    place: str, kind: str, mode: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    destination = _destination(kind, request)
    write(tmp_path, destination, mode, transform="shape.py")
    (tmp_path / "shape.py").write_text(SCRIPT)
    died = 0
    reload = ["--full-refresh"] if place.startswith("publish.") else []
    for phase in (1, 2):
        died += job(tmp_path, phase, *reload, PENSTOCK_FAILPOINT=place) == -signal.SIGKILL
        assert job(tmp_path, phase, *reload) == 0
        _compare_log(tmp_path, destination, mode, phase, whole=bool(reload))
    assert died > 0, "no run was killed: the place is not on this way"


def _destination(kind: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    if kind == "duckdb":
        return {"type": "duckdb", "path": "w.duckdb"}
    return {"type": "postgres", "url": request.getfixturevalue("postgres_url"), "schema": "shop"}


def _compare_log(
    root: Path, destination: Mapping[str, Any], mode: str, phase: int, *, whole: bool
) -> None:
    source = database(phase)
    sales = read_table(destination, root, "sales")
    lines = read_table(destination, root, "lines")
    notes = read_table(destination, root, "notes")
    assert not list((root / ".penstock").rglob("package.json"))
    if mode == "append":
        if not whole:
            assert _keys(sales) == _appended(source, "orders", fives=False)
            assert _keys(lines) == _keys(notes, "of") == _appended(source, "lines", fives=True)
        return
    live = sorted((r["id"], r["name"], r["body"]) for r in sales if is_live(r, mode))
    assert live == [row for row in source.rows("orders") if row[0] % 5]
    assert sorted(r["id"] for r in lines if is_live(r, mode)) == list(source.tables["lines"])
    assert sorted(r["of"] for r in notes if is_live(r, mode)) == list(source.tables["lines"])


def _keys(rows: list[dict[str, Any]], key: str = "id") -> Counter[int]:
    return Counter(int(row[key]) for row in rows)


def _appended(source: Any, table: str, *, fives: bool) -> Counter[int]:
    """The history of the first phase, then every change."""
    first = database(1)
    later = [c for transaction in source.log[len(first.log) :] for c in transaction]
    keys = [*first.tables[table], *(c.row["id"] for c in later if c.table == table)]
    return Counter(key for key in keys if fives or key % 5)


@pytest.mark.parametrize(("place", "kind", "mode"), _cases((*PLACES, *SEALS), FAST[:2]))
def test_rows_of_an_api_come_through_a_script_exactly_once(
    place: str, kind: str, mode: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    destination = _destination(kind, request)
    with Sandbox(SandboxOptions(contacts=330, rate_limit=None, seed=7)) as box:
        space = Space(
            tmp_path, box, destination,
            pipeline={
                "load_mode": mode, "transform": "shape.py", "package_rows": PACKAGE_ROWS,
                "objects": {"include": ["contacts", "tags"]},
            },
        ).write()  # fmt: skip
        (tmp_path / "shape.py").write_text(SCRIPT)
        died, reload = 0, ["--full-refresh"] if place.startswith("publish.") else []
        seen: dict[str, list[dict[int, Any]]] = {"contacts": [], "tags": []}
        for step in ("first", "changed"):
            if step == "changed":
                change(box)
            for table, states in seen.items():
                states.append({int(row["id"]): row for row in box.rows(table)})
            died += space.run(*reload, PENSTOCK_FAILPOINT=place).code == -signal.SIGKILL
            ended = space.run(*reload)
            assert ended.code == 0, ended.err[-500:]
            _compare_api(space, mode, seen, whole=bool(reload))
            assert space.leftovers() == []
        assert died > 0, "no run was killed: the place is not on this way"


def _compare_api(
    space: Space, mode: str, seen: Mapping[str, list[dict[int, Any]]], *, whole: bool
) -> None:
    people, tags, notes = (space.rows(table) for table in ("people", "tags", "notes"))
    contacts = seen["contacts"]
    if mode == "append":
        if not whole:
            wanted = Counter(key for key in contacts[0] if key % 5)
            if len(contacts) > 1:
                new = [key for key, row in contacts[1].items() if contacts[0].get(key) != row]
                wanted.update(key for key in new if key % 5)
            assert _keys(people) == wanted
            assert _keys(tags) == _keys(notes, "of")
        return
    there = {key for state in contacts for key in state if key % 5}
    assert _keys(people) == Counter(there if not whole else {k for k in contacts[-1] if k % 5})
    names = {row["id"]: row["lastname"] for row in people}
    assert all(names[k] == r["lastName"] for k, r in contacts[-1].items() if k in names)
    assert {row["id"] for row in tags if not row["_ps_deleted"]} == {*seen["tags"][-1]}
    assert {row["of"] for row in notes if not row["_ps_deleted"]} == {*seen["tags"][-1]}
    assert _keys(tags) == _keys(notes, "of")
