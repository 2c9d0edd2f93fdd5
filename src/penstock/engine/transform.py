"""Let the transformation of a pipeline shape batches: decision 0042."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import metadata
from penstock.core.batch import PER_ROW, Batch, FailedEvent, FullPass
from penstock.core.failpoints import hit
from penstock.core.load import Deletes
from penstock.engine.changes import Changes, parted, without_deletes
from penstock.engine.follow import events_of, fields_of, ids_of, key_is_kept, left_out_of
from penstock.engine.mappers import is_shared, key_fields, note_event_type
from penstock.engine.passes import Passes
from penstock.engine.plain_deletes import with_plain_deletes
from penstock.engine.set_aside import key_text, raw_events
from penstock.engine.task import StreamPlan, Task
from penstock.nested import Nested, present
from penstock.transforms.events import Events, Refused, Transformed

_NOTHING = Transformed(())


def transform(task: Task, batches: Iterable[Batch], passes: Passes) -> Iterator[Batch]:
    """The batches as the transformation in force makes them; as they are where there is none."""
    if task.transformer is None:
        for batch in batches:
            yield batch
            hit("transform.after")
        return
    shaper = _Shaper(task, passes)
    for batch in batches:
        for made in shaper.shaped(batch):
            yield made
            hit("transform.after")


class _Shaper:
    """The transformation over the batches of one split.

    One batch gives one for each event type. The last is of the stream's own, and has the
    checkpoint, the books and whatever else was told of what was read, with or without rows.
    """

    def __init__(self, task: Task, passes: Passes) -> None:
        self._task = task
        self._passes = passes
        self._seq = 0
        self._versions = 0
        """Counts events, so that the newest of those with one key is known."""
        self._fields: dict[str, dict[str, None]] = {}
        """Of each event type, those seen so far."""

    def shaped(self, batch: Batch) -> Iterator[Batch]:
        if not batch.stream or batch.shaped:
            yield batch
            return
        plan = self._task.plans[batch.stream]
        if batch.full_pass is not None and batch.full_pass.keys_only:
            yield from self._swept(plan, batch, batch.full_pass)
            return
        if plan.deletes is Deletes.IGNORE:
            batch = without_deletes(batch)
        own = replace(batch, rows=None, hints=None, row_ids=None, shaped=True)
        if batch.rows is None:
            yield from self._ended(plan, batch)
            yield own
            return
        batch, changes = parted(batch)
        done = self._done(plan, batch, changes)
        failed = tuple(self._failed(plan, batch, changes, done.refused))
        self._passes.refused(batch.stream, len(failed))
        told = done.filtered or failed or any(o.name == plan.event_type for o in done.outputs)
        last = None
        children = self._children(batch, changes, done)
        for made, first in zip(done.outputs, _firsts(done.outputs), strict=True):
            output = self._output(plan, batch, changes, made, first)
            output = replace(output, children=children.pop(made.name, None))
            if made.name == plan.event_type and last is None:
                last = output
                continue
            if not told and made is done.outputs[-1]:
                # Nothing became of them in the stream's own event type.
                output = replace(output, bytes_read=batch.bytes_read)
                own = replace(own, bytes_read=0)
            yield output
        for event_type, there in children.items():
            # Their arrays are empty now.
            yield replace(
                _bare(batch), event_type=event_type, keys=metadata.CHILD_KEY, children=there,
                shaped=True,
            )  # fmt: skip
        yield from self._ended(plan, batch)
        yield _with_rows(own, last, done.filtered, failed)

    def _children(
        self, batch: Batch, changes: Changes, done: Transformed
    ) -> dict[str, pa.RecordBatch]:
        """By child event type the children that are there.

        A complete read tells by itself which are gone, and an event that is replayed may be older
        than what is stored.
        """
        found: dict[str, pa.RecordBatch] = {}
        if not isinstance(done, Nested) or batch.full_pass is not None or batch.attempt:
            return found
        for shaped in done.shaped:
            roots = shaped.outputs[0]
            left_out = {}
            if changes.left_out is not None:
                for field, out in zip(
                    changes.left_out.type, changes.left_out.flatten(), strict=True
                ):
                    left_out[field.name] = out.take(roots.origin)
            found |= present(shaped, self._versions, left_out)
            self._versions += roots.rows.num_rows
        return found

    def _done(self, plan: StreamPlan, batch: Batch, changes: Changes) -> Transformed:
        if not batch.num_rows:
            return _NOTHING
        assert self._task.transformer is not None
        with self._task.transforming:
            done = self._task.transformer.transform(events_of(plan, batch, changes))
        if batch.op == PER_ROW and done.refused:
            return with_plain_deletes(self._task, plan, batch, changes, done)
        return done

    def _output(
        self, plan: StreamPlan, batch: Batch, changes: Changes, made: Events, first: int
    ) -> Batch:
        """A batch of one event type: `first` of its rows stand for a row that was read each."""
        kept = key_is_kept(plan, batch, made)
        note_event_type(self._task, batch.stream, made.name, key_kept=kept)
        rows, op = fields_of(plan, batch, made), batch.op
        if op == PER_ROW:
            rows = rows.append_column(metadata.OP, changes.op.take(made.origin))
            left_out = left_out_of(batch, changes, made, self._known_fields(made))
            if left_out is not None:
                rows = rows.append_column(metadata.LEFT_OUT, left_out)
        return Batch(
            batch.stream,
            rows=rows,
            op=op,
            hints=batch.hints.take(made.origin) if batch.hints is not None else None,
            row_ids=ids_of(batch, made),
            generation=plan.published if is_shared(self._task, made.name) else batch.generation,
            full_pass=self._pass_of(batch, made.name),
            ingested_at=batch.ingested_at,
            counts={"created": rows.num_rows - first},
            attempt=batch.attempt,
            event_type=made.name,
            keys=made.keys,
            shaped=True,
        )

    def _known_fields(self, made: Events) -> Iterable[str]:
        """Fields that events of this type have, or have had."""
        if made.name not in self._fields:
            mapping = self._task.memory.mapping(made.name)
            names = [column.field for column in mapping.columns] if mapping is not None else []
            self._fields[made.name] = dict.fromkeys(names)
        self._fields[made.name].update(dict.fromkeys(made.rows.schema.names))
        return self._fields[made.name]

    def _pass_of(self, batch: Batch, event_type: str) -> FullPass | None:
        """The complete read that the rows belong to, which ends with the batch of its own.

        Of a table that several streams fill none says which rows are gone.
        """
        if batch.full_pass is None or is_shared(self._task, event_type):
            return None
        return replace(batch.full_pass, ended=False)

    def _ended(self, plan: StreamPlan, batch: Batch) -> Iterator[Batch]:
        """The end of a complete read for the other event types of the stream."""
        if batch.full_pass is None or not batch.full_pass.ended:
            return
        for event_type in self._known(plan):
            if event_type != plan.event_type:
                yield replace(
                    _bare(batch), event_type=event_type, full_pass=batch.full_pass, shaped=True
                )

    def _known(self, plan: StreamPlan) -> list[str]:
        known = self._task.memory.event_types().get(plan.stream.name, {})
        return [name for name in known if not is_shared(self._task, name)]

    def _swept(self, plan: StreamPlan, batch: Batch, sweep: FullPass) -> Iterator[Batch]:
        """Keys alone go through no transformation; they count for event types that keep them.

        For the others nothing is known to be gone.
        """
        kept = self._task.memory.event_types().get(plan.stream.name, {})
        for event_type in self._known(plan):
            if event_type != plan.event_type and kept[event_type]:
                yield self._keys_of(plan, batch, event_type)
        if kept.get(plan.event_type) and plan.event_type in self._known(plan):
            yield replace(
                self._keys_of(plan, batch, plan.event_type), checkpoint=batch.checkpoint,
                failed=batch.failed, warnings=batch.warnings, bytes_read=batch.bytes_read,
            )  # fmt: skip
            return
        blind = replace(sweep, verified=False)
        yield replace(batch, rows=None, row_ids=None, full_pass=blind, shaped=True)

    def _keys_of(self, plan: StreamPlan, batch: Batch, event_type: str) -> Batch:
        mapping = self._task.memory.mapping(event_type)
        made = replace(_bare(batch), event_type=event_type, full_pass=batch.full_pass, shaped=True)
        if mapping is None or batch.rows is None:
            return made
        keys = key_fields(mapping)
        names = dict(zip(plan.key, keys, strict=False))
        renamed = [names.get(name, name) for name in batch.rows.schema.names]
        rows = batch.rows.rename_columns(renamed)
        return replace(made, rows=rows, row_ids=batch.row_ids, keys=keys)

    def _failed(
        self, plan: StreamPlan, batch: Batch, changes: Changes, refused: Iterable[Refused]
    ) -> Iterator[FailedEvent]:
        """The events that the transformation refused, as they were read."""
        assert batch.rows is not None
        refused = list(refused)
        rows = batch.rows.take(pa.array([item.row for item in refused], pa.int64()))
        raw = raw_events(rows, [changes.fields_left_out(item.row) for item in refused])
        fields = rows.select([name for name in plan.key if name in rows.schema.names])
        for item, text, key in zip(refused, raw, fields.to_pylist(), strict=True):
            row_id = batch.row_ids[item.row].as_py() if batch.row_ids is not None else None
            at_line = f" (line {item.line})" if item.line and "(line " not in item.reason else ""
            yield FailedEvent(
                object=batch.stream,
                stage="TRANSFORMATION",
                code=item.code,
                reason=f"{item.reason}{at_line}",
                raw=text,
                key=_key_of(plan, key, row_id),
                ingested_at=batch.ingested_at,
                seq=self._seq + item.row,
                event_type=plan.event_type,
                attempt=batch.attempt,
                op=changes.op[item.row].as_py(),
                row_id=row_id,
                sub_code=item.sub_code,
                line=item.line,
                traceback=item.traceback,
            )
        self._seq += batch.rows.num_rows


def _bare(batch: Batch) -> Batch:
    """What is the same for every batch that is made of this one."""
    return Batch(
        batch.stream,
        op=batch.op,
        generation=batch.generation,
        ingested_at=batch.ingested_at,
        attempt=batch.attempt,
        truncated=batch.truncated,
    )


def _with_rows(
    own: Batch, output: Batch | None, filtered: int, failed: tuple[FailedEvent, ...]
) -> Batch:
    """The stream's own batch with what the transformation made for it, and did not."""
    counts = {**own.counts, "filtered": own.counts.get("filtered", 0) + filtered}
    own = replace(own, failed=(*own.failed, *failed), counts=counts)
    if output is None:
        return own
    return replace(
        own,
        rows=output.rows,
        hints=output.hints,
        row_ids=output.row_ids,
        keys=output.keys,
        counts={**counts, "created": output.counts["created"]},
    )


def _firsts(outputs: Iterable[Events]) -> Iterator[int]:
    """For each output, of how many rows of the input it has the first row that came of it."""
    seen: pa.Array | None = None
    for made in outputs:
        rows = pc.unique(made.origin)
        if seen is None:
            seen = rows
            yield len(rows)
            continue
        new = rows.filter(pc.invert(pc.is_in(rows, seen)))
        seen = pa.concat_arrays([seen, new])
        yield len(new)


def _key_of(plan: StreamPlan, fields: Mapping[str, object], row_id: str | None) -> str | None:
    if plan.key == metadata.GENERATED_KEY:
        return row_id
    return key_text([fields.get(field) for field in plan.key])
