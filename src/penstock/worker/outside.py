"""What is told of changes that users made to tables, and of objects that a policy holds back."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from penstock.core.records import Activity, IngestionStatus, Severity
from penstock.engine.outside import Outside
from penstock.store import Catalog
from penstock.worker.watch import Reporter


def alert(catalog: Catalog, pipeline: str, found: Iterable[Outside], seen: Reporter) -> None:
    """A warning of the job and an entry of the activity log for each change."""
    for item in found:
        seen.warn(item.object, item.text)
        catalog.activity.append(
            Activity(
                severity=Severity.HIGH,
                action="mapping.changed_outside",
                summary=item.text,
                pipeline=pipeline,
                details={"event_type": item.event_type, "table": item.table},
            )
        )


def note_blocked(catalog: Catalog, pipeline: str, blocked: Collection[str]) -> None:
    """Keep which objects the schema policy holds back now (pipelines.md 12.3)."""
    known = catalog.objects.load(pipeline)
    before = {n for n, item in known.items() if item.status is IngestionStatus.BLOCKED}
    for name in sorted(before.symmetric_difference(blocked)):
        status = IngestionStatus.BLOCKED if name in blocked else IngestionStatus.SCHEDULED
        catalog.objects.update(pipeline, name, status=status)
