"""What is compared at the end of a copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from penstock.control.one_off import DESTINATION
from penstock.control.workspace import Workspace
from penstock.engine.budget import Budget
from penstock.store import Catalog
from penstock.worker.setup import opened_destination

METHOD: Final = "row counts: rows written by this copy against rows in the table"


@dataclass(frozen=True)
class Compared:
    """One table. `equal` is None where nothing could be compared; `note` says why."""

    object: str
    table: str
    expected: int | None
    found: int | None
    equal: bool | None
    note: str = ""


def compare(
    workspace: Workspace, pipeline: str, catalog: Catalog, objects: Sequence[str], *, whole: bool
) -> tuple[Compared, ...]:
    """Hold the books of all jobs of a copy against the rows that are in its tables.

    Args:
        whole: the tables hold nothing but what this copy wrote.
    """
    mappings = catalog.mappings.load(pipeline)
    tables = {name: mappings[name].table for name in objects if name in mappings}
    if not whole:
        note = "the table may hold rows of others, so counts say nothing"
        return tuple(Compared(n, table, None, None, None, note) for n, table in tables.items())
    written = _written(catalog, pipeline)
    with opened_destination(workspace, DESTINATION, Budget.of(workspace.memory_bytes)) as end:
        found = {name: end.count_rows(table) for name, table in tables.items()}
    return tuple(
        Compared(name, table, written[name], found[name], written[name] == found[name])
        for name, table in tables.items()
    )


def _written(catalog: Catalog, pipeline: str) -> dict[str, int]:
    """Rows that should be there, by object."""
    total: dict[str, int] = {}
    for job in catalog.jobs.list(pipeline, limit=10_000):
        for item in catalog.jobs.get(job.id).objects:
            books = item.books
            rows = books.inserted - books.deleted - books.flagged
            total[item.object] = total.get(item.object, 0) + rows
    return total
