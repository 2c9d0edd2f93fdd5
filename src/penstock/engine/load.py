"""Deliver packages: evolve, load, publish, commit, acknowledge, discard."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.core import metadata
from penstock.core.batch import FailedEvent
from penstock.core.books import Books
from penstock.core.errors import DataError, InternalError, NoRoom, PenstockError, TransientError
from penstock.core.failpoints import hit
from penstock.core.heap import release_freed
from penstock.core.load import (
    Deletes,
    LoadPackage,
    PackagePart,
    Receipt,
    Sweep,
    TableLoad,
    WriteMode,
)
from penstock.core.mapping import Mapping
from penstock.core.progress import TypeState
from penstock.core.records import CommitRecord, FailedRow, PartRecord
from penstock.core.stream import Split
from penstock.engine.evolving import system_fields
from penstock.engine.mapping import table_schema
from penstock.engine.naming import columns_scope
from penstock.engine.part import read_failed
from penstock.engine.refuse import without_refused
from penstock.engine.task import Task
from penstock.engine.uniform import make_uniform
from penstock.nested import newest


def deliver(task: Task, package: LoadPackage) -> None:
    """Bring one package into the destination and remember it. Repeating it changes nothing.

    A crash between any two steps repeats work but neither loses nor doubles a row: the
    ledger knows the load ids, the catalog the package id, and the folder goes last.
    """
    if package.parts:
        # A load takes the most memory of a job: what reading and earlier loads freed makes room.
        release_freed()
    package, loaded = _load_tables(task, package)
    receipts = _of_all_parts(package, loaded)
    for part in package.parts:
        if part.publish and part.table:
            hit("publish.before")
            task.destination.publish(part.table, part.generation)
    record = _record(task, package, list(package.parts), receipts)
    hit("commit.before")
    task.memory.commit(record)
    hit("commit.after")
    if package.checkpoint is not None:
        hit("acknowledge.before")
        task.source.acknowledge(Split(package.split, ()), package.checkpoint)
        hit("acknowledge.after")
    if package.parts:
        _keep_keys(task, package)
        task.staging.discard(package)
    _show(task, record, receipts)


def _load_tables(task: Task, package: LoadPackage) -> tuple[LoadPackage, list[Receipt]]:
    """All tables of a package: at once where the destination can, else one after the other."""
    parts = [part for part in package.parts if part.table]
    if len(parts) > 1 and task.destination.capabilities.atomic_package:
        return _load_at_once(task, package)
    receipts: list[Receipt] = []
    for part in parts:
        package, receipt = _load_part(task, package, part)
        receipts.append(receipt)
        hit("load.between_tables")
    return package, receipts


def _of_all_parts(package: LoadPackage, loaded: Sequence[Receipt]) -> list[Receipt]:
    """A part without a table has nothing to load, and a receipt that says so."""
    receipts = iter(loaded)
    return [next(receipts) if p.table else Receipt(p.load_id, "") for p in package.parts]


def _load_at_once(task: Task, package: LoadPackage) -> tuple[LoadPackage, list[Receipt]]:
    parts = [part for part in package.parts if part.table]
    loads = [table_load(task, package, part) for part in parts]
    try:
        return package, _patiently(task, parts[0].stream, loads)
    except (DataError, NoRoom) as error:
        refusal = error
    left = package
    for at, part in enumerate(parts):
        refused = task.destination.refused(loads[at], loads[:at])
        if refused:
            left, part = without_refused(left, part, loads[at], refused)
            loads[at] = table_load(task, left, part)
    if left is package and isinstance(refusal, NoRoom):
        raise refusal
    if left is package:
        raise _refused_nothing(refusal, parts[0]) from refusal
    task.staging.rewrite(left)
    return left, _patiently(task, parts[0].stream, loads)


def _load_part(task: Task, package: LoadPackage, part: PackagePart) -> tuple[LoadPackage, Receipt]:
    load = table_load(task, package, part)
    try:
        return package, _patiently(task, part.stream, [load])[0]
    except (DataError, NoRoom) as error:
        refused = task.destination.refused(load)
        if not refused and isinstance(error, NoRoom):
            raise
        if not refused:
            raise _refused_nothing(error, part) from error
        package, part = without_refused(package, part, load, refused)
        task.staging.rewrite(package)
        return package, _patiently(task, part.stream, [table_load(task, package, part)])[0]


def _refused_nothing(error: PenstockError, part: PackagePart) -> InternalError:
    return InternalError(
        f"The destination refused a load and then no row of it: {error.message}",
        hint="Run again; if it stays, please report it.",
        code="load.refused_nothing",
        table=part.table,
    )


def _patiently(task: Task, stream: str, loads: Sequence[TableLoad]) -> list[Receipt]:
    """Evolve and load, waiting for a destination that is away for a short time."""
    waited = 0.0
    pause = 0.5
    while True:
        try:
            hit("load.before_evolve")
            for load in loads:
                task.destination.evolve(
                    load.table, load.schema, load.key, mode=load.mode, generation=load.generation
                )
            hit("load.after_evolve")
            if len(loads) == 1:
                return [task.destination.load(loads[0])]
            return task.destination.load_package(loads)
        except TransientError as error:
            if waited >= task.patience_s or task.cancel.is_set():
                raise
            task.warn(stream, f"{error.message} Trying again in {pause:.0f} s.")
            task.cancel.wait(pause)
            waited += pause
            pause = min(pause * 2, 8.0)


def table_load(task: Task, package: LoadPackage, part: PackagePart) -> TableLoad:
    """What the destination is asked to do with one part of a package."""
    files = tuple(package.folder / name for name in part.files)
    mapping = _mapping(task, part)
    # A package may have waited while its mapping widened.
    make_uniform(files, mapping)
    published = task.plans[part.stream].published if part.stream in task.plans else 0
    # A field of which only nulls were seen has no type yet, and no column.
    typed = [field for field in mapping.schema if not pa.types.is_null(field.type)]
    names = {field.name for field in typed}
    return TableLoad(
        load_id=part.load_id,
        pipeline=task.pipeline,
        table=part.table,
        schema=pa.schema([*typed, *_system(task, part, files, mapping)]),
        key=part.key,
        mode=part.mode,
        files=files,
        rows=part.rows,
        loaded_at=task.clock(),
        # A generation that is shown already is the table itself.
        generation=part.generation if part.generation > published else 0,
        checkpoint=_ledger_checkpoint(task, package, part),
        split=package.split,
        package_no=package.package_no,
        fence=task.fence,
        sweep=_sweep(task, package, part),
        left_out={name: at for name, at in part.left_out.items() if name in names},
        deletes=_deletes(task, part),
        fixed=task.fixed_schema or not mapping.is_auto(task.auto_mapping),
    )


def _deletes(task: Task, part: PackagePart) -> Deletes:
    """Flags instead of removals while history is read: a late row of it would come back else."""
    plan = task.plans.get(part.stream)
    hard = plan is not None and plan.deletes is Deletes.HARD and part.stream not in task.unread
    return Deletes.HARD if hard and part.mode is WriteMode.MERGE else Deletes.SOFT


def _mapping(task: Task, part: PackagePart) -> Mapping:
    """The mapping in force; a catalog that was lost or set back learns the package's."""
    staged = Mapping.from_dict(dict(part.mapping))
    known = task.memory.mapping(part.event_type)
    if known is not None and not known.holds(staged):
        # The user decided otherwise since: these rows still go where they were to go.
        return staged
    mapping = staged if known is None else known.joined(staged)
    if mapping != known:
        old = {column.field for column in known.columns} if known is not None else set()
        names = {c.field: c.name for c in mapping.columns if c.field not in old}
        task.memory.remember(columns_scope(mapping.table), names)
        task.memory.save_mapping(mapping)
    return mapping


