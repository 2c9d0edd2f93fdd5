"""Files of failed events go when none of their events can be replayed any more."""

from __future__ import annotations

from pathlib import Path

from penstock.core.records import FailedState
from penstock.engine.staging import LocalStaging
from penstock.store import Catalog
from penstock.worker.tidy import tidy
from unit.store.kit import PIPELINE, Clock, begin, failed_row, package


def test_a_file_goes_when_all_of_its_events_are_settled(tmp_path: Path) -> None:
    folder = tmp_path / "failed" / PIPELINE
    folder.mkdir(parents=True)
    for name in ("a.parquet", "b.parquet", "orphan.parquet"):
        (folder / name).touch()
    with Catalog.open(tmp_path / "catalog.db", now=Clock()) as catalog:
        catalog.pipelines.ensure(PIPELINE, "list", "memory")
        rows = failed_row(0, file="a.parquet"), failed_row(1, file="b.parquet")
        catalog.commit(package(begin(catalog), failed=rows))
        tidy(catalog, PIPELINE, LocalStaging(tmp_path / "staging", folder))
        assert len(list(folder.iterdir())) == 3
        first = catalog.failed.list(PIPELINE)[0]
        catalog.failed.mark(PIPELINE, [first.id], FailedState.SKIPPED)
        tidy(catalog, PIPELINE, LocalStaging(tmp_path / "staging", folder))
    # What the catalog does not know is left alone: a lost catalog knew it.
    assert {file.name for file in folder.iterdir()} == {"b.parquet", "orphan.parquet"}
