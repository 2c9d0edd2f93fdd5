"""Children of nested data on their way through the engine, kills included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penstock.core.load import WriteMode
from penstock.engine.run import run
from penstock.engine.task import Task
from penstock.nested import NestedSettings, Nesting, PathNames, Shaper, Strategy
from unit.engine.doubles import MemoryCatalog, MemoryDestination, task
from unit.engine.test_recovery import Died, Plain, World


def row(number: int, *tags: str) -> dict[str, Any]:
    return {"id": number, "name": f"n{number}", "tags": list(tags)}


OLD = [[row(1, "a", "b", "c"), row(2, "d", "e")], [row(3, "f")]]
NEW = [[row(1, "x", "y", "z")], [row(2)], [row(1, "x", "y")], [row(4, "g")]]
LEFT = {("1", "x"), ("1", "y"), ("3", "f"), ("4", "g")}


def job(folder: Path, source: Plain, world: World | Died, package_rows: int = 1_000) -> Task:
    """With the shaping of nested data; names are kept in the catalog."""
    names = PathNames(world.catalog, "nested: ")
    shaper = Shaper(NestedSettings(strategy=Strategy.FLATTEN_SPLIT), names)
    return task(
        folder, source, world.destination, world.catalog, WriteMode.MERGE, package_rows,
        transformer=Nesting(lambda _: shaper),
    )  # fmt: skip


def start(made: Task) -> None:
    outcome = run(made, made.source.plan(made.source.discover()))
    assert (outcome.fatal, outcome.splits) == (None, {})


def live(destination: MemoryDestination) -> set[tuple[str, str]]:
    table = destination.tables["people_tags"]
    return {(r["_ps_ref_id"], r["value"]) for r in table if not r["_ps_deleted"]}


def balanced(catalog: MemoryCatalog) -> bool:
    books = [part.books for commit in catalog.commits for part in commit.parts]
    return all(
        item.read + item.created == item.filtered + item.collapsed + item.failed + item.loaded
        for item in books
    )


@pytest.mark.parametrize("package_rows", [1, 3, 1_000])
def test_children_that_are_gone_are_flagged(tmp_path: Path, package_rows: int) -> None:
    """However the batches fall into packages."""
    world = World(tmp_path)
    start(job(tmp_path / "one", Plain(OLD), world))
    start(job(tmp_path / "two", Plain(NEW), world, package_rows))
    assert live(world.destination) == LEFT
    assert balanced(world.catalog)


@pytest.mark.parametrize("at", range(1, len(NEW)))
def test_what_a_killed_job_was_told_of_children_is_kept(
    tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    start(job(tmp_path / "one", Plain(OLD), world))
    monkeypatch.setattr(
        "unit.engine.test_recovery.task",
        lambda folder, source, *_more, **_named: job(folder, source, world),
    )
    died = world.killed(Plain(NEW, dies_at=at))
    source = Plain(NEW)
    start(job(died.folder, source, died))
    assert source.reads == [at]
    assert live(died.destination) == LEFT
    assert balanced(died.catalog)
