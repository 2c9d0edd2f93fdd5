"""What is past its time goes: old records of the catalog, files of settled failed events."""

from __future__ import annotations

from penstock.engine.staging import Staging
from penstock.store import Catalog


def tidy(catalog: Catalog, pipeline: str, staging: Staging) -> None:
    """To be called under the pipeline's lock, when nobody writes its failed events.

    A file goes when each of its events was loaded after all, skipped, or given up by age.
    """
    catalog.purge()
    staging.forget_failed(catalog.failed.settled_files(pipeline))
