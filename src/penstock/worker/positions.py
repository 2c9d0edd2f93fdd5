"""Where each split starts: the catalog's position, or the destination's if that is later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.core.checkpoint import Checkpoint
from penstock.core.records import Generation
from penstock.core.splits import LOG_SPLIT, stream_of
from penstock.core.stream import ReadMode
from penstock.engine.staging import Staging
from penstock.engine.task import StreamPlan
from penstock.sdk.destination import Destination, LedgerEntry
from penstock.store import Catalog


@dataclass(frozen=True)
class Known:
    """What the destination's ledger says of one split: its newest package there.

    Args:
        entries: one row per table of the package; all of its tables are there.
        notes: what each row's checkpoint says, in the same order.
    """

    entries: tuple[LedgerEntry, ...]
    notes: tuple[Mapping[str, Any], ...]

    @property
    def split(self) -> str:
        return self.entries[0].split

    @property
    def package_no(self) -> int:
        return self.entries[0].package_no

    @property
    def generation(self) -> int:
        return max(int(note["generation"]) for note in self.notes)

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint.from_json(json.dumps(self.notes[0]))

    def fits(self, plans: Mapping[str, StreamPlan]) -> bool:
        """Whether this is a position of the generations that are read now, or of a log."""
        if self.split == LOG_SPLIT:
            return True
        read = [note for note in self.notes if note["stream"] in plans]
        same = all(int(note["generation"]) == plans[note["stream"]].generation for note in read)
        return bool(read) and same


def start_positions(
    catalog: Catalog, pipeline: str, plans: Mapping[str, StreamPlan]
) -> tuple[dict[str, Checkpoint], dict[str, int]]:
    """Checkpoints and package numbers by split.

    A position saved under another generation is not a position of this one: its split
    starts from the beginning. So a full reload that was cut short before its first commit
    does not go on from where the old generation stood.
    """
    checkpoints: dict[str, Checkpoint] = {}
    numbers: dict[str, int] = {}
    for split, saved in catalog.positions.load(pipeline).items():
        numbers[split] = saved.package_no
        plan = plans.get(stream_of(split, plans) or "")
        current = plan is None or plan.generation == saved.generation
        if saved.checkpoint is not None and current:
            checkpoints[split] = saved.checkpoint
    return checkpoints, numbers


def drop_cut_off(checkpoints: dict[str, Checkpoint], plans: Mapping[str, StreamPlan]) -> None:
    """Without the position of its log, nothing that was read of a table's history counts:
    changes since then are known to nobody."""
    if LOG_SPLIT in checkpoints:
        return
    for split in list(checkpoints):
        plan = plans.get(stream_of(split, plans) or "")
        if plan is not None and plan.stream.mode is ReadMode.LOG:
            del checkpoints[split]


def trusted(entries: Sequence[LedgerEntry], owner: Mapping[str, str]) -> list[Known]:
    """Splits whose ledger rows may be believed: `owner` is what their notes must say.

    A package of which only some tables were loaded says nothing: its position is ahead of
    the other tables.
    """
    groups: dict[tuple[str, int], list[LedgerEntry]] = {}
    for entry in entries:
        groups.setdefault((entry.split, entry.package_no), []).append(entry)
    found: dict[str, Known] = {}
    for (split, _), group in sorted(groups.items()):
        notes = tuple(json.loads(entry.checkpoint or "{}") for entry in group)
        whole = all(note.get("parts") == len(group) for note in notes)
        ours = all(note.get(name) == value for note in notes for name, value in owner.items())
        if whole and ours:
            found[split] = Known(tuple(group), notes)
    return list(found.values())


def still_there(destination: Destination, known: Sequence[Known]) -> list[Known]:
    """Those whose tables were not dropped since."""
    return [
        item
        for item in known
        if all(destination.describe(entry.table) is not None for entry in item.entries)
    ]


def restore(catalog: Catalog, pipeline: str, staging: Staging, known: Sequence[Known]) -> None:
    """Give a catalog that was lost the positions that the destination kept.

    Where a package still waits in staging, its delivery does that.
    """
    for item in known:
        if not staging.holds(item.split):
            catalog.positions.restore(
                pipeline, item.split, item.checkpoint, item.generation, item.package_no
            )


def adopt_generations(catalog: Catalog, pipeline: str, known: Sequence[Known]) -> None:
    """Take the destination's word on full reloads that this catalog does not know of."""
    saved = catalog.positions.generations(pipeline)
    for item in known:
        for entry, note in zip(item.entries, item.notes, strict=True):
            old = saved.get(note["stream"], Generation())
            current = max(old.current, entry.published)
            newest = max(int(note["generation"]), old.building or 0)
            building = newest if newest > current else None
            now = Generation(current, building, old.mode if building == old.building else "")
            if now != old:
                catalog.positions.set_generation(pipeline, note["stream"], now)


def adopt_positions(
    known: Sequence[Known],
    plans: Mapping[str, StreamPlan],
    checkpoints: dict[str, Checkpoint],
    numbers: dict[str, int],
) -> list[str]:
    """Take the destination's word where it is ahead of ours; returns the splits moved on.

    That happens when a crash fell between the destination's commit and ours and the staged
    package was lost with its disk, and when the catalog was set back to an old copy.
    """
    moved = []
    for item in known:
        if item.package_no > numbers.get(item.split, 0):
            numbers[item.split] = item.package_no
            if item.fits(plans):
                checkpoints[item.split] = item.checkpoint
                moved.append(item.split)
    return moved
