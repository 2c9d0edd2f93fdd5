"""A flow, event by event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rowwise import blocks
from rowwise.conditions import MISSING
from rowwise.values import Failed

Block = dict[str, Any]


class Dropped(Exception):
    """The event leaves the pipeline."""


@dataclass
class Event:
    """One event on its way."""

    row: int
    name: str
    keys: tuple[str, ...]
    props: dict[str, Any]


@dataclass
class Outcome:
    """What became of all events."""

    events: list[Event] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    filtered: int = 0


def run(flow: list[Block], rows: list[dict[str, Any]], keys: tuple[str, ...]) -> Outcome:
    """Each row through all blocks. A block's `formula` is the tree of its value."""
    outcome = Outcome()
    for at, row in enumerate(rows):
        event = Event(at, "e", keys, dict(row))
        try:
            _through(flow, event)
            if any(event.props.get(key) is None for key in event.keys):
                raise Failed
            outcome.events.append(event)
        except Failed:
            outcome.refused.append(at)
        except Dropped:
            outcome.filtered += 1
    return outcome


def _through(flow: list[Block], event: Event) -> None:
    for block in flow:
        filters = block.get("filters", {})
        match = filters.get("event_match", "ALL")
        if block["type"] == "IF_ELSE":
            condition = block["settings"]["condition"]
            yes = blocks.event_selected(
                condition["conditions"], condition["match"], event.name, event.props
            )
            _through(block["settings"]["then" if yes else "else"], event)
        elif blocks.event_selected(filters.get("event", []), match, event.name, event.props):
            _apply(block, event)


def _apply(block: Block, event: Event) -> None:
    kinds = {
        "ADD_FIELD": _add,
        "DROP_EVENTS": _drop,
        "RENAME_EVENTS": _rename_event,
        "DROP_FIELDS": _drop_fields,
        "RENAME_FIELDS": _rename_fields,
        "FLATTEN_JSON": _flatten,
    }
    settings = block["settings"]
    if block["type"] in kinds:
        kinds[block["type"]](block, event)
    elif block["type"] == "SPLIT_FIELDS" and settings["into"] == "FIELDS":
        _split(block, event)
    else:
        for name in blocks.selected(block.get("filters", {}), event.props):
            _value(block, event, name)


def _add(block: Block, event: Event) -> None:
    settings = block["settings"]
    name = settings["field_name"]
    if settings["if_exists"] == "KEEP" and event.props.get(name) is not None:
        return
    try:
        event.props[name] = blocks.formula(block["formula"], event.props)
    except Failed:
        _failed(block, event, name)


def _failed(block: Block, event: Event, name: str) -> None:
    """What `on_error` says."""
    how = block.get("on_error", "FAIL")
    if how == "FAIL":
        raise Failed
    if how == "SET_NULL":
        event.props[name] = None


def _drop(_: Block, _event: Event) -> None:
    raise Dropped


def _rename_event(block: Block, event: Event) -> None:
    settings = block["settings"]
    prefix = settings["value"] if settings["mode"] == "PREFIX" else ""
    suffix = settings["value"] if settings["mode"] == "SUFFIX" else ""
    if settings["mode"] == "TO":
        found = blocks.formula(block["formula"], event.props)
        event.name = found or ""
        if not event.name.strip():
            raise Failed
    else:
        event.name = f"{prefix}{event.name}{suffix}"


def _drop_fields(block: Block, event: Event) -> None:
    for name in blocks.selected(block.get("filters", {}), event.props):
        if name in event.keys:
            raise Failed
        del event.props[name]


def _rename_fields(block: Block, event: Event) -> None:
    settings = block["settings"]
    for name in blocks.selected(block.get("filters", {}), event.props):
        new = (
            settings["names"].get(name, name)
            if settings["mode"] == "MAP"
            else settings["value"] + name
        )
        if new == name:
            continue
        if new in event.props and settings["on_conflict"] == "ERROR":
            if block.get("on_error", "FAIL") == "FAIL":
                raise Failed
            continue
        if new in event.props and settings["on_conflict"] == "KEEP_EXISTING":
            continue
        event.props[new] = event.props.pop(name)
        event.keys = tuple(new if key == name else key for key in event.keys)


def _named(block: Block, name: str) -> bool:
    """Whether the user named the field."""
    conditions = block.get("filters", {}).get("field", [])
    return any(
        c["on"] == "FIELD_NAME" and c["op"] == "IN" and name in c["value"] for c in conditions
    )


def _flatten(block: Block, event: Event) -> None:
    for name in blocks.selected(block.get("filters", {}), event.props):
        value = event.props.get(name)
        if isinstance(value, dict):
            blocks.flatten(block["settings"], name, event.props)
        elif value is not None and _named(block, name):
            _failed(block, event, name)


def _split(block: Block, event: Event) -> None:
    for name in blocks.selected(block.get("filters", {}), event.props):
        value = event.props.get(name)
        if isinstance(value, str):
            blocks.into_fields(block["settings"], name, event.props)
        elif value is not None and _named(block, name):
            _failed(block, event, name)


def _value(block: Block, event: Event, name: str) -> None:
    value = event.props.get(name, MISSING)
    try:
        if block["type"] == "CHANGE_FIELD_VALUE":
            event.props[name] = blocks.formula(block["formula"], event.props, value)
        elif value is not None:
            event.props[name] = blocks.of_value(block["type"], block["settings"], value)
    except Failed:
        _failed(block, event, name)
    except blocks.WrongType:
        if _named(block, name):
            _failed(block, event, name)
