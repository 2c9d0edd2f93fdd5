"""The shaping of nested data as a transformation, after that of the user if there is one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.events import Events, Refused, Transformed, Transformer
from penstock.nested.rows import only
from penstock.nested.shaped import Shaped
from penstock.nested.shaper import Shaper


@dataclass(frozen=True)
class Nested(Transformed):
    """What was made of one batch, children among the outputs.

    Args:
        shaped: of each event type that the transformation made, how it was shaped: its first
            output is the events, whose rows `refs` and `counts` belong to.
    """

    shaped: tuple[Shaped, ...] = ()


class Nesting:
    """A transformation of the user, or none, and then the shaping of what it made.

    Args:
        shaper_of: gives the shaper for what was made of events of a type; always the same one.
    """

    def __init__(
        self, shaper_of: Callable[[str], Shaper], before: Transformer | None = None
    ) -> None:
        self._shaper_of = shaper_of
        self._before = before

    def transform(self, events: Events) -> Nested:
        """As a transformation: an input event of which a part is refused is refused as a whole."""
        made = Transformed((events,)) if self._before is None else self._before.transform(events)
        shape = self._shaper_of(events.name).shape
        shaped = [shape(output) for output in made.outputs]
        refused = _refused(made, shaped)
        if refused:
            gone = {one.row for one in refused}
            shaped = [shape(_without(output, gone)) for output in made.outputs]
        outputs = tuple(output for one in shaped for output in one.outputs)
        everything = sorted((*made.refused, *refused), key=lambda one: one.row)
        origins = pa.chunked_array([output.origin for output in outputs], pa.int32())
        passed = pc.count_distinct(origins).as_py()
        return Nested(
            outputs,
            tuple(everything),
            filtered=events.rows.num_rows - len(everything) - passed,
            created=len(origins) - passed,
            shaped=tuple(shaped),
        )

    def close(self) -> None:
        """End the processes of the transformation."""
        if self._before is not None:
            self._before.close()


def _refused(made: Transformed, shaped: list[Shaped]) -> list[Refused]:
    """What the shaping refused, by the rows of the input; each of them once."""
    found: dict[int, Refused] = {}
    for output, one in zip(made.outputs, shaped, strict=True):
        for refused in one.refused:
            row = output.origin[refused.row].as_py()
            found.setdefault(row, Refused(row, refused.code, refused.sub_code, refused.reason))
    return list(found.values())


def _without(events: Events, gone: Collection[int]) -> Events:
    rows = pa.array(sorted(gone), pa.int32())
    return only(events, pc.invert(pc.is_in(events.origin, rows)))
