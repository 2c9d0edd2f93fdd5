"""Try a transformation on events that the source has now; nothing is loaded."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from penstock.control.workspace import Workspace
from penstock.core import metadata
from penstock.core.batch import Batch
from penstock.core.errors import ConfigError
from penstock.core.records import Method
from penstock.core.types import logical_name
from penstock.core.widen import widen
from penstock.engine.changes import parted
from penstock.engine.extract import context
from penstock.engine.follow import events_of
from penstock.engine.task import StreamPlan, Task
from penstock.transforms.deploying import Known
from penstock.transforms.events import Events, Transformed, Transformer
from penstock.worker.catalog import opened
from penstock.worker.drafts import Draft, findings, read_draft, refuse
from penstock.worker.look import trial
from penstock.worker.preview import HIDDEN
from penstock.worker.setup import Ends, opened_ends
from penstock.worker.transformation import as_draft, at_work, note_test


@dataclass(frozen=True)
class Tried:
    """One event before and after.

    Args:
        outputs: each with `event_name`, `properties` and `primary_keys`.
        error: `code`, `type` (the sub-code), `message`, `line`, `traceback`; None when it passed.
    """

    object: str
    event_type: str
    before: Mapping[str, Any]
    outputs: tuple[Mapping[str, Any], ...]
    dropped: bool
    error: Mapping[str, Any] | None
    console: tuple[str, ...]
    duration_ms: int


@dataclass
class Shape:
    """Fields of an event type, by name, as Arrow fields; those of several events meet."""

    fields: dict[str, pa.Field] = field(default_factory=dict)

    def add(self, schema: pa.Schema) -> None:
        for item in schema:
            if metadata.is_ours(item.name) or pa.types.is_null(item.type):
                continue
            old = self.fields.get(item.name)
            kind = item.type if old is None else widen(old, item)
            self.fields[item.name] = item.with_type(kind)


@dataclass
class Test:
    """A test of a transformation: `events` gives what became of each, then `changes` is known."""

    workspace: Workspace
    pipeline: str
    objects: tuple[str, ...]
    sample: int
    draft: Draft
    _before: dict[str, Shape] = field(default_factory=dict)
    _after: dict[str, Shape] = field(default_factory=dict)

    def events(self) -> Iterator[Tried]:
        """The first events of each object, through the transformation one by one."""
        console: list[str] = []
        with ExitStack() as stack:
            ends = stack.enter_context(opened_ends(self.workspace, self.pipeline))
            catalog = stack.enter_context(opened(self.workspace))
            known = catalog is not None and self.pipeline in {
                item.name for item in catalog.pipelines.list()
            }
            version = as_draft(self.workspace, self.pipeline, catalog if known else None)
            transformer = at_work(self.workspace, version, console.append, console.append)
            assert transformer is not None
            stack.callback(transformer.close)
            task, plans = trial(self.workspace, self.pipeline, ends, catalog, self.objects)
            for plan in plans:
                left = self.sample
                for batch in _first(task, ends, plan, self.sample):
                    for one in self._tried(transformer, plan, batch, left, console):
                        left -= 1
                        yield one
                    if left <= 0:
                        break

    def changes(self) -> list[dict[str, Any]]:
        """By event type, what its fields are now against those that it had: `added`, `removed`,
        `changed` and how many are `kept`; columns follow."""
        found = []
        for name in dict.fromkeys([*self._before, *self._after]):
            old = self._before.get(name, Shape()).fields
            new = self._after.get(name, Shape()).fields
            found.append(
                {
                    "event_type": name,
                    "added": {n: logical_name(f) for n, f in new.items() if n not in old},
                    "removed": [n for n in old if n not in new],
                    "kept": len(old.keys() & new.keys()),
                    "changed": {
                        n: {"from": logical_name(old[n]), "to": logical_name(f)}
                        for n, f in new.items()
                        if n in old and logical_name(old[n]) != logical_name(f)
                    },
                }
            )
        return found

    def note(self) -> None:
        """Keep that the draft was tried out."""
        note_test(self.workspace, self.pipeline, self.draft)

    def _tried(
        self,
        transformer: Transformer,
        plan: StreamPlan,
        batch: Batch,
        most: int,
        console: list[str],
    ) -> Iterator[Tried]:
        batch, changes = parted(batch)
        events = events_of(plan, batch, changes)
        for row in range(min(events.rows.num_rows, most)):
            one = events.rows.slice(row, 1)
            self._before.setdefault(events.name, Shape()).add(_present(one))
            origin = pa.array([0], pa.int32())
            console.clear()
            begun = time.monotonic()
            done = transformer.transform(Events(events.name, events.keys, one, origin))
            spent = round((time.monotonic() - begun) * 1000)
            for made in done.outputs:
                self._after.setdefault(made.name, Shape()).add(_present(made.rows))
            yield _told(plan, one, done, tuple(console), spent)


def test(workspace: Workspace, pipeline: str, objects: tuple[str, ...], sample: int) -> Test:
    """A test of what the file names now.

    Raises:
        ConfigError: there is nothing to test, or it has mistakes.
    """
    draft = read_draft(workspace, pipeline)
    if draft.method is Method.NONE:
        raise ConfigError(
            f"{pipeline} has no transformation to test.",
            hint="Name a script or blocks under `transform` of the pipeline.",
            code="transform.none",
            pipeline=pipeline,
        )
    refuse(draft, findings(draft, Known()))
    return Test(workspace, pipeline, objects, sample, draft)


def _first(task: Task, ends: Ends, plan: StreamPlan, rows: int) -> Iterator[Batch]:
    """Batches with the first rows of an object, as they are in the source now."""
    splits = ends.source.plan([plan.stream])
    split = next((one for one in splits if one.history), splits[0])
    batches = ends.source.read(split, split.start, context(task, split, limit=rows))
    with closing(batches):  # type: ignore[type-var]
        for batch in batches:
            keys_only = batch.full_pass is not None and batch.full_pass.keys_only
            if batch.num_rows and not keys_only:
                yield replace(batch, stream=plan.stream.name)


def _present(rows: pa.RecordBatch) -> pa.Schema:
    """The fields that some row has a value of."""
    return pa.schema(
        [f for f, c in zip(rows.schema, rows.columns, strict=True) if c.null_count < len(c)]
    )


def _told(
    plan: StreamPlan, row: pa.RecordBatch, done: Transformed, console: tuple[str, ...], spent: int
) -> Tried:
    error = None
    if done.refused:
        (refused,) = done.refused
        error = {
            "code": refused.code,
            "type": refused.sub_code,
            "message": refused.reason,
            "line": refused.line,
            "traceback": refused.traceback.splitlines(),
        }
    outputs = tuple(
        {"event_name": made.name, "properties": one, "primary_keys": list(made.keys)}
        for made in done.outputs
        for one in _plain(plan, made)
    )
    (before,) = _plain(plan, Events(plan.event_type, plan.key, row, pa.array([0], pa.int32())))
    return Tried(
        object=plan.stream.name,
        event_type=plan.event_type,
        before=before,
        outputs=outputs,
        dropped=not outputs and error is None,
        error=error,
        console=console,
        duration_ms=spent,
    )


def _plain(plan: StreamPlan, events: Events) -> list[dict[str, Any]]:
    """Rows as plain values: fields that are there, null where it was set; no sensitive ones."""
    rows = []
    for at, row in enumerate(events.rows.to_pylist()):
        there = {
            name: HIDDEN if name in plan.stream.sensitive and value is not None else value
            for name, value in row.items()
            if value is not None or (name in events.nulls and events.nulls[name][at].as_py())
        }
        rows.append(there)
    return rows
