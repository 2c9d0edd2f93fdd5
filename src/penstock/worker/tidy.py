"""What is past its time goes: old records of the catalog, files of settled failed events."""

from __future__ import annotations

from pathlib import Path

from penstock.engine.folders import safe_name
from penstock.store import Catalog


def tidy(catalog: Catalog, pipeline: str, failed_dir: Path) -> None:
    """To be called under the pipeline's lock, when nobody writes its failed events.

    A file goes when each of its events was loaded after all, skipped, or given up by age.
    """
    catalog.purge()
    for name in catalog.failed.settled_files(pipeline):
        (failed_dir / safe_name(pipeline) / name).unlink(missing_ok=True)
