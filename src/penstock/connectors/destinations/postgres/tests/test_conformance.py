"""PostgreSQL, held to the contract of destinations."""

from collections.abc import Callable

import pytest

from penstock.connectors.destinations.postgres.config import Config
from penstock.connectors.destinations.postgres.destination import Postgres
from penstock.sdk.conformance.delivery import Delivery
from penstock.sdk.conformance.destination import DestinationSuite
from penstock.sdk.conformance.generations import Generations
from penstock.sdk.conformance.merging import Merging
from penstock.sdk.conformance.versions import Versions

pytestmark = pytest.mark.postgres


class TestPostgres(DestinationSuite):
    @pytest.fixture
    def opened(self, postgres_url: str) -> Callable[[], Postgres]:
        return lambda: Postgres(Config.model_validate({"url": postgres_url}))


class TestPostgresTimestamps(Merging, Versions):
    """The parts of the suite that compare our times, with tables that keep timestamps."""

    test_sweep = Delivery.test_rows_that_did_not_come_are_flagged
    test_publish = Generations.test_publish_is_kept_or_refused

    @pytest.fixture
    def opened(self, postgres_url: str) -> Callable[[], Postgres]:
        settings = {"url": postgres_url, "metadata_instants": "TIMESTAMP"}
        return lambda: Postgres(Config.model_validate(settings))
