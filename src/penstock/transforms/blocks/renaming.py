"""Fields under new names: order, keys and clashes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import pyarrow as pa

from penstock.transforms.blocks.block import Applied, Chosen, Fault, OnError
from penstock.transforms.columns import masks, nested
from penstock.transforms.columns.column import Column
from penstock.transforms.columns.frame import Frame, Path
from penstock.transforms.columns.masks import Mask
from penstock.transforms.filters.filters import Selected

OnConflict = Literal["ERROR", "OVERWRITE", "KEEP_EXISTING"]


def renamed(
    frame: Frame, chosen: Chosen, new_name: Callable[[str], str], on_conflict: OnConflict
) -> Applied:
    """The frame with selected fields under new names.

    Where a key field is renamed in some events only, these get a frame of their own, with
    the new key.
    """
    faults: list[Fault] = []
    keys = dict.fromkeys(frame.keys, masks.none(frame.rows))
    names: dict[str, str] = {}
    for selected in chosen.fields():
        name = new_name(selected.path[-1])
        if name == selected.path[-1]:
            continue
        frame, moved, fault = _one(frame, selected, name, on_conflict)
        faults += fault
        if len(selected.path) == 1 and selected.path[0] in keys:
            keys[selected.path[0]] = moved
            names[selected.path[0]] = name
    if chosen.on_error is not OnError.FAIL:
        faults = []
    return Applied(tuple(_by_keys(frame, keys, names)), tuple(faults))


def renamed_schema(
    incoming: pa.Schema, selected: frozenset[str], new_name: Callable[[str], str]
) -> pa.Schema:
    """The fields under their new names; of two with one name the renamed one is told."""
    fields: dict[str, pa.Field] = {}
    for field in incoming:
        moves = field.name in selected
        name = new_name(field.name) if moves else field.name
        if moves or name not in fields:
            fields[name] = field.with_name(name)
    return pa.schema(fields.values())


def _one(
    frame: Frame, selected: Selected, name: str, on_conflict: OnConflict
) -> tuple[Frame, Mask, list[Fault]]:
    """The field under its new name, the rows where it moved, and those where it cannot."""
    target: Path = (*selected.path[:-1], name)
    taken = masks.both(selected.where, frame.get(target).present)
    if on_conflict == "ERROR" and not masks.is_none(taken):
        moved = masks.minus(selected.where, taken)
        cause = f"There is a field {'.'.join(target)} already."
        return (
            _moved(frame, selected.path, name, moved),
            moved,
            [Fault(taken, selected.text, cause)],
        )
    if on_conflict == "KEEP_EXISTING":
        # Where the new name is taken the field stays under its old one: nothing is lost.
        moved = masks.minus(selected.where, taken)
        return _moved(frame, selected.path, name, moved), moved, []
    if not masks.is_none(taken):
        frame = frame.drop(target, taken)
    return _moved(frame, selected.path, name, selected.where), selected.where, []


def _moved(frame: Frame, path: Path, name: str, where: Mask) -> Frame:
    if len(path) > 1:
        column = nested.edit(frame.columns[path[0]], path[1:], where, name)
        return frame.with_columns({**frame.columns, path[0]: column})
    old = frame.columns[path[0]]
    # As it came only while every row moves: a part of a column is a new column.
    there = frame.get((name,))
    moving = (
        old if masks.is_all(masks.either(where, masks.outside(old.present))) else old.only(where)
    )
    staying = masks.minus(old.present, where)
    columns: dict[str, Column] = {}
    for field, column in frame.columns.items():
        if field == name:
            continue
        if field != path[0]:
            columns[field] = column
            continue
        if not masks.is_none(staying):
            columns[field] = old.only(staying)
        columns[name] = moving if masks.is_none(there.present) else there.merged(where, moving)
    return frame.with_columns(columns)


def _by_keys(frame: Frame, moved: dict[str, Mask], names: dict[str, str]) -> list[Frame]:
    """One frame for each set of key names."""
    frames = [(frame, moved)]
    for key in names:
        frames = [part for whole, masks_of in frames for part in _parts(whole, masks_of, key)]
    made = []
    for part, flags in frames:
        keys = tuple(
            names[k] if k in names and masks.is_all(flags[k]) and part.rows else k
            for k in part.keys
        )
        made.append(replace(part, keys=keys))
    return made


def _parts(frame: Frame, moved: dict[str, Mask], key: str) -> list[tuple[Frame, dict[str, Mask]]]:
    where = moved[key]
    if masks.is_all(where) or masks.is_none(where):
        return [(frame, moved)]
    parts = []
    for side in (where, masks.outside(where)):
        flags: dict[str, pa.BooleanArray] = {k: m.filter(side) for k, m in moved.items()}
        parts.append((frame.picked(side), flags))
    return parts
