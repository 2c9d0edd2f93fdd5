"""Collects rows of many pages and turns them into one batch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from penstock.core.batch import Batch, FailedEvent, FullPass, Hint
from penstock.core.checkpoint import Checkpoint
from penstock.sdk.json_columns import JsonColumns
from penstock.sdk.rest.page import Rows
from penstock.sdk.source import ReadContext


@dataclass
class Pending:
    """Rows that wait for the next batch; converting some thousand at once costs half."""

    stream: str
    columns: JsonColumns
    context: ReadContext
    rows: Rows = field(default_factory=Rows)
    hints: list[Hint] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    bytes_read: int = 0
    since: float = field(default_factory=time.monotonic)

    def add(
        self, rows: Rows, hints: Sequence[Hint], warnings: Sequence[str] = (), size: int = 0
    ) -> None:
        self.rows.extend(rows)
        self.hints.extend(hints)
        self.warnings.extend(warnings)
        self.bytes_read += size

    @property
    def full(self) -> bool:
        context = self.context
        return (
            len(self.rows) >= context.batch_rows
            or self.bytes_read >= context.batch_bytes
            or time.monotonic() - self.since >= context.batch_seconds
        )

    @property
    def empty(self) -> bool:
        return not (self.rows.count or self.warnings)

    def batch(self, checkpoint: Checkpoint | None, full_pass: FullPass | None) -> Batch:
        """Everything collected, and start again with nothing."""
        rows, hints = self.rows, self.hints
        batch = Batch(
            stream=self.stream,
            rows=self.columns.to_arrow(rows.rows) if len(rows) else None,
            checkpoint=checkpoint,
            failed=tuple(self._failed(raw, why) for raw, why in rows.bad),
            oversize=tuple(row_id or "without id" for row_id, _ in rows.oversize),
            hints=pa.array(hints, pa.uint8()) if any(hints) else None,
            row_ids=_row_ids(rows),
            full_pass=full_pass,
            warnings=(*self.warnings, *(_too_large(*one) for one in rows.oversize)),
            bytes_read=self.bytes_read,
        )
        self.rows, self.hints, self.warnings = Rows(), [], []
        self.bytes_read, self.since = 0, time.monotonic()
        return batch

    def key_batch(
        self, key: Sequence[str], checkpoint: Checkpoint | None, full_pass: FullPass | None
    ) -> Batch:
        """Only the keys of what was collected; with no key field the generated ids alone."""
        keyed, row_ids = self._keyed(key), _row_ids(self.rows)
        warnings, size = tuple(self.warnings), self.bytes_read
        self.rows, self.hints, self.warnings = Rows(), [], []
        self.bytes_read, self.since = 0, time.monotonic()
        return Batch(
            stream=self.stream,
            rows=keyed,
            row_ids=row_ids,
            checkpoint=checkpoint,
            full_pass=full_pass,
            warnings=warnings,
            bytes_read=size,
        )

    def _keyed(self, key: Sequence[str]) -> pa.RecordBatch | None:
        if not len(self.rows):
            return None
        if key:
            return self.columns.to_arrow(self.rows.rows).select(list(key))
        return pa.RecordBatch.from_struct_array(pa.array([{}] * len(self.rows), pa.struct([])))

    def _failed(self, raw: bytes, reason: str) -> FailedEvent:
        return FailedEvent(
            object=self.stream,
            stage="INGESTION",
            code="PARSE_ERROR",
            reason=reason,
            raw=raw.decode("utf-8", "backslashreplace"),
        )


def _row_ids(rows: Rows) -> pa.StringArray | None:
    return pa.array(rows.ids, pa.string()) if rows.ids else None


def _too_large(row_id: str | None, size: int) -> str:
    if row_id is None:
        return f"A row of {size / 1e6:,.0f} MB or more, over the limit of 128 MB, was not loaded."
    mb = f"{size / 1e6:,.0f} MB"
    return (
        f"The row with id {row_id} has at least {mb}, over the limit of 128 MB, and was not loaded."
    )
