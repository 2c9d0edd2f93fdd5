"""Which staging area a pipeline gets."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from penstock.cli.library import open_workspace
from penstock.core.errors import ConfigError
from penstock.engine.object_staging import ObjectStaging
from penstock.engine.staging import LocalStaging
from penstock.store import Catalog
from penstock.worker.staging import open_staging


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with closing(Catalog.open(str(tmp_path / "catalog.db"))) as catalog:
        catalog.pipelines.ensure("a pipe", "activecampaign", "duckdb")
        yield catalog


def opened(root: Path, state: str, catalog: Catalog) -> object:
    (root / "penstock.yaml").write_text(f"version: 1\nstate: {state}\n")
    return open_staging(open_workspace(str(root)), catalog, "a pipe")


def test_a_folder_by_default(tmp_path: Path, catalog: Catalog) -> None:
    staging = opened(tmp_path, "{}", catalog)
    assert isinstance(staging, LocalStaging)
    assert staging.folder.parent == tmp_path / ".penstock" / "staging"


def test_a_store_by_its_url_apart_from_other_catalogs(tmp_path: Path, catalog: Catalog) -> None:
    staging = opened(tmp_path, f"{{staging: 'file://{tmp_path}/store'}}", catalog)
    assert isinstance(staging, ObjectStaging)
    known = catalog.pipelines.get("a pipe")
    assert staging.prefix.startswith("a_pipe-")
    assert staging.prefix.endswith(f"/{known.created_at}-{known.id}")


def test_packages_that_wait_on_local_disk_are_not_left_behind(
    tmp_path: Path, catalog: Catalog
) -> None:
    local = opened(tmp_path, "{}", catalog)
    assert isinstance(local, LocalStaging)
    card = local.folder / "people" / "000000000001" / "package.json"
    card.parent.mkdir(parents=True)
    card.write_text("{}")
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path, f"{{staging: 'file://{tmp_path}/store'}}", catalog)
    assert caught.value.code == "staging.moved"


def test_a_missing_driver_names_the_line_that_installs_it(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path, "{staging: 's3://b/p'}", catalog)
    assert caught.value.code == "staging.no_driver"
    assert caught.value.hint == "pip install 'obstore>=0.12,<0.13'"
