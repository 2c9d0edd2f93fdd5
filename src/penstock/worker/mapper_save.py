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
        if _is_loaded(edit.after, auto_mapping):
            # Events that a mapping can be the cure of come again (pipelines.md 14.2).
            queued += sum(_queue(catalog, pipeline, edit.after, code) for code in ON_FIX)
    return Saved(len(edits), queued)


def queue_unmapped(catalog: Catalog, pipeline: str, *, auto_mapping: bool) -> int:
    """Events that waited for a table which auto mapping makes now: the pipeline's switch may have
    been turned in its file since."""
    return sum(
        _queue(catalog, pipeline, mapping, "UNMAPPED_EVENT_TYPE")
        for mapping in catalog.mappings.load(pipeline).values()
        if not mapping.table and _is_loaded(mapping, auto_mapping)
    )


def _is_loaded(mapping: Mapping, auto_mapping: bool) -> bool:
    """Whether events get into a table, one that is to be made included."""
    return not mapping.skipped and bool(mapping.table or mapping.is_auto(auto_mapping))


def _queue(catalog: Catalog, pipeline: str, mapping: Mapping, code: str) -> int:
    chosen = FailedFilter(event_type=mapping.event_type, code=code)
    return catalog.failed.mark(pipeline, chosen, FailedState.QUEUED_FOR_REPLAY)


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
