"""What the destination's ledger says of a pipeline, and what the catalog learns from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from penstock.engine.staging import Staging
from penstock.store import Catalog
from penstock.worker.positions import Known, adopt_generations, restore, still_there, trusted
from penstock.worker.setup import Ends


@dataclass(frozen=True)
class Ledger:
    """What the destination remembers of this pipeline, as far as it is believed.

    Args:
        tables: that any row is about, believed or not.
        loaded_at, fence: the newest of all rows, believed or not; 0 when there are none.
    """

    known: list[Known]
    loaded_at: int
    fence: int
    tables: frozenset[str] = frozenset()


def read_ledger(
    ends: Ends,
    catalog: Catalog,
    pipeline: str,
    catalog_id: str,
    staging: Staging,
    warn: Callable[[str, str], None],
) -> Ledger:
    """Read the ledger; a catalog that is new or was set back learns from it.

    Believed are the rows that this very catalog wrote; when it has nothing of the pipeline
    yet, also those that a lost one wrote about the same account. Another workspace with a
    pipeline of the same name but another account has positions of its own.
    """
    entries = ends.destination.ledger(pipeline)
    known = trusted(entries, {"catalog": catalog_id})
    account = ends.source.identity
    if entries and not known and account and not catalog.positions.load(pipeline):
        known = still_there(ends.destination, trusted(entries, {"source": account}))
        restore(catalog, pipeline, staging, known)
        if known:
            warn(
                pipeline,
                "The catalog knows nothing of this pipeline, but the destination does: going on "
                "from there. Run with --full-refresh to read everything again.",
            )
    adopt_generations(catalog, pipeline, known)
    return Ledger(
        known,
        loaded_at=max((entry.loaded_at for entry in entries), default=0),
        fence=max((entry.fence for entry in entries), default=0),
        tables=frozenset(entry.table for entry in entries),
    )
