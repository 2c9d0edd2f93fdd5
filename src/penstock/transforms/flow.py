"""A flow of blocks at work: events in, events and those set aside out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.errors import ConfigError
from penstock.transforms.blocks.block import Applied, Chosen, Fault
from penstock.transforms.blocks.if_else import IfElse
from penstock.transforms.columns import masks
from penstock.transforms.columns.column import missing, stacked
from penstock.transforms.columns.frame import Frame
from penstock.transforms.events import Events, Refused, Transformed
from penstock.transforms.formula.means import Means
from penstock.transforms.stored import Step, StoredFlow, compiled

_BAD_OUTPUT = ("TRANSFORM_BAD_EVENT_NAME", "TRANSFORM_PRIMARY_KEY_MISSING")


class BlockFlow:
    """A `Transformer` that runs blocks.

    Args:
        steps: of a flow without problems, see `stored.compiled`.
        now, uuid: where NOW() and UUID() come from.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        uuid: Callable[[], UUID] = uuid4,
    ) -> None:
        self._steps = tuple(steps)
        self._means = Means(now, uuid)

    def transform(self, events: Events) -> Transformed:
        """What became of these events; each row of them goes on, is refused or is filtered."""
        run = _Run(self._means)
        frames = run.through(Frame.read(events), self._steps)
        frames = [run.with_keys(frame) for frame in frames]
        outputs = tuple(frame.events() for frame in _gathered(frames))
        gone_on = sum(output.rows.num_rows for output in outputs)
        rows = events.rows.num_rows
        refused = tuple(sorted(run.refused.values(), key=lambda r: r.row))
        return Transformed(outputs, refused, rows - gone_on - len(refused), 0)

    def close(self) -> None:
        """There is nothing to end."""


def block_flow(
    stored: dict[str, Any],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    uuid: Callable[[], UUID] = uuid4,
) -> BlockFlow:
    """The flow of a stored form.

    Raises:
        ConfigError: it has a problem; the first is named.
    """
    made = compiled(StoredFlow.model_validate(stored).blocks)
    for problem in made.problems:
        raise ConfigError(
            f"The transformation has a mistake: {problem.message}",
            hint="Correct the block and deploy again.",
            code="transform.invalid",
            block=problem.block,
            field=problem.field,
        )
    return BlockFlow(made.steps, now, uuid)


class _Run:
    """One batch on its way; collects what is refused, by row of the input."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self.refused: dict[int, Refused] = {}

    def through(self, frame: Frame, steps: Sequence[Step]) -> list[Frame]:
        """The frames at the end of a sequence."""
        frames = [frame]
        for step in steps:
            if isinstance(step.block, IfElse):
                return [out for f in frames for out in self._branches(f, step)]
            frames = [out for f in frames for out in self._step(f, step) if out.rows]
        return frames

    def _branches(self, frame: Frame, step: Step) -> list[Frame]:
        if not frame.rows:
            return [frame]
        yes, no = step.block.apply(frame, self._chosen(frame, step)).frames
        return [*self.through(yes, step.then), *self.through(no, step.otherwise)]

    def _step(self, frame: Frame, step: Step) -> tuple[Frame, ...]:
        if not frame.rows:
            return (frame,)
        chosen = self._chosen(frame, step)
        if masks.is_none(chosen.events):
            return (frame,)
        applied = step.block.apply(frame, chosen)
        if not applied.faults:
            return applied.frames
        return self._without_faults(frame, applied, step)

    def _chosen(self, frame: Frame, step: Step) -> Chosen:
        events = step.filters.events(frame)
        return Chosen(
            events, lambda: step.filters.fields(frame, events), step.on_error, self._means
        )

    def _without_faults(self, frame: Frame, applied: Applied, step: Step) -> tuple[Frame, ...]:
        for fault in applied.faults:
            place = f", field {fault.field}" if fault.field else ""
            reason = f"{step.name}{place}: {fault.cause}"
            self._refuse(frame.origin.filter(fault.where), fault, reason)
        bad = pa.array(self.refused, frame.origin.type)
        return tuple(out.picked(masks.outside(pc.is_in(out.origin, bad))) for out in applied.frames)

    def _refuse(self, origins: pa.Array, fault: Fault, reason: str) -> None:
        code = "TRANSFORM_BAD_OUTPUT" if fault.sub_code in _BAD_OUTPUT else "TRANSFORM_ERROR"
        for row in origins.to_pylist():
            self.refused.setdefault(row, Refused(row, code, fault.sub_code, reason))

    def with_keys(self, frame: Frame) -> Frame:
        """Without the events that have lost a field of their key."""
        for key in frame.keys:
            lost = masks.outside(frame.columns.get(key, missing(frame.rows)).valid)
            if not masks.is_none(lost):
                reason = f"The field {key} of the primary key has no value after the blocks."
                fault = Fault(lost, key, reason, "TRANSFORM_PRIMARY_KEY_MISSING")
                self._refuse(frame.origin.filter(lost), fault, reason)
                frame = frame.picked(masks.outside(lost))
        return frame


def _gathered(frames: Iterable[Frame]) -> list[Frame]:
    """One frame for each name and key, its rows in the order of their origin."""
    groups: dict[tuple[str, tuple[str, ...]], list[Frame]] = {}
    for frame in frames:
        if frame.rows:
            groups.setdefault((frame.name, frame.keys), []).append(frame)
    gathered = [_stacked(group) for group in groups.values()]
    return sorted(gathered, key=lambda frame: int(frame.origin[0].as_py()))


def _stacked(frames: Sequence[Frame]) -> Frame:
    if len(frames) == 1:
        return frames[0]
    names = dict.fromkeys(name for frame in frames for name in frame.columns)
    columns = {
        name: stacked([f.columns.get(name, missing(f.rows)) for f in frames]) for name in names
    }
    origin = pa.concat_arrays([frame.origin for frame in frames])
    order = pc.sort_indices(origin)
    whole = Frame(frames[0].name, frames[0].keys, origin.take(order), columns)
    return whole.with_columns({name: column.taken(order) for name, column in columns.items()})
