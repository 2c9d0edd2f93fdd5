"""Versions of each pipeline's transformation, and the event types that it makes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from penstock.core.clock import NowMs
from penstock.core.records import Method, TransformationVersion, VersionStatus
from penstock.store import tables as t
from penstock.store.engine import Database
from penstock.store.pipelines import find_pipeline, pipeline_id

_rows = t.transformation_version


class Transformations:
    """Versions count up from 1; the newest may be a draft, one of the others is deployed."""

    def __init__(self, database: Database, now: NowMs) -> None:
        self._database = database
        self._now = now

    def history(self, pipeline: str) -> list[TransformationVersion]:
        """All versions, newest first."""
        query = sa.select(_rows).where(_rows.c.pipeline_id == pipeline_id(pipeline))
        with self._database.read() as connection:
            found = connection.execute(query.order_by(_rows.c.version.desc()))
            return [_version(row) for row in found]

    def deployed(self, pipeline: str) -> TransformationVersion | None:
        """The version in force."""
        query = sa.select(_rows).where(
            _rows.c.pipeline_id == pipeline_id(pipeline),
            _rows.c.status == VersionStatus.DEPLOYED.value,
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return _version(row) if row is not None else None

    def save_draft(self, pipeline: str, method: Method, body: str, author: str) -> int:
        """Keep what was tried out; returns its version. One draft is kept, the newest."""
        with self._database.write() as connection:
            number = find_pipeline(connection, pipeline)
            newest = _newest(connection, number)
            if newest is not None and newest.status == VersionStatus.DRAFT:
                change = {"method": method.value, "body": body, "created_by": author}
                self._change(connection, number, newest.version, **change)
                return int(newest.version)
            return self._add(connection, number, newest, method, body, author)

    def deploy(
        self, pipeline: str, method: Method, body: str, author: str, comment: str = ""
    ) -> TransformationVersion:
        """Put this in force; a draft becomes the version."""
        with self._database.write() as connection:
            number = find_pipeline(connection, pipeline)
            newest = _newest(connection, number)
            if newest is not None and newest.status == VersionStatus.DRAFT:
                version = int(newest.version)
            else:
                version = self._add(connection, number, newest, method, body, author)
            superseded = sa.update(_rows).where(
                _rows.c.pipeline_id == number, _rows.c.status == VersionStatus.DEPLOYED.value
            )
            connection.execute(superseded.values(status=VersionStatus.SUPERSEDED.value))
            self._change(
                connection, number, version, method=method.value, body=body, comment=comment,
                created_by=author, status=VersionStatus.DEPLOYED.value, deployed_at=self._now(),
            )  # fmt: skip
            row = connection.execute(_where(sa.select(_rows), number, version)).one()
        return _version(row)

    def event_types(self, pipeline: str) -> dict[str, dict[str, bool]]:
        """By object and event type: whether all rows so far kept the key of what they came from."""
        made = t.made_event_type
        query = sa.select(made).where(made.c.pipeline_id == pipeline_id(pipeline))
        found: dict[str, dict[str, bool]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query):
                found.setdefault(row.object, {})[row.event_type] = bool(row.key_kept)
        return found

    def note_event_type(
        self, pipeline: str, object_name: str, event_type: str, key_kept: bool
    ) -> None:
        """Keep that events of an object become events of this type."""
        with self._database.write() as connection:
            row = {
                "pipeline_id": find_pipeline(connection, pipeline),
                "object": object_name,
                "event_type": event_type,
                "key_kept": key_kept,
            }
            connection.execute(self._database.upsert(t.made_event_type, row, ["key_kept"]))

    def _add(
        self,
        connection: sa.Connection,
        pipeline: int,
        newest: sa.Row[Any] | None,
        method: Method,
        body: str,
        author: str,
    ) -> int:
        version = int(newest.version) + 1 if newest is not None else 1
        row = {
            "pipeline_id": pipeline,
            "version": version,
            "method": method.value,
            "body": body,
            "status": VersionStatus.DRAFT.value,
            "created_by": author,
            "created_at": self._now(),
            "comment": "",
        }
        connection.execute(sa.insert(_rows).values(row))
        return version

    def _change(
        self, connection: sa.Connection, pipeline: int, version: int, **values: Any
    ) -> None:
        connection.execute(_where(sa.update(_rows), pipeline, version).values(values))


def _where(statement: Any, pipeline: int, version: int) -> Any:
    return statement.where(_rows.c.pipeline_id == pipeline, _rows.c.version == version)


def _newest(connection: sa.Connection, pipeline: int) -> sa.Row[Any] | None:
    query = sa.select(_rows).where(_rows.c.pipeline_id == pipeline)
    query = query.order_by(_rows.c.version.desc()).limit(1).with_for_update()
    return connection.execute(query).one_or_none()


def _version(row: sa.Row[Any]) -> TransformationVersion:
    return TransformationVersion(
        version=row.version,
        method=Method(row.method),
        body=row.body,
        status=VersionStatus(row.status),
        created_by=row.created_by,
        created_at=row.created_at,
        deployed_at=row.deployed_at,
        comment=row.comment,
    )
