"""One stream's rows in the open package: files, keys, failed events, books."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.core.batch import FailedEvent
from penstock.core.books import Books
from penstock.core.load import PackagePart, WriteMode
from penstock.engine.collapse import all_differ, collapse
from penstock.engine.files import StagedFile
from penstock.engine.filling import fill
from penstock.engine.mapping import Mapped, Mapper
from penstock.engine.passes import Pass
from penstock.engine.task import StreamPlan
from penstock.engine.uniform import make_uniform

EVENTS = pa.schema([(name, pa.string()) for name in (
    "object", "stage", "code", "reason", "raw", "key", "event_type", "op", "row_id"
)] + [(name, pa.int64()) for name in ("ingested_at", "seq", "attempt")])  # fmt: skip


# A merge compares fingerprints; versions of a history are put in order and compared as whole
# rows, of which the destination's engine holds about so many at once.
_WEIGHT = {WriteMode.HISTORY: 12}


class OpenPart:
    """Grows until its package closes; then it is a `PackagePart` and never changes again."""

    def __init__(self, folder: Path, number: int, plan: StreamPlan, mapper: Mapper) -> None:
        self._folder = folder
        self._plan = plan
        self._mapper = mapper
        self._files: list[Path] = []
        self._open: StagedFile | None = None
        self._keys: StagedFile | None = None
        self._seen: list[pa.RecordBatch] = []
        """The keys of the rows so far."""
        self._failed: list[FailedEvent] = []
        self._books = Books()
        self._pass_end: bool | None = None
        self._attempt = 0
        self._truncated = False
        self._number = number
        self._prefix = f"p{number}-{plan.event_type[:40]}".replace("/", "_")
        self.generation = plan.generation
        self.rows = 0
        self.bytes = 0

    @property
    def load_bytes(self) -> int:
        """What the rows take in a load, against those that are only written."""
        return self.bytes * _WEIGHT.get(self._plan.mode, 1)

    @property
    def has_keys(self) -> bool:
        return self._keys is not None

    @property
    def pass_ended(self) -> bool:
        return self._pass_end is not None

    def append(self, mapped: Mapped, current: Pass | None) -> None:
        batch = mapped.batch
        if mapped.keys is not None and mapped.keys.num_rows:
            self._write_keys(mapped.keys)
        if mapped.full_pass is not None and mapped.full_pass.ended:
            self._pass_end = mapped.full_pass.verified and current is not None and not current.blind
        if batch.truncated:
            self._emptied()
        if mapped.full_pass is not None and mapped.full_pass.keys_only:
            return
        if mapped.rows is not None and mapped.rows.num_rows:
            self._write_rows(mapped.rows)
        self._failed += mapped.failed
        self._attempt = max(self._attempt, batch.attempt)
        read = batch.num_rows + mapped.filtered - mapped.created
        self._books.add(
            Books(
                read=read + len(batch.failed) + len(batch.oversize),
                created=mapped.created,
                filtered=mapped.filtered,
                oversize=len(batch.oversize),
                failed=len(mapped.failed),
                bytes_read=batch.bytes_read,
            )
        )

    def _emptied(self) -> None:
        """Keys of rows before the source emptied the table count no more."""
        self._truncated = True
        if self._keys is not None:
            self._keys.drop()
            self._keys.path.unlink()
            self._keys = None

    def restart(self, generation: int) -> None:
        """Rows so far belong to a generation that a newer one replaces: they count as collapsed."""
        self._close_files()
        for file in self._files:
            file.unlink()
        self._books.collapsed += self.rows
        self._files, self._seen = [], []
        self.rows, self.bytes, self.generation = 0, 0, generation

    def close(self, package: str, current: Pass | None, *, publish: bool) -> PackagePart:
        """Finish the files: one schema, unique keys in merge mode, failed events beside them."""
        self._close_files()
        mapping = self._mapper.mapping
        make_uniform(self._files, mapping)
        merging = self._plan.mode is WriteMode.MERGE and bool(mapping.key)
        # Appended rows stay as they came.
        masked = [] if self._plan.mode is WriteMode.APPEND else mapping.schema.names
        differ = merging and all_differ(self._seen)
        left_out = fill(self._files, () if differ else mapping.key, masked)
        if merging and not differ:
            dropped = collapse(self._files, mapping.key)
            self._books.collapsed += dropped
            self.rows -= dropped
        failed_file = self._write_failed()
        sweep = None
        rebuilding = self.generation > self._plan.published
        swept = self._truncated or not rebuilding
        if current is not None and self._pass_end and mapping.key and swept:
            safety = 1.0 if self._truncated else self._plan.delete_safety
            sweep = {**asdict(current), "safety": safety}
        return PackagePart(
            stream=self._plan.stream.name,
            event_type=self._plan.event_type,
            table=mapping.table,
            key=mapping.key,
            mode=self._plan.mode,
            generation=self.generation,
            files=tuple(file.name for file in self._files),
            rows=self.rows,
            load_id=f"{package}-p{self._number}",
            books=self._books,
            mapping=mapping.to_dict(),
            sweep=sweep,
            keys_file=self._keys.path.name if self._keys else None,
            pass_id=current.id if current else None,
            failed_file=failed_file,
            publish=publish and rebuilding,
            attempt=self._attempt,
            left_out=left_out,
        )

    def abandon(self) -> None:
        """Let go of the files; nobody will read them."""
        for item in (self._open, self._keys):
            if item is not None:
                item.drop()

    def _close_files(self) -> None:
        for item in (self._open, self._keys):
            if item is not None:
                item.close()
        self._open = None

    def _write_rows(self, rows: pa.RecordBatch) -> None:
        if self._open is not None and not self._open.schema.equals(rows.schema):
            self._open.close()
            self._open = None
        if self._open is None:
            path = self._folder / f"{self._prefix}-{len(self._files):04d}.parquet"
            self._open = StagedFile(path, rows.schema)
            self._files.append(path)
        self._open.write(rows)
        if self._plan.mode is WriteMode.MERGE:
            self._seen.append(rows.select(list(self._mapper.mapping.key)))
        if self._truncated and self._mapper.mapping.key:
            # What came after the table was emptied is there, even where its values are the old.
            self._write_keys(rows.select(list(self._mapper.mapping.key)))
        self.rows += rows.num_rows
        self.bytes += rows.nbytes

    def _write_keys(self, keys: pa.RecordBatch) -> None:
        if self._keys is None:
            self._keys = StagedFile(self._folder / f"{self._prefix}-keys.parquet", keys.schema)
        if not self._keys.schema.equals(keys.schema):
            keys = keys.cast(self._keys.schema)
        self._keys.write(keys)

    def _write_failed(self) -> str | None:
        if not self._failed:
            return None
        table = pa.Table.from_pylist([vars_of(event) for event in self._failed], schema=EVENTS)
        name = f"{self._prefix}-failed.parquet"
        pq.write_table(table, self._folder / name)
        return name


def vars_of(event: FailedEvent) -> dict[str, object]:
    """The event as a row of a failed-events file."""
    return asdict(event)


def read_failed(path: Path) -> list[FailedEvent]:
    return [FailedEvent(**row) for row in pq.read_table(path).to_pylist()]
