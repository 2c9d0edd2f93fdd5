"""MySQL and MariaDB, held to the contract of destinations."""

from collections.abc import Callable

import pytest

from penstock.connectors.destinations.mysql.config import Config
from penstock.connectors.destinations.mysql.destination import MySql
from penstock.sdk.conformance.delivery import Delivery
from penstock.sdk.conformance.destination import DestinationSuite
from penstock.sdk.conformance.generations import Generations
from penstock.sdk.conformance.merging import Merging
from penstock.sdk.conformance.versions import Versions

pytestmark = pytest.mark.mysql


class TestMySql(DestinationSuite):
    @pytest.fixture
    def opened(self, maria_url: str) -> Callable[[], MySql]:
        return lambda: MySql(Config.model_validate({"url": maria_url}))


class TestMySqlTimestamps(Merging, Versions):
    """The parts of the suite that compare our times, with tables that keep timestamps."""

    test_sweep = Delivery.test_rows_that_did_not_come_are_flagged
    test_publish = Generations.test_publish_is_kept_or_refused

    @pytest.fixture
    def opened(self, maria_url: str) -> Callable[[], MySql]:
        settings = {"url": maria_url, "metadata_instants": "TIMESTAMP"}
        return lambda: MySql(Config.model_validate(settings))
