"""Take refused rows out of a package and keep them as failed events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penstock.core import metadata
from penstock.core.batch import FailedEvent
from penstock.core.books import Books
from penstock.core.load import LoadPackage, PackagePart, TableLoad
from penstock.core.mapping import Mapping
from penstock.engine.changes import bits_of
from penstock.engine.files import write_whole
from penstock.engine.part import EVENTS, read_failed, vars_of
from penstock.engine.set_aside import raw_events
from penstock.sdk.destination import Refused


def without_refused(
    package: LoadPackage, part: PackagePart, load: TableLoad, refused: Sequence[Refused]
) -> tuple[LoadPackage, PackagePart]:
    """The package with one part rewritten: new files, new load id, more failed events.

    The load under the old id was rolled back and its id is never used again, so an id still
    names one set of bytes. The old files stay until the package is discarded.
    """
    by_index = {item.index: item for item in refused}
    version = part.load_id.rpartition(".")[2] if "." in part.load_id else "0"
    suffix = f".{int(version) + 1}"
    files: list[str] = []
    events: list[FailedEvent] = []
    start = 0
    for path in load.files:
        table = pq.read_table(path)
        here = [index - start for index in by_index if start <= index < start + table.num_rows]
        events += [_event(part, table, index, by_index[index + start]) for index in sorted(here)]
        files.append(_write_without(path, table, here, suffix))
        start += table.num_rows
    books = replace(part.books)
    books.add(Books(failed=len(events)))
    changed = replace(
        part,
        files=tuple(files),
        rows=part.rows - len(events),
        load_id=part.load_id.partition(".")[0] + suffix,
        books=books,
        failed_file=_write_events(package.folder, part, events, suffix),
    )
    parts = tuple(changed if item.load_id == part.load_id else item for item in package.parts)
    return replace(package, parts=parts), changed


def _write_without(path: Path, table: pa.Table, drop: Sequence[int], suffix: str) -> str:
    if not drop:
        return path.name
    gone = pa.array(list(drop), pa.int64())
    keep = pc.invert(pc.is_in(pa.array(range(table.num_rows), pa.int64()), value_set=gone))
    name = f"{path.stem.partition('.')[0]}{suffix}.parquet"
    write_whole(table.filter(keep), path.with_name(name))
    return name


def _event(part: PackagePart, table: pa.Table, index: int, refused: Refused) -> FailedEvent:
    row = table.slice(index, 1).to_pylist()[0]
    # Under the source's names: a replay reads the event as the source would give it.
    fields = {c.name: c.field for c in Mapping.from_dict(dict(part.mapping)).columns}
    one = table.slice(index, 1)
    user = one.select([name for name in one.schema.names if not metadata.is_ours(name)])
    user = user.rename_columns([fields.get(name, name) for name in user.schema.names])
    left_out = [
        fields[name] for name, place in part.left_out.items() if bits_of(one, place)[0].as_py()
    ]
    return FailedEvent(
        object=part.stream,
        stage="LOADING",
        code=refused.code,
        reason=refused.reason,
        raw=raw_events(user.combine_chunks().to_batches()[0], [left_out])[0],
        key=":".join(str(row.get(name)) for name in part.key) if part.key else None,
        ingested_at=row[metadata.INGESTED_AT],
        seq=row[metadata.SEQ],
        event_type=part.event_type,
        attempt=part.attempt,
        op=row[metadata.OP],
        row_id=row.get(metadata.ID),
        shaped=part.shaped,
    )


def _write_events(
    folder: Path, part: PackagePart, events: list[FailedEvent], suffix: str
) -> str | None:
    before = read_failed(folder / part.failed_file) if part.failed_file else []
    rows = [vars_of(event) for event in [*before, *events]]
    if not rows:
        return None
    name = f"{part.load_id.partition('.')[0]}-failed{suffix}.parquet"
    write_whole(pa.Table.from_pylist(rows, schema=EVENTS), folder / name)
    return name
