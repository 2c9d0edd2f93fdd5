"""Rows that differ as a source: they are read once more, and keys that are gone are deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import metadata, to_text
from penstock.core.batch import Batch
from penstock.core.checkpoint import Checkpoint
from penstock.core.convert import convert
from penstock.core.digest import Part
from penstock.core.errors import ConfigError
from penstock.core.mapping import Mapping as TableMapping
from penstock.core.records import Generation
from penstock.core.stream import Split, Stream
from penstock.engine.verify.result import Kind, ObjectResult
from penstock.engine.verify.sides import in_fields
from penstock.sdk.source import NOTHING_SAVED, ReadContext, Source, SourceStats, Step
from penstock.store import Catalog

_BETWEEN = "\x1f"
_AT_ONCE = 50_000


@dataclass(frozen=True)
class Repair:
    """What is to be read again of one object.

    Args:
        keys: differing keys by columns of the table, with `_kind`.
        part: where they lie, by fields of the source.
        mapping: of the object.
    """

    keys: pa.Table
    part: Part
    mapping: TableMapping

    @staticmethod
    def of(result: ObjectResult, mapping: TableMapping) -> Repair:
        assert result.keys is not None
        return Repair(result.keys, in_fields(result.part, mapping), mapping)

    @property
    def extra(self) -> pa.Table:
        """Keys that only the table had."""
        return self.keys.filter(pc.equal(self.keys.column("_kind"), str(Kind.EXTRA)))

    def texts(self, columns: Sequence[tuple[pa.Array, pa.DataType]]) -> pa.Array:
        """One text for the key of each row, in the form of the table's values."""
        parts = []
        for name, (array, kind) in zip(self.mapping.key, columns, strict=True):
            column = next((c for c in self.mapping.columns if c.name == name), None)
            wanted = column.type if column is not None else pa.field(name, pa.string())
            parts.append(to_text.as_text(convert(array, kind, wanted).array))
        return pc.binary_join_element_wise(*parts, _BETWEEN)

    def texts_of(self, keys: pa.Table) -> pa.Array:
        names = self.mapping.key
        columns = [(keys.column(n).combine_chunks(), keys.schema.field(n).type) for n in names]
        return self.texts(columns)


def refuse_unfinished(catalog: Catalog, pipeline: str, objects: Iterable[str]) -> None:
    """Rows of a table that is about to be replaced are not worth repairing, and those of the new
    one are still to come.

    Raises:
        ConfigError: a full reload of one of the objects has begun and not ended.
    """
    generations = catalog.positions.generations(pipeline)
    for name in objects:
        if generations.get(name, Generation()).building is not None:
            raise ConfigError(
                f"{name} cannot be repaired: a full reload of it has begun and not ended yet.",
                hint=f"Let it come to its end with `penstock run {pipeline}`, then compare again.",
                code="verify.reload_unfinished",
                pipeline=pipeline,
                object=name,
            )


class RepairSource(Source):
    """Stands in for a pipeline's source and gives again the rows that differ."""

    def __init__(self, source: Source, repairs: Mapping[str, Repair]) -> None:
        self._source = source
        self._repairs = repairs

    def check(self) -> Iterator[Step]:
        return self._source.check()

    def discover(self) -> list[Stream]:
        return [
            replace(item, reports_deletes=item.reports_deletes or self._deletes(item.name))
            for item in self._source.discover()
            if item.name in self._repairs
        ]

    def plan(
        self,
        streams: Sequence[Stream],
        saved: Mapping[str, Checkpoint] = NOTHING_SAVED,  # noqa: ARG002
    ) -> list[Split]:
        return [Split(f"repair of {item.name}", (item.name,)) for item in streams]

    def read(
        self,
        split: Split,
        checkpoint: Checkpoint | None,  # noqa: ARG002 (a repair has no position)
        context: ReadContext,
    ) -> Iterator[Batch]:
        name = split.streams[0]
        repair = self._repairs[name]
        stream = next(item for item in self._source.discover() if item.name == name)
        wanted = repair.texts_of(repair.keys)
        gone = set(repair.texts_of(repair.extra).to_pylist())
        began = context.clock()
        for batch in self._source.current(stream, context, repair.part):
            part = self._wanted(stream, repair, batch, wanted, gone)
            # A change that is loaded later was made later, or is the same.
            yield replace(part, checkpoint=None, full_pass=None, ingested_at=began)
        if not context.cancel.is_set():
            yield from self._deleted(stream, repair, gone, began)

    @property
    def identity(self) -> str:
        return self._source.identity

    @property
    def stats(self) -> SourceStats:
        return self._source.stats

    def close(self) -> None:
        self._source.close()

    def _deletes(self, name: str) -> bool:
        return bool(self._repairs[name].extra.num_rows)

    def _wanted(
        self, stream: Stream, repair: Repair, batch: Batch, wanted: pa.Array, gone: set[str]
    ) -> Batch:
        """The batch's rows whose keys differ; those seen are not gone."""
        if batch.rows is None or (batch.full_pass is not None and batch.full_pass.keys_only):
            return replace(batch, rows=None)
        texts = repair.texts(_key_columns(stream, repair.mapping, batch))
        mask = pc.is_in(texts, value_set=wanted)
        if gone and batch.op != "D":
            gone.difference_update(texts.filter(mask).to_pylist())
        return replace(
            batch,
            rows=batch.rows.filter(mask),
            hints=batch.hints.filter(mask) if batch.hints is not None else None,
            row_ids=batch.row_ids.filter(mask) if batch.row_ids is not None else None,
        )

    def _deleted(self, stream: Stream, repair: Repair, gone: set[str], at: int) -> Iterator[Batch]:
        """Deletes of keys that the source has not."""
        extra = repair.extra
        lost = pc.is_in(repair.texts_of(extra), value_set=pa.array(sorted(gone), pa.string()))
        keys = extra.filter(lost).combine_chunks()
        for start in range(0, keys.num_rows, _AT_ONCE):
            some = keys.slice(start, _AT_ONCE).combine_chunks()
            columns = {name: some.column(name).combine_chunks() for name in repair.mapping.key}
            ids = columns.pop(metadata.ID, None)
            fields = {column.name: column.field for column in repair.mapping.columns}
            rows = {fields[name]: array for name, array in columns.items()}
            # A batch needs a column to have rows.
            rows = rows or {stream.schema.names[0]: pa.nulls(some.num_rows)}
            yield Batch(
                stream.name, pa.RecordBatch.from_pydict(rows), op="D", row_ids=ids, ingested_at=at
            )


def _key_columns(
    stream: Stream, mapping: TableMapping, batch: Batch
) -> list[tuple[pa.Array, pa.DataType]]:
    """Columns of the key as the source gives them, in the order of the table's key."""
    assert batch.rows is not None
    fields = {column.name: column.field for column in mapping.columns}
    found = []
    for name in mapping.key:
        if name == metadata.ID:
            ids = batch.row_ids
            assert ids is not None, stream.name
            found.append((ids, ids.type))
            continue
        at = batch.rows.schema.get_field_index(fields[name])
        column = batch.rows.column(at) if at >= 0 else pa.nulls(batch.rows.num_rows)
        found.append((column, column.type))
    return found
