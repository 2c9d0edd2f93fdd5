"""Positions of splits, and the numbers of full reloads of objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from penstock.core.checkpoint import Checkpoint
from penstock.core.clock import NowMs
from penstock.core.errors import InternalError
from penstock.core.records import Generation, SavedPosition
from penstock.core.splits import history_split, stream_of
from penstock.store import tables as t
from penstock.store.engine import Database
from penstock.store.pipelines import find_pipeline, pipeline_id


class Positions:
    """Where the splits and reloads of each pipeline stand. Writing needs the pipeline's lock."""

    def __init__(self, database: Database, now: NowMs) -> None:
        self._database = database
        self._now = now

    def load(self, pipeline: str) -> dict[str, SavedPosition]:
        """Per split; empty for a pipeline that has committed nothing."""
        query = sa.select(t.split_position).where(
            t.split_position.c.pipeline_id == pipeline_id(pipeline)
        )
        with self._database.read() as connection:
            return {row.split: _position(row) for row in connection.execute(query)}

    def set(
        self,
        pipeline: str,
        split: str,
        checkpoint: Checkpoint | None,
        *,
        generation: int | None = None,
        pass_info: Mapping[str, Any] | None = None,
    ) -> None:
        """Put a split to a position; the count of its packages goes on."""
        values: dict[str, Any] = {
            "checkpoint": checkpoint.to_json() if checkpoint is not None else None,
            "pass_info": dict(pass_info) if pass_info is not None else None,
            "updated_at": self._now(),
        }
        if generation is not None:
            values["generation"] = generation
        with self._database.write() as connection:
            number = find_pipeline(connection, pipeline)
            row = {"pipeline_id": number, "split": split, "generation": 0, "package_no": 0}
            statement = self._database.upsert(t.split_position, {**row, **values}, list(values))
            connection.execute(statement)

    def restore(
        self, pipeline: str, split: str, checkpoint: Checkpoint, generation: int, package_no: int
    ) -> None:
        """The position of a split that a lost catalog held, count of its packages included."""
        values = {
            "checkpoint": checkpoint.to_json(),
            "generation": generation,
            "package_no": package_no,
            "updated_at": self._now(),
        }
        with self._database.write() as connection:
            key = {"pipeline_id": find_pipeline(connection, pipeline), "split": split}
            connection.execute(
                self._database.upsert(t.split_position, {**key, **values}, list(values))
            )

    def begin(self, pipeline: str, starts: Mapping[str, tuple[Checkpoint, int]]) -> None:
        """Where splits begin, and of which generation; counts of packages go on."""
        with self._database.write() as connection:
            number = find_pipeline(connection, pipeline)
            for split, (checkpoint, generation) in starts.items():
                values = {
                    "checkpoint": checkpoint.to_json(),
                    "generation": generation,
                    "updated_at": self._now(),
                }
                row = {"pipeline_id": number, "split": split, "package_no": 0, **values}
                connection.execute(self._database.upsert(t.split_position, row, list(values)))

    def history_read(self, pipeline: str, stream: str, generation: int, published: bool) -> None:
        """The history of a stream is in the destination: that takes the place of the positions
        of its splits (`core.stream`), of which the newest is kept with it: a source may need to
        know how its history ended. With `published` readers see this generation now."""
        rows, mark = t.split_position, history_split(stream)
        with self._database.write() as connection:
            number = find_pipeline(connection, pipeline)
            found = connection.execute(sa.select(rows).where(rows.c.pipeline_id == number)).all()
            splits = [row for row in found if stream_of(row.split, {stream})]
            last = _newest(
                row for row in splits if row.split != mark and row.generation == generation
            )
            gone = [row.split for row in splits if row.split != stream]
            # Their package counts stay, so that the destination's ledger is not taken for newer.
            connection.execute(
                sa.update(rows)
                .where(rows.c.pipeline_id == number, rows.c.split.in_(gone))
                .values(checkpoint=None, pass_info=None, updated_at=self._now())
            )
            own = rows.c.pipeline_id == number, rows.c.split == mark
            connection.execute(sa.delete(rows).where(*own))
            values = {
                "pipeline_id": number,
                "split": mark,
                "checkpoint": last or Checkpoint({}).to_json(),
                "generation": generation,
                "package_no": 0,
                "updated_at": self._now(),
            }
            connection.execute(sa.insert(rows).values(values))
            if published:
                publish(self._database, connection, (number, stream), generation)

    def reset(self, pipeline: str, split: str | None = None) -> int:
        """Forget where one split (or all) stood; returns how many. Package counts go on."""
        rows = t.split_position
        statement = (
            sa.update(rows)
            .where(rows.c.pipeline_id == pipeline_id(pipeline))
            .values(checkpoint=None, pass_info=None, updated_at=self._now())
        )
        if split is not None:
            statement = statement.where(rows.c.split == split)
        with self._database.write() as connection:
            return connection.execute(statement).rowcount

    def generations(self, pipeline: str) -> dict[str, Generation]:
        """Per object that was ever reloaded; others are at `Generation()`."""
        query = sa.select(t.generation).where(t.generation.c.pipeline_id == pipeline_id(pipeline))
        with self._database.read() as connection:
            return {
                row.object: Generation(row.current, row.building, row.mode or "")
                for row in connection.execute(query)
            }

    def set_generation(self, pipeline: str, object_name: str, now: Generation) -> None:
        """Begin a full reload, or take over what a destination knows of the last ones."""
        with self._database.write() as connection:
            number = find_pipeline(connection, pipeline)
            _save_generation(self._database, connection, (number, object_name), now)

    def publish_generation(self, pipeline: str, object_name: str, generation: int) -> None:
        """Readers see this generation now. Saying it twice is safe.

        Raises:
            InternalError: a newer one is published already.
        """
        with self._database.write() as connection:
            number = find_pipeline(connection, pipeline)
            publish(self._database, connection, (number, object_name), generation)


