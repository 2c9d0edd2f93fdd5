"""Where each split starts: the catalog's position, or the destination's if that is later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from penstock.core.checkpoint import Checkpoint
from penstock.engine.folders import split_folder
from penstock.engine.package import CARD
from penstock.engine.task import StreamPlan
from penstock.sdk.destination import Destination
from penstock.store import Catalog


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
        plan = plans.get(split)
        current = plan is None or plan.generation == saved.generation
        if saved.checkpoint is not None and current:
            checkpoints[split] = saved.checkpoint
    return checkpoints, numbers


def adopt_ledger(
    destination: Destination,
    pipeline: str,
    staging: Path,
    catalog_id: str,
    plans: Mapping[str, StreamPlan],
    checkpoints: dict[str, Checkpoint],
    numbers: dict[str, int],
) -> list[str]:
    """Take the destination's word where it is ahead of ours; returns the splits moved on.

    That happens when a crash fell between the destination's commit and ours and the staged
    package was lost with its disk. Only rows that this very catalog wrote count: another
    workspace with a pipeline of the same name has positions of its own.
    """
    moved = []
    for entry in destination.ledger(pipeline):
        if entry.package_no <= numbers.get(entry.split, 0) or entry.checkpoint is None:
            continue
        raw = json.loads(entry.checkpoint)
        plan = plans.get(entry.split)
        known = raw.get("catalog") == catalog_id and plan is not None
        if not known or raw.get("generation") != plan.generation:  # type: ignore[union-attr]
            continue
        if any(split_folder(staging, entry.split).glob(f"*/{CARD}")):
            continue
        numbers[entry.split] = entry.package_no
        checkpoints[entry.split] = Checkpoint.from_json(entry.checkpoint)
        moved.append(entry.split)
    return moved
