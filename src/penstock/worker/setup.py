"""Open the two ends of a pipeline, with what the job's memory budget means for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from penstock.control.workspace import Workspace
from penstock.core.heap import small_pieces
from penstock.engine.budget import Budget
from penstock.sdk.destination import Destination
from penstock.sdk.opening import open_destination, open_source
from penstock.sdk.source import Source


@dataclass(frozen=True)
class Ends:
    """Both ends of one pipeline, open."""

    source: Source
    destination: Destination
    budget: Budget


@contextmanager
def opened_source(workspace: Workspace, name: str) -> Iterator[Source]:
    connection = workspace.source(name)
    card = workspace.registry.card("source", connection.type)
    source = open_source(card, connection.settings)
    try:
        yield source
    finally:
        source.close()


@contextmanager
def opened_destination(workspace: Workspace, name: str, budget: Budget) -> Iterator[Destination]:
    connection = workspace.destination(name)
    card = workspace.registry.card("destination", connection.type)
    destination = open_destination(card, connection.settings)
    destination.limit_memory(budget.destination_bytes)
    try:
        yield destination
    finally:
        destination.close()


@contextmanager
def opened_ends(workspace: Workspace, pipeline: str) -> Iterator[Ends]:
    spec = workspace.pipeline(pipeline)
    with opened_source(workspace, spec.source) as source:
        if not source.columnar:
            small_pieces()
        sizes = Budget.of(workspace.memory_bytes, columnar=source.columnar)
        budget = sizes.with_packages_of(spec.package_rows)
        with opened_destination(workspace, spec.destination, budget) as destination:
            source.configure(spec)
            if destination.capabilities.server:
                budget = budget.into_server()
            yield Ends(source, destination, budget)
