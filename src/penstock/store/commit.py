"""The commit of one package: position, counts, receipts and failed events in one transaction."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import sqlalchemy as sa

from penstock.core import failpoints
from penstock.core.errors import InternalError
from penstock.core.records import CommitRecord, ObjectStatus, PartRecord
from penstock.store import tables as t
from penstock.store.engine import Database
from penstock.store.failed import insert_failed, resolve
from penstock.store.job_rows import add_warnings
from penstock.store.pipelines import unknown_pipeline
from penstock.store.positions import publish

RETENTION_MS: Final = 90 * 86_400_000
_KEPT_PER_SPLIT: Final = 100
_CHUNK: Final = 500


def commit(database: Database, record: CommitRecord, now: int) -> bool:
    """Save a delivered package; False when it was saved before, and nothing changes then.

    Raises:
        InternalError: the books do not balance, a newer job holds the pipeline, or the
            package comes out of order. Nothing is saved then.
    """
    for part in record.parts:
        part.books.check(object=part.object, event_type=part.event_type, package=record.package_id)
    with database.write() as connection:
        pipeline = _lock(connection, record.pipeline)
        if _known(connection, record.package_id):
            return False
        _check_fence(record, pipeline.fence)
        _save_package(connection, record, pipeline.id, now)
        _save_position(database, connection, record, pipeline.id, now)
        for part in record.parts:
            _add_books(database, connection, record.job, part)
            _save_receipt(connection, record.package_id, part)
            if part.published:
                publish(database, connection, (pipeline.id, part.object), part.generation)
        insert_failed(connection, record, pipeline.id, now)
        resolve(connection, record.pipeline, record.resolved)
        _raise_floor(connection, pipeline, record.ingested_at)
        _append_warnings(connection, record)
        failpoints.hit("commit.in_transaction")
    return True


def _lock(connection: sa.Connection, name: str) -> sa.Row[Any]:
    """The pipeline's row; on PostgreSQL commits of one pipeline queue up here."""
    query = sa.select(t.pipeline).where(t.pipeline.c.name == name).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        raise unknown_pipeline(name)
    return row


def _known(connection: sa.Connection, package: str) -> bool:
    query = sa.select(t.package.c.id).where(t.package.c.id == package)
    return connection.execute(query).one_or_none() is not None


def _check_fence(record: CommitRecord, newest: int) -> None:
    if record.fence < newest:
        raise InternalError(
            "A newer job of this pipeline has begun, so this one may not save anything.",
            hint="Nothing is lost: the newer job delivers this package too.",
            code="job.fenced",
            pipeline=record.pipeline,
            job=record.job,
            fence=record.fence,
            newest=newest,
        )


def _save_package(connection: sa.Connection, record: CommitRecord, pipeline: int, now: int) -> None:
    row = {
        "id": record.package_id,
        "pipeline_id": pipeline,
        "split": record.split,
        "package_no": record.package_no,
        "job_id": record.job,
        "committed_at": now,
    }
    connection.execute(sa.insert(t.package).values(row))


def _save_position(
    database: Database, connection: sa.Connection, record: CommitRecord, pipeline: int, now: int
) -> None:
    rows = t.split_position
    query = sa.select(rows).where(rows.c.pipeline_id == pipeline, rows.c.split == record.split)
    saved = connection.execute(query).one_or_none()
    if saved is not None and record.package_no <= saved.package_no:
        raise _out_of_order(record, saved.package_no)
    generation = max(
        (part.generation for part in record.parts),
        default=saved.generation if saved is not None else 0,
    )
    values: dict[str, Any] = {
        "generation": generation,
        "package_no": record.package_no,
        "updated_at": now,
    }
    if record.checkpoint is not None:
        values["checkpoint"] = record.checkpoint.to_json()
    if record.pass_info is not None:
        values["pass_info"] = dict(record.pass_info) or None
    key = {"pipeline_id": pipeline, "split": record.split}
    connection.execute(database.upsert(rows, {**key, **values}, list(values)))


def _add_books(database: Database, connection: sa.Connection, job: str, part: PartRecord) -> None:
    counts = part.books.to_dict()
    values = {
        "job_id": job,
        "object": part.object,
        "event_type": part.event_type,
        "table_name": part.table,
        "mode": "",
        "status": ObjectStatus.IN_PROGRESS.value,
        "ingest_stage": ObjectStatus.IN_PROGRESS.value,
        "load_stage": ObjectStatus.IN_PROGRESS.value,
        **counts,
    }
    sums = {name: t.job_object.c[name] + count for name, count in counts.items()}
    connection.execute(database.upsert(t.job_object, values, sums))


def _save_receipt(connection: sa.Connection, package: str, part: PartRecord) -> None:
    if part.receipt is None:
        return
    values = {**asdict(part.receipt), "package_id": package, "load_id": part.load_id}
    values["table_name"] = values.pop("table")
    # The record has them among the job's warnings.
    del values["warnings"]
    connection.execute(sa.insert(t.receipt).values(values))


def _raise_floor(connection: sa.Connection, pipeline: sa.Row[Any], ingested_at: int) -> None:
    if ingested_at > pipeline.ingested_floor:
        rows = t.pipeline
        statement = sa.update(rows).where(rows.c.id == pipeline.id)
        connection.execute(statement.values(ingested_floor=ingested_at))


def _append_warnings(connection: sa.Connection, record: CommitRecord) -> None:
    if not record.warnings:
        return
    kept = connection.execute(sa.select(t.job.c.warnings).where(t.job.c.id == record.job)).scalar()
    together = add_warnings(kept, record.warnings)
    connection.execute(sa.update(t.job).where(t.job.c.id == record.job).values(warnings=together))


def _out_of_order(record: CommitRecord, saved: int) -> InternalError:
    return InternalError(
        f"Package {record.package_no} of this split comes after {saved} was saved.",
        hint="Nothing was marked as done. Please report this with the log file.",
        code="job.package_order",
        pipeline=record.pipeline,
        split=record.split,
        package=record.package_id,
    )


def purge_packages(database: Database, now: int, older_than_ms: int = RETENTION_MS) -> int:
    """Forget packages (and receipts) of that age, but never the newest hundred of a split.

    Their ids are what keeps a package that comes again from being counted twice.
    """
    rows, positions = t.package, t.split_position
    overtaken = (
        sa.select(positions.c.split)
        .where(positions.c.pipeline_id == rows.c.pipeline_id, positions.c.split == rows.c.split)
        .where(positions.c.package_no >= rows.c.package_no + _KEPT_PER_SPLIT)
        .exists()
    )
    # Of history that was read to its end the splits are forgotten.
    mine = (
        sa.select(positions.c.split)
        .where(positions.c.pipeline_id == rows.c.pipeline_id, positions.c.split == rows.c.split)
        .exists()
    )
    old = sa.select(rows.c.id).where(
        rows.c.committed_at < now - older_than_ms, sa.or_(overtaken, ~mine)
    )
    gone = 0
    while True:
        with database.write() as connection:
            statement = sa.delete(rows).where(rows.c.id.in_(old.limit(_CHUNK)))
            count = connection.execute(statement).rowcount
        gone += count
        if count < _CHUNK:
            return gone
