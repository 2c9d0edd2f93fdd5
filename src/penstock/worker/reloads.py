"""What each stream of a job is read into: the table there is, or a new one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from penstock.core.load import WriteMode
from penstock.core.records import Generation
from penstock.core.spec import PipelineSpec
from penstock.core.stream import ReadMode, Stream
from penstock.engine.task import StreamPlan
from penstock.store import Catalog
from penstock.worker.gaps import torn
from penstock.worker.memory import CatalogMemory
from penstock.worker.options import RunOptions
from penstock.worker.plan import load_mode


def generations_of(
    catalog: Catalog,
    spec: PipelineSpec,
    pipeline: str,
    streams: Sequence[Stream],
    options: RunOptions,
) -> dict[str, Generation]:
    """What each stream is read into; reloads that begin are noted.

    Tables of event types that are skipped stay as they are: a new one would be without rows.
    """
    saved = catalog.positions.generations(pipeline)
    skipped = {name for name, item in catalog.mappings.load(pipeline).items() if item.skipped}
    found = {}
    for stream in streams:
        old = saved.get(stream.name, Generation())
        named = not options.objects or stream.name in options.objects
        again = (options.full_refresh and named) or stream.name in options.reload
        now = old.of_job(load_mode(spec, stream), reload=again)
        if stream.name in skipped:
            now = Generation(old.current)
        if now != old:
            catalog.positions.set_generation(pipeline, stream.name, now)
        found[stream.name] = now
    return found


def begin_again(
    catalog: Catalog, pipeline: str, streams: Sequence[Stream], *, restart: bool
) -> None:
    """Tables whose changes were missed are made anew by their next history."""
    logged = [stream.name for stream in streams if stream.mode is ReadMode.LOG]
    saved, known = catalog.positions.load(pipeline), catalog.positions.generations(pipeline)
    for name, generation in torn(saved, known, logged, restart=restart).items():
        catalog.positions.set_generation(pipeline, name, generation)


def modes_of(
    plans: Iterable[StreamPlan], memory: CatalogMemory, *, made: bool
) -> dict[str, tuple[tuple[str, ...], WriteMode]]:
    """Key columns and mode of the tables that go on; a full reload begins with new ones.

    Args:
        made: by a transformation: the key of the events decides.
    """
    wanted = {}
    types = memory.event_types() if made else {}
    for plan in plans:
        for event_type in (plan.event_type, *types.get(plan.stream.name, ())):
            mapping = memory.mapping(event_type)
            if mapping is None or not mapping.table or plan.rebuilding:
                continue
            mode = plan.mode
            if made:
                mode = (plan.wanted or mode) if mapping.key else WriteMode.APPEND
            wanted[mapping.table] = (tuple(mapping.key), mode)
    return wanted