def _ledger_checkpoint(task: Task, package: LoadPackage, part: PackagePart) -> str | None:
    """What the ledger needs to stand in for a lost catalog commit: whose position, of what."""
    if package.checkpoint is None:
        return None
    own = {
        "catalog": task.catalog_id,
        "source": task.source.identity,
        "stream": part.stream,
        "generation": part.generation,
        "parts": sum(bool(part.table) for part in package.parts),
    }
    return json.dumps({**json.loads(package.checkpoint.to_json()), **own}, separators=(",", ":"))


def _system(
    task: Task, part: PackagePart, files: Sequence[Path], mapping: Mapping
) -> list[pa.Field]:
    """Columns of ours in these rows; for a load without rows, those the stream has.

    Not those that came as fields, such as the schema that a row is of.
    """
    if files:
        staged = table_schema(pq.read_schema(files[0]), keep_op=task.keep_op)
        mapped = {*mapping.schema.names}
        return [f for f in staged if metadata.is_ours(f.name) and f.name not in mapped]
    plan = task.plans.get(part.stream)
    if plan is None:
        return [pa.field(metadata.INGESTED_AT, pa.int64())]
    return system_fields(plan.stream, part.key, keep_op=task.keep_op)


def _sweep(task: Task, package: LoadPackage, part: PackagePart) -> Sweep | None:
    """The sweep at the end of a verified pass, if every one of its key files is there."""
    plan = task.plans.get(part.stream)
    if part.mode is WriteMode.APPEND or (plan is not None and plan.deletes is Deletes.IGNORE):
        return None
    if part.groups is not None and part.keys_file is not None:
        return _children_gone(package, part.groups, part.keys_file)
    if part.sweep is None:
        return _emptied_before(task, package, part)
    files = task.staging.pass_keys(package, part, part.sweep["id"])
    if part.keys_file is not None:
        files[f"{package.id}.parquet"] = package.folder / part.keys_file
    if len(files) != part.sweep["parts"]:
        task.warn(
            part.stream,
            "Rows that are gone from the source were not flagged: keys of this read were lost "
            "with the staging area. The next complete read does it.",
        )
        return None
    return Sweep(
        key_files=tuple(sorted(files.values())),
        started_at=part.sweep["started_at"],
        deleted_at=max(task.clock(), part.sweep["started_at"]),
        safety_share=part.sweep["safety"],
    )


