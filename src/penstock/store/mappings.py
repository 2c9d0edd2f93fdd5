"""Mappings of event types, and the names once chosen in a destination."""

from __future__ import annotations

from collections.abc import Mapping as Pairs
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from penstock.core.clock import NowMs
from penstock.core.errors import InternalError, TransientError
from penstock.core.records import MappingStatus
from penstock.store import tables as t
from penstock.store.engine import Database
from penstock.store.pipelines import find_pipeline, pipeline_id

if TYPE_CHECKING:
    from penstock.core.mapping import Mapping


class Mappings:
    """The mappings of each pipeline, and the names of each destination."""

    def __init__(self, database: Database, now: NowMs) -> None:
        self._database = database
        self._now = now

    def load(self, pipeline: str) -> dict[str, Mapping]:
        """Per event type, the newest version."""
        from penstock.core.mapping import Mapping  # brings Arrow along

        query = sa.select(t.mapping.c.event_type, t.mapping.c.body).where(
            t.mapping.c.pipeline_id == pipeline_id(pipeline)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return {row.event_type: Mapping.from_dict(row.body) for row in rows}

    def statuses(self, pipeline: str) -> dict[str, MappingStatus]:
        query = sa.select(t.mapping.c.event_type, t.mapping.c.status).where(
            t.mapping.c.pipeline_id == pipeline_id(pipeline)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return {row.event_type: MappingStatus(row.status) for row in rows}

    def times(self, pipeline: str) -> dict[str, int]:
        """When each event type's mapping was saved last, epoch ms."""
        query = sa.select(t.mapping.c.event_type, t.mapping.c.updated_at).where(
            t.mapping.c.pipeline_id == pipeline_id(pipeline)
        )
        with self._database.read() as connection:
            return {row.event_type: row.updated_at for row in connection.execute(query)}

    def save(self, pipeline: str, mapping: Mapping, status: str | None = None) -> None:
        """Keep this version; `status` None leaves the saved one (AUTO_MAPPED at first).

        Raises:
            InternalError: a newer version is kept already.
        """
        values: dict[str, Any] = {
            "version": mapping.version,
            "body": mapping.to_dict(),
            "updated_at": self._now(),
        }
        if status is not None:
            values["status"] = MappingStatus(status).value
        with self._database.write() as connection:
            number = find_pipeline(connection, pipeline)
            saved = _version(connection, number, mapping.event_type)
            if saved is not None and saved > mapping.version:
                raise _stale(pipeline, mapping, saved)
            row = {"pipeline_id": number, "event_type": mapping.event_type}
            row = {**row, "status": MappingStatus.AUTO_MAPPED.value, **values}
            connection.execute(self._database.upsert(t.mapping, row, list(values)))

    def names(self, destination_key: str, scope: str) -> dict[str, str]:
        """Original to chosen name, of all names ever chosen in this scope of a destination.

        A scope is the destination's schema for tables, or a table for its columns.
        """
        with self._database.read() as connection:
            return _names(connection, destination_key, scope)

    def remember(self, destination_key: str, scope: str, chosen: Pairs[str, str]) -> dict[str, str]:
        """Keep names for ever and return what is kept: the first to name an original has won.

        Raises:
            TransientError: another process gave a name to something else; nothing is kept then.
        """
        with self._database.write() as connection:
            kept = _names(connection, destination_key, scope)
            place = {"destination": destination_key, "scope": scope}
            for original, name in chosen.items():
                if original not in kept:
                    row = {**place, "original": original, "chosen": name}
                    # Does nothing when another process named it since we looked.
                    connection.execute(self._database.insert_new(t.chosen_name, row))
            kept = _names(connection, destination_key, scope)
            if taken := sorted(set(chosen) - set(kept)):
                raise _taken(scope, taken[0], chosen[taken[0]])
        return {original: kept[original] for original in chosen}


def _names(connection: sa.Connection, destination_key: str, scope: str) -> dict[str, str]:
    rows = t.chosen_name.c
    query = sa.select(rows.original, rows.chosen).where(
        rows.destination == destination_key, rows.scope == scope
    )
    return {row.original: row.chosen for row in connection.execute(query)}


def _version(connection: sa.Connection, pipeline: int, event_type: str) -> int | None:
    rows = t.mapping
    query = (
        sa.select(rows.c.version)
        .where(rows.c.pipeline_id == pipeline, rows.c.event_type == event_type)
        .with_for_update()
    )
    return connection.execute(query).scalar_one_or_none()


def _stale(pipeline: str, mapping: Mapping, saved: int) -> InternalError:
    return InternalError(
        f"Version {mapping.version} of this mapping was to replace version {saved}.",
        hint="Please report this with the log file.",
        code="mapping.stale",
        pipeline=pipeline,
        event_type=mapping.event_type,
    )


def _taken(scope: str, original: str, name: str) -> TransientError:
    return TransientError(
        f"The name {name} was given to something else a moment ago.",
        hint="Run again: the next free name is chosen then.",
        code="catalog.name_taken",
        scope=scope,
        original=original,
    )
