"""DuckDB, held to the contract of destinations."""

from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.connectors.destinations.duckdb.config import Config
from penstock.connectors.destinations.duckdb.destination import DuckDb
from penstock.core.load import WriteMode
from penstock.sdk.conformance.delivery import Delivery
from penstock.sdk.conformance.destination import DestinationSuite
from penstock.sdk.conformance.generations import Generations
from penstock.sdk.conformance.kit import Suite
from penstock.sdk.conformance.merging import Merging
from penstock.sdk.conformance.shapes import Shapes
from penstock.sdk.conformance.versions import Versions
from penstock.sdk.destination import Capabilities


class TestDuckDb(DestinationSuite):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], DuckDb]:
        return lambda: DuckDb(Config(path=tmp_path / "warehouse.duckdb"))


class AppendOnly(DuckDb):
    """Declares next to nothing: the suite must see that the rest is refused."""

    capabilities = Capabilities(
        modes=frozenset({WriteMode.APPEND}),
        widen_column=False,
        publish=False,
        table_limit=50,
        column_limit=30,
        max_columns=40,
    )


class TestAppendOnly(Suite):
    """The parts of the suite that meet what is not declared."""

    test_mode = Merging.test_a_mode_is_kept_or_refused
    test_widening = Shapes.test_a_column_widens_and_keeps_its_values
    test_long_names = Shapes.test_names_as_long_as_declared
    test_columns = Shapes.test_more_columns_than_declared_are_refused
    test_check = Shapes.test_the_check_passes_and_leaves_nothing
    test_publish = Generations.test_publish_is_kept_or_refused
    first_mode = Shapes.first_mode

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], AppendOnly]:
        return lambda: AppendOnly(Config(path=tmp_path / "warehouse.duckdb"))


class TestDuckDbTimestamps(Merging, Versions):
    """The parts of the suite that compare our times, with tables that keep timestamps."""

    test_sweep = Delivery.test_rows_that_did_not_come_are_flagged
    test_publish = Generations.test_publish_is_kept_or_refused

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], DuckDb]:
        settings = {"path": tmp_path / "warehouse.duckdb", "metadata_instants": "TIMESTAMP"}
        return lambda: DuckDb(Config.model_validate(settings))
