"""What to tell the author of a flow before it goes live: mistakes, and what may surprise."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from penstock.core.types import Logical, logical
from penstock.transforms.blocks import BLOCKS
from penstock.transforms.blocks.drop_events import DropEvents
from penstock.transforms.blocks.drop_fields import DropFields
from penstock.transforms.blocks.rename_events import RenameEvents
from penstock.transforms.blocks.rename_fields import RenameFields
from penstock.transforms.blocks.valued import Valued
from penstock.transforms.columns.column import Kind
from penstock.transforms.filters.condition import Condition
from penstock.transforms.filters.operators import FOR_NAMES, Operator
from penstock.transforms.stored import Problem, Step, StoredFlow, compiled, every_step

_TIMES = {
    Logical.DATE: Kind.DATE,
    Logical.TIMESTAMP: Kind.TIMESTAMP,
    Logical.TIMESTAMPTZ: Kind.TIMESTAMP,
    Logical.TIME: Kind.TIME,
}
_HELD_AGAINST = {
    Operator.EQ,
    Operator.NEQ,
    Operator.GT,
    Operator.GTE,
    Operator.LT,
    Operator.LTE,
    Operator.IN,
    Operator.NOT_IN,
    Operator.IN_RANGE,
    Operator.NOT_IN_RANGE,
}


@dataclass(frozen=True)
class Known:
    """What is known of the events that a flow will see.

    Args:
        fields: types by event type and field; an event type that is missing may be any.
        keys: fields of the primary keys, of all event types.
    """

    fields: Mapping[str, pa.Schema] = field(default_factory=dict)
    keys: Collection[str] = ()

    def types(self, name: str) -> list[pa.DataType]:
        """The types that a field has, in any event type."""
        found = (s.field(name).type for s in self.fields.values() if name in s.names)
        return list(dict.fromkeys(found))

    def names(self) -> set[str]:
        """Every field of every event type."""
        return {name for schema in self.fields.values() for name in schema.names}


def problems(stored: Mapping[str, Any], known: Known | None = None) -> list[Problem]:
    """All that is wrong with a flow, then what its author should know; empty when it is fine."""
    known = known or Known()
    try:
        flow = StoredFlow.model_validate(stored)
    except ValidationError as error:
        return [
            Problem("", ".".join(map(str, found["loc"])), found["msg"] + ".")
            for found in error.errors(include_url=False)
        ]
    made = compiled(flow.blocks)
    steps = list(every_step(made.steps))
    found = [*made.problems, *(p for step in steps for p in _of_step(step, known))]
    return sorted(found, key=lambda problem: problem.warning)


def _of_step(step: Step, known: Known) -> Iterator[Problem]:
    yield from _times(step, known)
    if isinstance(step.block, DropFields):
        yield from _dropped_fields(step, known)
    if isinstance(step.block, RenameFields):
        yield from _renamed_fields(step, known)
    if isinstance(step.block, RenameEvents) and step.block.mode == "TO":
        yield from _merged_events(step, known)
    if isinstance(step.block, DropEvents) and not step.filters.event:
        yield _warning(step, "filters.event", "This drops all events: confirm that it is meant.")
    if isinstance(step.block, Valued):
        yield from _undecided(step, step.block, known)


def _warning(step: Step, place: str, message: str) -> Problem:
    return Problem(step.id, place, message, warning=True)


def _times(step: Step, known: Known) -> Iterator[Problem]:
    """An operand that is no time cannot be held against a field of times."""
    for level, conditions in (("event", step.filters.event), ("field", step.filters.field)):
        for place, condition in enumerate(conditions):
            for kind in _kinds(step, condition, known):
                for operand in condition.operands:
                    if not operand.fits(kind):
                        message = f"{operand.text} is no {kind.value.lower()} of ISO 8601."
                        yield Problem(step.id, f"filters.{level}.{place}.value", message)


def _kinds(step: Step, condition: Condition, known: Known) -> Iterable[Kind]:
    """Kinds of time that the condition is asked of; not those that also hold text."""
    if condition.op not in _HELD_AGAINST:
        return ()
    names = [condition.asked] if condition.on == "EVENT_FIELD" else []
    if condition.on == "FIELD_VALUE":
        names = list(step.filters.named_fields())
    found: list[Kind] = []
    for name in names:
        families = {logical(kind) for kind in known.types(name or "")}
        if families and families <= _TIMES.keys():
            found += [_TIMES[family] for family in families]
    return dict.fromkeys(found)


def _dropped_fields(step: Step, known: Known) -> Iterator[Problem]:
    if not step.filters.field and not step.filters.event:
        message = "This drops all fields of all events: choose fields, or events."
        yield Problem(step.id, "filters.field", message)
        return
    for key in _selected(step, known.keys):
        message = f"{key} is part of a primary key: events that lose it fail."
        yield _warning(step, "filters.field", message)


def _renamed_fields(step: Step, known: Known) -> Iterator[Problem]:
    assert isinstance(step.block, RenameFields)
    if step.block.mode == "TO" and not _one_name(step):
        message = "The filter can select several fields, which cannot all have one name."
        yield Problem(step.id, "filters.field", message)
        return
    if step.block.mode == "MAP":
        keys: Iterable[str] = [key for key in known.keys if key in step.block.names]
    else:
        keys = _selected(step, known.keys)
    for key in keys:
        message = f"{key} is part of a primary key: the key follows the new name."
        yield _warning(step, "filters.field", message)


def _one_name(step: Step) -> bool:
    """Whether the filter can select one name at most."""
    filters = step.filters
    if filters.field_match == "ANY" and len(filters.field) > 1:
        return False
    return any(
        c.on == "FIELD_NAME"
        and c.op in (Operator.EQ, Operator.IN)
        and len(c.operands) == 1
        and not c.ignore_case
        for c in filters.field
    )


def _selected(step: Step, names: Iterable[str]) -> list[str]:
    """Which of these names the field filter can select."""
    asked = [c for c in step.filters.field if c.on == "FIELD_NAME" and c.op in FOR_NAMES]
    of_values = len(asked) < len(step.filters.field)
    if step.filters.field_match == "ANY" and of_values:
        return list(names)
    choose = all if step.filters.field_match == "ALL" else any
    return [name for name in names if not asked or choose(c.names(name) for c in asked)]


def _merged_events(step: Step, known: Known) -> Iterator[Problem]:
    assert isinstance(step.block, RenameEvents)
    if not step.filters.event and not step.block.is_formula_of(known.names()):
        message = "All event types get one name: their events go to one table."
        yield _warning(step, "filters.event", message)


def _undecided(step: Step, block: Valued, known: Known) -> Iterator[Problem]:
    """Text that is a formula where its fields are there, and a text where they are not."""
    if block.value_kind is not None or block.formula is None or not block.formula.fields:
        return
    if not known.fields:
        message = "Say whether the value is a LITERAL or a FORMULA."
        yield _warning(step, "settings.value_kind", message)
        return
    unknown = [f for f in block.formula.fields if f.split(".")[0] not in known.names()]
    if unknown and len(unknown) < len(block.formula.fields):
        message = f"No event has a field {unknown[0]} so far: there it counts as null."
        yield _warning(step, "settings.value", message)


def settled(stored: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """The flow with LITERAL or FORMULA said where its author left that to the text.

    A deployed flow must not change its meaning when a field of some name first appears, so
    this is stored at deploy. Flows with problems are not given here.
    """
    return {**stored, "blocks": [_settled(raw, known) for raw in stored.get("blocks", [])]}


def _settled(raw: Mapping[str, Any], known: Known) -> dict[str, Any]:
    settings = dict(raw.get("settings", {}))
    for way in ("then", "else"):
        if way in settings:
            settings[way] = [_settled(inner, known) for inner in settings[way]]
    kind = BLOCKS[raw["type"]]
    if issubclass(kind, Valued) and isinstance(settings.get("value"), str):
        block = kind.model_validate(settings)
        formula = block.is_formula_of(known.names())
        if block.value_kind is None:
            settings["value_kind"] = "FORMULA" if formula else "LITERAL"
    return {**raw, "settings": settings}
