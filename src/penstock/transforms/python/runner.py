"""The loop over the events of a batch, inside the sandbox process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSequence
from dataclasses import dataclass
from types import GeneratorType
from typing import Any, Final

from penstock.transforms.python.api.event import Event, arrived
from penstock.transforms.python.api.properties import Properties
from penstock.transforms.python.outputs import Outputs, RefusedError
from penstock.transforms.python.script import Script, failure_of

MAX_OUTPUTS: Final = 10_000
"""Events that may come of one."""


@dataclass(frozen=True)
class Failure:
    """Why an input row is set aside; the fields of `events.Refused` without its code."""

    row: int
    sub_code: str
    reason: str
    line: int | None = None
    traceback: str = ""


def run(
    script: Script,
    name: str,
    keys: tuple[str, ...],
    rows: Iterable[Properties],
    progress: MutableSequence[int] | memoryview,
) -> tuple[Outputs, list[Failure]]:
    """Call the script once for each event.

    Args:
        progress: its first item is the place of the event that the script has; whoever watches
            it knows which event takes too long.
    """
    outputs, failures = Outputs(), []
    transform, add = script.function, outputs.add
    for place, properties in enumerate(rows):
        progress[0] = place
        try:
            answer = transform(arrived(name, properties, keys))
            if type(answer) is Event:
                add(answer, place)
            elif answer is not None:
                for event in _events(answer):
                    add(event, place)
        except BaseException as error:  # noqa: BLE001
            # Also SystemExit and MemoryError: they are the script's, and cost this event.
            outputs.drop_from(place)
            failures.append(_failure(script, place, error))
    return outputs, failures


def _failure(script: Script, place: int, error: BaseException) -> Failure:
    if isinstance(error, RefusedError):
        return Failure(place, error.sub_code, str(error))
    return Failure(place, *failure_of(error, script))


def _events(answer: Any) -> Iterator[Event]:
    """The events of a return value.

    Raises:
        RefusedError: it is none of the forms, or has too many events.
    """
    if isinstance(answer, Event):
        yield answer
        return
    if not isinstance(answer, list | tuple | GeneratorType):
        raise _bad(answer)
    count = 0
    for item in answer:
        if item is None:
            continue
        if not isinstance(item, Event):
            raise _bad(item)
        count += 1
        if count > MAX_OUTPUTS:
            raise RefusedError(
                "TRANSFORM_TOO_MANY_EVENTS", f"one event gave more than {MAX_OUTPUTS:,} events"
            )
        yield item


def _bad(value: Any) -> RefusedError:
    return RefusedError(
        "TRANSFORM_BAD_RETURN",
        f"transform returns an Event, a list of Events or None, not {type(value).__name__}",
    )