def _children_gone(package: LoadPackage, group: str, keys: str) -> Sweep:
    """The sweep of the children of events in the package; what these have is all there is."""
    there = package.folder / f"there-{keys}"
    pq.write_table(newest(pq.read_table(package.folder / keys)), there)
    at = package.ingested_at
    return Sweep((there,), started_at=at, deleted_at=at, safety_share=1.0, group=group)


def _emptied_before(task: Task, package: LoadPackage, part: PackagePart) -> Sweep | None:
    """For history that was read before the log told that the table was emptied: all of it goes."""
    at = task.truncated.get(part.stream)
    if at is None or not part.rows or package.ingested_at > at:
        return None
    return Sweep((), started_at=at, deleted_at=max(task.clock(), at), safety_share=1.0)


def _keep_keys(task: Task, package: LoadPackage) -> None:
    """Keep key files of a pass that goes on beside the packages; drop those of one that ended."""
    for part in package.parts:
        if part.pass_id is None:
            continue
        going_on = package.checkpoint is not None and part.stream in package.checkpoint.passes
        if going_on:
            task.staging.keep_keys(package, part, part.pass_id)
        else:
            task.staging.drop_keys(package, part, part.pass_id)


def _record(
    task: Task, package: LoadPackage, parts: list[PackagePart], receipts: list[Receipt]
) -> CommitRecord:
    records = []
    failed: list[FailedRow] = []
    for part, receipt in zip(parts, receipts, strict=True):
        books = replace(part.books)
        books.add(
            Books(
                loaded=receipt.rows,
                inserted=receipt.inserted,
                updated=receipt.updated,
                deleted=receipt.deleted,
                unchanged=receipt.unchanged,
                flagged=receipt.flagged,
            )
        )
        books.check(object=part.stream, table=part.table, load_id=part.load_id)
        records.append(
            PartRecord(
                object=part.stream,
                event_type=part.event_type,
                table=part.table,
                books=books,
                receipt=receipt if part.table else None,
                load_id=part.load_id,
                generation=part.generation,
                published=part.publish,
            )
        )
        failed += _keep_failed(task, package, part)
    return CommitRecord(
        package_id=package.id,
        pipeline=task.pipeline,
        job=task.job,
        fence=task.fence,
        split=package.split,
        package_no=package.package_no,
        checkpoint=package.checkpoint,
        ingested_at=package.ingested_at,
        parts=tuple(records),
        failed=tuple(failed),
        # As the watcher writes them; kept with the rows, should the job not live to its end.
        warnings=(*package.warnings, *_lines(parts, receipts)),
        resolved=package.resolved,
    )


def _keep_failed(task: Task, package: LoadPackage, part: PackagePart) -> Iterator[FailedRow]:
    """Copy the part's failed events to where they stay, and index them."""
    if part.failed_file is None:
        return
    name = task.staging.keep_failed(package, part)
    for index, event in enumerate(read_failed(package.folder / part.failed_file)):
        yield _failed_row(package, part, event, name, index)


def _failed_row(
    package: LoadPackage, part: PackagePart, event: FailedEvent, file: str, index: int
) -> FailedRow:
    return FailedRow(
        pipeline=package.pipeline,
        job=package.job,
        load_id=part.load_id,
        n=index,
        object=event.object,
        event_type=event.event_type or part.event_type,
        stage=event.stage,
        code=event.code,
        reason=event.reason,
        key=event.key,
        ingested_at=event.ingested_at or package.ingested_at,
        seq=event.seq,
        attempt=event.attempt,
        file=file,
        file_row=index,
    )


def _show(task: Task, record: CommitRecord, receipts: list[Receipt]) -> None:
    for part, receipt in zip(record.parts, receipts, strict=True):
        state = task.states.get(part.object)
        if state is not None:
            state.books.add(part.books)
            of = state.event_types.setdefault(part.event_type, TypeState())
            of.table = part.table or of.table
            of.books.add(part.books)
        for warning in _told(part.table, receipt):
            task.warn(part.object, warning)


def _lines(parts: Sequence[PackagePart], receipts: Sequence[Receipt]) -> Iterator[str]:
    for part, receipt in zip(parts, receipts, strict=True):
        for warning in _told(part.table, receipt):
            yield f"{part.stream}: {warning}"


def _told(table: str, receipt: Receipt) -> Iterator[str]:
    """What a load has to tell the user."""
    yield from receipt.warnings
    if receipt.held:
        yield (
            f"{receipt.held} rows are gone from the source, more than the safety share of "
            f"{table}: none was flagged as deleted. Check the source; if it is right, "
            "run once with --accept-deletes."
        )
