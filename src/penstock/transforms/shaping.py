"""Names and types of the fields after a flow, before any event has run through it."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from penstock.core.widen import widen
from penstock.transforms.blocks.if_else import IfElse
from penstock.transforms.blocks.rename_events import RenameEvents
from penstock.transforms.filters.filters import OURS, Filters
from penstock.transforms.stored import Step

Shape = tuple[str, pa.Schema]
"""An event type and its fields; `pa.null()` is a type that the data decide."""


def shapes(steps: Sequence[Step], name: str, fields: pa.Schema) -> list[Shape]:
    """What events of a type may become, one shape for each way through the flow.

    A name that a formula gives is told as the old one: only events have it.
    """
    for place, step in enumerate(steps):
        block = step.block
        if isinstance(block, IfElse):
            return [*shapes(step.then, name, fields), *shapes(step.otherwise, name, fields)]
        if not may_select(step.filters, name):
            continue
        if isinstance(block, RenameEvents):
            new = block.static_name(name, fields.names)
            ways = {new} if not step.filters.event else {name, new}
            rest = steps[place + 1 :]
            return [shape for way in sorted(ways) for shape in shapes(rest, way, fields)]
        fields = after(step, fields)
    return [(name, fields)]


def may_select(filters: Filters, name: str) -> bool:
    """Whether events of the type can pass the event filter."""
    asked = [c.names(name) for c in filters.event if c.on == "EVENT_TYPE"]
    if not filters.event:
        return True
    if filters.event_match == "ALL":
        return all(asked)
    return any(asked) or len(asked) < len(filters.event)


def after(step: Step, fields: pa.Schema) -> pa.Schema:
    """The fields after a block; where it may spare events or values, both types together."""
    selected = frozenset(name for name in fields.names if _may_be(step.filters, name))
    made = step.block.shape(fields, selected)
    always = not any(c.on == "EVENT_FIELD" for c in step.filters.event) and not any(
        c.on == "FIELD_VALUE" for c in step.filters.field
    )
    return made if always else _together(fields, made)


def _may_be(filters: Filters, name: str) -> bool:
    if name.startswith(OURS):
        return False
    asked = [c.names(name) for c in filters.field if c.on == "FIELD_NAME"]
    if filters.field_match == "ALL" or not filters.field:
        return all(asked)
    return any(asked) or len(asked) < len(filters.field)


def _together(old: pa.Schema, new: pa.Schema) -> pa.Schema:
    fields = {field.name: field for field in old}
    for field in new:
        if field.name in fields:
            joined = widen(fields[field.name], field)
            fields[field.name] = field.with_type(joined)
        else:
            fields[field.name] = field
    return pa.schema(fields.values())
