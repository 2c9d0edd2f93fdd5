"""What became of the nested data of one batch of events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from penstock.core.events import Events, Refused


@dataclass(frozen=True)
class Children:
    """How many children of one event type the events have now, none included.

    Children of the same root that were stored before and are not among these are gone.

    Args:
        event_type: of the children.
        field: of the event that they are in. Where a log left its value out, nothing is known
            of the children, and nothing is gone.
        counts: int32, one for each row of the events that go on.
    """

    event_type: str
    field: str
    counts: pa.Array


@dataclass(frozen=True)
class Shaped:
    """Events in the shape in which the mapper takes them.

    The books: rows of the input + created = rows of the outputs + refused.

    Args:
        outputs: the events themselves, then children, those of outer arrays first. Rows of
            children have the origin of their root.
        refs: for each row of the events its `_ps_ref_id`; None without child event types.
        children: every child event type that these events have ever had.
        sources: fields of the events that came out of another field, with that field: what is
            true of it (a log left it out) is true of them.
        refused: events with JSON that cannot be read, or children but no key.
        created: children.
    """

    outputs: tuple[Events, ...]
    refs: pa.StringArray | None = None
    children: tuple[Children, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[Refused, ...] = ()
    created: int = 0
