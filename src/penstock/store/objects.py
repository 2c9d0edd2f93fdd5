"""Objects between jobs: their ingestion status, a note for people, their last complete read."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from penstock.core.clock import NowMs
from penstock.core.records import IngestionStatus, ObjectInfo
from penstock.store import tables as t
from penstock.store.engine import Database
from penstock.store.pipelines import find_pipeline, pipeline_id


class Objects:
    """The objects of each pipeline."""

    def __init__(self, database: Database, now: NowMs) -> None:
        self._database = database
        self._now = now

    def load(self, pipeline: str) -> dict[str, ObjectInfo]:
        query = sa.select(t.object_state).where(
            t.object_state.c.pipeline_id == pipeline_id(pipeline)
        )
        with self._database.read() as connection:
            return {row.object: _info(row) for row in connection.execute(query)}

    def update(
        self,
        pipeline: str,
        object_name: str,
        *,
        status: str | None = None,
        note: str | None = None,
        complete_pass_at: int | None = None,
        estimated_rows: int | None = None,
    ) -> None:
        """Change what is given, keep the rest; an empty note clears it."""
        given: dict[str, Any] = {
            "status": IngestionStatus(status).value if status is not None else None,
            "note": note,
            "complete_pass_at": complete_pass_at,
            "estimated_rows": estimated_rows,
        }
        changed = {name: value for name, value in given.items() if value is not None}
        changed["updated_at"] = self._now()
        with self._database.write() as connection:
            row = {
                "pipeline_id": find_pipeline(connection, pipeline),
                "object": object_name,
                "status": IngestionStatus.INIT.value,
                "note": "",
                **changed,
            }
            connection.execute(self._database.upsert(t.object_state, row, list(changed)))


def _info(row: sa.Row[Any]) -> ObjectInfo:
    return ObjectInfo(
        object=row.object,
        status=IngestionStatus(row.status),
        note=row.note,
        complete_pass_at=row.complete_pass_at,
        estimated_rows=row.estimated_rows,
        updated_at=row.updated_at,
    )
