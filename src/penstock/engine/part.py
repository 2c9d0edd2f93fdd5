"""Rows of one event type in the open package: files, keys, failed events, books."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.core.batch import FailedEvent
from penstock.core.books import Books
from penstock.core.load import PackagePart, WriteMode, part_name
from penstock.core.mapping import Mapping
from penstock.engine.collapse import all_differ, collapse
from penstock.engine.files import StagedFile
from penstock.engine.filling import fill
from penstock.engine.mapping import Mapped, Mapper
from penstock.engine.passes import Pass
from penstock.engine.rowfiles import RowFiles
from penstock.engine.task import StreamPlan
from penstock.engine.uniform import make_uniform

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
EVENTS = pa.schema([(name, pa.string()) for name in (
    "object", "stage", "code", "reason", "raw", "key", "event_type", "op", "row_id",
    "sub_code", "traceback",
)] + [(name, pa.int64()) for name in ("ingested_at", "seq", "attempt", "line")]
    + [("shaped", pa.bool_())])  # fmt: skip


# A merge compares fingerprints; versions of a history are put in order and compared as whole
# rows, of which the destination's engine holds about so many at once.
_WEIGHT = {WriteMode.HISTORY: 12}

_EVENT_BYTES: Final = 800
"""What a failed event takes in memory beside its raw form."""


class OpenPart:
    """Grows until its package closes; then it is a `PackagePart` and never changes again.

    Args:
        mapper: None as long as the event type has no table.
    """

    def __init__(
        self,
        folder: Path,
        number: int,
        plan: StreamPlan,
        mapper: Mapper | None,
        *,
        sealing: bool = False,
    ) -> None:
        self._folder = folder
        self._plan = plan
        self._mapper = mapper
        self._no_table = Mapping(plan.event_type, "", ())
        self._shaped = False
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
        self._stored = RowFiles(folder, self._prefix)
        self._sealing = sealing
        self._groups: str | None = None
        self._untold_keys: list[pa.RecordBatch] = []
        self._told_failed = 0
        self._told_mapping: Mapping | None = None
        self.generation = plan.generation
        self.rows = 0
        self.bytes = 0

    @property
    def load_bytes(self) -> int:
        """What the rows take in a load, against those that are only written."""
        return self.bytes * _WEIGHT.get(self._plan.mode, 1)

    @property
    def held(self) -> int:
        """Events in it, those that failed included: they are in memory until it closes."""
        return self.rows + len(self._failed)

    @property
    def has_keys(self) -> bool:
        return self._keys is not None

    @property
    def pass_ended(self) -> bool:
        return self._pass_end is not None

    @property
    def name(self) -> str:
        return part_name(self.stream, self._plan.event_type)

    @property
    def stream(self) -> str:
        return self._plan.stream.name

    @property
    def mapping(self) -> Mapping:
        return self._mapper.mapping if self._mapper is not None else self._no_table

    def mapped_by(self, plan: StreamPlan, mapper: Mapper | None) -> None:
        """The event type may have got its table since the part was opened."""
        self._plan, self._mapper = plan, mapper

    def append(self, mapped: Mapped, current: Pass | None) -> None:
        batch = mapped.batch
        if mapped.blind and current is not None:
            current.blind += 1
        if mapped.keys is not None and mapped.keys.num_rows:
            self._write_keys(mapped.keys)
        if mapped.full_pass is not None and mapped.full_pass.ended:
            self._pass_end = mapped.full_pass.verified and current is not None and not current.blind
        if batch.children is not None and self.mapping.table:
            self._groups = batch.children.schema.names[0]
            self._write_keys(batch.children)
        if batch.truncated:
            self._emptied()
        if mapped.full_pass is not None and mapped.full_pass.keys_only:
            return
        if mapped.rows is not None and mapped.rows.num_rows:
            self._write_rows(mapped.rows)
        self._failed += mapped.failed
        self.bytes += sum(len(event.raw) + _EVENT_BYTES for event in mapped.failed)
        self._attempt = max(self._attempt, batch.attempt)
        self._shaped |= batch.shaped
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
        self._stored.drop()
        self._books.collapsed += self.rows
        self._seen = []
        self.rows, self.bytes, self.generation = 0, 0, generation

    def close(self, package: str, current: Pass | None, *, publish: bool) -> PackagePart:
        """Finish the files: one schema, unique keys in merge mode, failed events beside them."""
        self._stored.flush()
        if self._keys is not None:
            self._keys.close()
        mapping = self.mapping
        files = [file.path for file in self._stored.files]
        if self._sealing:
            files = [beside(file, "whole") for file in files]
        left_out, dropped = settled(files, self._plan.mode, mapping, self._seen)
        self._books.collapsed += dropped
        self.rows -= dropped
        failed_file = write_failed(self._folder, self._prefix, self._failed)
        sweep = None
        rebuilding = self.generation > self._plan.published
        swept = self._truncated or not rebuilding
        if current is not None and self._pass_end and mapping.key and swept:
            safety = 1.0 if self._truncated else self._plan.delete_safety
            parts = current.parts_of(self.name, self.stream)
            sweep = {**current.to_dict(), "parts": parts, "safety": safety}
        return PackagePart(
            stream=self._plan.stream.name,
            event_type=self._plan.event_type,
            table=mapping.target,
            key=mapping.key,
            mode=self._plan.mode,
            generation=self.generation,
            files=tuple(file.name for file in files),
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
            shaped=self._shaped,
            groups=self._groups,
        )

    def abandon(self) -> None:
        """Let go of the files; nobody will read them."""
        if self._keys is not None:
            self._keys.drop()

    def seal(self, current: Pass | None, record: int) -> tuple[dict[str, Any], list[Any]]:
        """What a later job needs to close the part as it is now: a state, and the blobs of it
        that came since the last seal.

        Args:
            record: number of the journal's record that this goes into.
        """
        state = self._state(current)
        blobs: list[Any] = []
        rows = self._stored.untold(record)
        for name, batches in (("rows", rows), ("keys", self._untold_keys)):
            if batches:
                state[name] = len(blobs)
                blobs.append(stream_of(batches))
        # After `untold`, which says where the rows begin that are in no file.
        state["rows_from"] = self._stored.told_from
        state["failed"] = [vars_of(event) for event in self._failed[self._told_failed :]]
        if self._told_mapping is not self.mapping:
            state["mapping"] = self.mapping.to_dict()
        self._untold_keys, self._told_failed = [], len(self._failed)
        self._told_mapping = self.mapping
        return state, blobs

    def _state(self, current: Pass | None) -> dict[str, Any]:
        return {
            "number": self._number,
            "prefix": self._prefix,
            "stream": self._plan.stream.name,
            "event_type": self._plan.event_type,
            "mode": self._plan.mode,
            "wanted": self._plan.wanted or self._plan.mode,
            "shaped": self._shaped,
            "groups": self._groups,
            "generation": self.generation,
            "attempt": self._attempt,
            "books": self._books.to_dict(),
            "pass_id": current.id if current else None,
            "files": [[file.path.name, file.size, file.crc] for file in self._stored.files],
        }

    def _write_rows(self, rows: pa.RecordBatch) -> None:
        self._stored.write(rows)
        if self._plan.mode is WriteMode.MERGE:
            self._seen.append(rows.select(list(self.mapping.key)))
        if self._truncated and self.mapping.key:
            # What came after the table was emptied is there, even where its values are the old.
            self._write_keys(rows.select(list(self.mapping.key)))
        self.rows += rows.num_rows
        self.bytes += rows.nbytes

    def _write_keys(self, keys: pa.RecordBatch) -> None:
        if self._keys is None:
            self._keys = StagedFile(self._folder / f"{self._prefix}-keys.parquet", keys.schema)
        if not self._keys.schema.equals(keys.schema):
            keys = keys.cast(self._keys.schema)
        self._keys.write(keys)
        if self._sealing:
            self._untold_keys.append(keys)


def settled(
    files: Sequence[Path], mode: WriteMode, mapping: Mapping, keys: Sequence[pa.RecordBatch] = ()
) -> tuple[dict[str, int], int]:
    """Make finished files those of a load: one schema, and unique keys in merge mode.

    Args:
        keys: of all rows, when they are at hand.

    Returns:
        What is still left out (bits by column name), and how many rows went.
    """
    make_uniform(files, mapping)
    merging = mode is WriteMode.MERGE and bool(mapping.key)
    # Appended rows stay as they came.
    masked = [] if mode is WriteMode.APPEND else mapping.schema.names
    differ = merging and all_differ(keys)
    left_out = fill(files, () if differ else mapping.key, masked)
    return left_out, collapse(list(files), mapping.key) if merging and not differ else 0


def beside(file: Path, mark: str) -> Path:
    """The same file under another name too: what changes it there leaves it whole under its own,
    which a journal speaks of."""
    other = file.with_name(f"{mark}-{file.name}")
    other.unlink(missing_ok=True)
    try:
        other.hardlink_to(file)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(file, other)
    return other


def write_failed(folder: Path, prefix: str, events: Sequence[FailedEvent]) -> str | None:
    """Failed events as a file; its name."""
    if not events:
        return None
    table = pa.Table.from_pylist([vars_of(event) for event in events], schema=EVENTS)
    name = f"{prefix}-failed.parquet"
    pq.write_table(table, folder / name)
    return name


def stream_of(batches: Sequence[pa.RecordBatch]) -> pa.Buffer:
    """Batches of one schema as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue()


def vars_of(event: FailedEvent) -> dict[str, object]:
    """The event as a row of a failed-events file."""
    return asdict(event)


def read_failed(path: Path) -> list[FailedEvent]:
    return [FailedEvent(**row) for row in pq.read_table(path).to_pylist()]
