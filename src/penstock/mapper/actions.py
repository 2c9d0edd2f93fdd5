"""Actions on event types, one or many at a time (pipelines.md 12.5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from penstock.core.mapping import Left
from penstock.core.mapping import Mapping as EventType
from penstock.core.records import MappingStatus

NO_TABLE: Final = "the event type has no table"
_ANY: Final = frozenset(MappingStatus) - {MappingStatus.MAPPING_IN_PROGRESS}
_LOADED: Final = frozenset({MappingStatus.AUTO_MAPPED, MappingStatus.MAPPED})


class Action(StrEnum):
    """What can be done to an event type as a whole."""

    SKIP = "SKIP"
    INCLUDE = "INCLUDE"
    UNMAP = "UNMAP"
    RESET = "RESET"
    AUTO_ON = "AUTO_ON"
    AUTO_OFF = "AUTO_OFF"
    DELETE = "DELETE"
    """Drop the table; the mapping goes with it."""


VALID: Final[Mapping[Action, frozenset[MappingStatus]]] = {
    Action.SKIP: _LOADED | {MappingStatus.UNMAPPED},
    Action.INCLUDE: frozenset({MappingStatus.SKIPPED}),
    Action.UNMAP: frozenset({MappingStatus.MAPPED}),
    Action.RESET: _ANY,
    Action.AUTO_ON: _ANY,
    Action.AUTO_OFF: _ANY,
    Action.DELETE: _ANY,
}
"""Statuses in which an event type qualifies."""
_DONE: Final[Mapping[Action, str]] = {
    Action.SKIP: "skipped",
    Action.INCLUDE: "included",
    Action.UNMAP: "unmapped",
    Action.RESET: "reset",
    Action.AUTO_ON: "auto mapping on for",
    Action.AUTO_OFF: "auto mapping off for",
    Action.DELETE: "deleted",
}


@dataclass(frozen=True)
class Ineligible:
    """An event type that an action left alone, and why."""

    event_type: str
    why: str


@dataclass(frozen=True)
class Acted:
    """What an action did: the mappings that changed, in the order named."""

    action: Action
    changed: tuple[EventType, ...]
    ineligible: tuple[Ineligible, ...] = ()

    @property
    def sentence(self) -> str:
        """`skipped 4, not eligible 1`."""
        told = f"{_DONE[self.action]} {len(self.changed)}"
        return f"{told}, not eligible {len(self.ineligible)}" if self.ineligible else told


def act(
    action: Action,
    mappings: Mapping[str, EventType],
    names: Iterable[str],
    *,
    auto_mapping: bool,
) -> Acted:
    """Do it to those of the named event types that qualify.

    Args:
        mappings: all event types of the pipeline.
        names: each counts once, however often it is named.
        auto_mapping: the pipeline's switch.
    """
    changed: list[EventType] = []
    refused: list[Ineligible] = []
    for name in dict.fromkeys(names):
        before = mappings.get(name)
        why = _refusal(action, before, auto_mapping)
        if before is None or why:
            refused.append(Ineligible(name, why))
        else:
            changed.append(_after(action, before))
    return Acted(action, tuple(changed), tuple(refused))


def _refusal(action: Action, mapping: EventType | None, auto_mapping: bool) -> str:
    """Why an action is not for this event type; empty when it is."""
    if mapping is None:
        return "there is no such event type"
    status = mapping.status(auto_mapping)
    if status not in VALID[action]:
        return f"it is {status}"
    if action is Action.DELETE and not mapping.table:
        return NO_TABLE
    if action in (Action.AUTO_ON, Action.AUTO_OFF):
        on = action is Action.AUTO_ON
        return f"auto mapping is {'on' if on else 'off'} already" if mapping.auto is on else ""
    return ""


def _after(action: Action, mapping: EventType) -> EventType:
    if action in (Action.SKIP, Action.INCLUDE):
        return mapping.changed(skipped=action is Action.SKIP)
    if action is Action.AUTO_OFF:
        return mapping.changed(auto=False)
    if action is Action.AUTO_ON:
        # Fields that only had to wait get their columns with the next event that has them.
        return mapping.changed(auto=True, left=tuple(i for i in mapping.left if i.ignored))
    if action is Action.RESET:
        return mapping.changed(table="", key=(), columns=(), left=())
    return unmapped(mapping)


def unmapped(mapping: EventType, reason: str = NO_TABLE) -> EventType:
    """The event type without its table; what is known of its fields stays."""
    fields = tuple(Left(c.field, c.type.type, reason) for c in mapping.columns)
    return mapping.changed(table="", key=(), columns=(), left=(*mapping.left, *fields))