def _newest(positions: Iterable[Any]) -> str | None:
    """The checkpoint that was saved last."""
    saved = [row for row in positions if row.checkpoint is not None]
    newest = max(saved, key=lambda row: row.updated_at, default=None)
    return str(newest.checkpoint) if newest is not None else None


def publish(
    database: Database, connection: sa.Connection, key: tuple[int, str], generation: int
) -> None:
    """`publish_generation` inside a transaction; the key is pipeline number and object."""
    saved = _generation(connection, *key)
    if generation < saved.current:
        raise _overtaken(key[1], generation, saved.current)
    done = saved.building is None or saved.building <= generation
    now = Generation(generation) if done else replace(saved, current=generation)
    _save_generation(database, connection, key, now)


def _save_generation(
    database: Database, connection: sa.Connection, key: tuple[int, str], now: Generation
) -> None:
    row = {"current": now.current, "building": now.building, "mode": now.mode or None}
    values = {"pipeline_id": key[0], "object": key[1], **row}
    connection.execute(database.upsert(t.generation, values, list(row)))


def _position(row: sa.Row[Any]) -> SavedPosition:
    return SavedPosition(
        checkpoint=Checkpoint.from_json(row.checkpoint) if row.checkpoint is not None else None,
        generation=row.generation,
        package_no=row.package_no,
        pass_info=row.pass_info,
        updated_at=row.updated_at,
    )


def _generation(connection: sa.Connection, pipeline: int, object_name: str) -> Generation:
    rows = t.generation
    query = sa.select(rows).where(rows.c.pipeline_id == pipeline, rows.c.object == object_name)
    row = connection.execute(query.with_for_update()).one_or_none()
    if row is None:
        return Generation()
    return Generation(row.current, row.building, row.mode or "")


def _overtaken(object_name: str, asked: int, current: int) -> InternalError:
    return InternalError(
        f"Generation {asked} cannot be published: {current} is.",
        hint="Please report this with the log file.",
        code="generation.overtaken",
        object=object_name,
    )
