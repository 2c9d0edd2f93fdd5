"""Save what users changed in mappings: the catalog, the activity log, the replay of what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.core.mapping import Mapping
from penstock.core.records import Activity, FailedFilter, FailedState, Severity
from penstock.core.recovery_classes import ON_FIX
from penstock.mapper.applying import Edited, differences
from penstock.store import Catalog


@dataclass(frozen=True)
class Saved:
    """How many mappings were saved, and how many failed events wait for a replay by that."""

    mappings: int = 0
    queued: int = 0


def save(
    catalog: Catalog,
    pipeline: str,
    edits: Sequence[Edited],
    *,
    auto_mapping: bool,
    action: str = "EDIT",
) -> Saved:
    """To be called under the pipeline's lock.

    Args:
        auto_mapping: the pipeline's switch.
        action: for the activity log.
    """
    queued = 0
    for edit in edits:
        catalog.mappings.save(pipeline, edit.after, edit.after.status(auto_mapping).value)
        catalog.activity.append(_told(pipeline, edit, action, auto_mapping=auto_mapping))
        if edit.after.table and not edit.after.skipped:
            queued += _queue(catalog, pipeline, edit.after)
    return Saved(len(edits), queued)


def _queue(catalog: Catalog, pipeline: str, mapping: Mapping) -> int:
    """Events that a mapping can be the cure of come again (pipelines.md 14.2)."""
    return sum(
        catalog.failed.mark(
            pipeline,
            FailedFilter(event_type=mapping.event_type, code=code),
            FailedState.QUEUED_FOR_REPLAY,
        )
        for code in ON_FIX
    )


def _told(pipeline: str, edit: Edited, action: str, *, auto_mapping: bool) -> Activity:
    words = list(differences(edit, auto_mapping=auto_mapping))
    said = "; ".join(words[:3]) + (f"; and {len(words) - 3} more" if len(words) > 3 else "")
    return Activity(
        severity=Severity.MEDIUM,
        action=f"mapping.{action.lower()}",
        summary=f"Mapping of {edit.after.event_type}: {said or 'as before'}.",
        pipeline=pipeline,
        details={
            "event_type": edit.after.event_type,
            "table": edit.after.table or edit.before.table,
            "changes": words,
        },
        actor="user",
    )
