"""DuckDB, held to the contract of destinations."""

from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.connectors.destinations.duckdb.config import Config
from penstock.connectors.destinations.duckdb.destination import DuckDb
from penstock.sdk.conformance.destination import DestinationSuite


class TestDuckDb(DestinationSuite):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], DuckDb]:
        return lambda: DuckDb(Config(path=tmp_path / "warehouse.duckdb"))
