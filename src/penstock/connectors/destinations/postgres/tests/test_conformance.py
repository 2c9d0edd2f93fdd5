"""PostgreSQL, held to the contract of destinations."""

from collections.abc import Callable

import pytest

from penstock.connectors.destinations.postgres.config import Config
from penstock.connectors.destinations.postgres.destination import Postgres
from penstock.sdk.conformance.destination import DestinationSuite

pytestmark = pytest.mark.postgres


class TestPostgres(DestinationSuite):
    @pytest.fixture
    def opened(self, postgres_url: str) -> Callable[[], Postgres]:
        return lambda: Postgres(Config.model_validate({"url": postgres_url}))
