"""PostgreSQL held to the contract of sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
import pytest

from penstock.sdk.conformance.source import SourceSuite

pytestmark = pytest.mark.postgres


class TestPostgres(SourceSuite):
    type = "postgres"

    @pytest.fixture
    def settings(self, sql: psycopg.Connection[Any], postgres_url: str) -> Mapping[str, Any]:
        sql.execute(
            "create table people (id int primary key, name text, updated_at timestamptz not null);"
            "insert into people select n, 'name ' || n, now() - n * interval '1 minute' "
            "from generate_series(1, 120) n;"
            "create table stays (hotel text, day date, guests int, primary key (day, hotel));"
            "insert into stays select 'h' || n % 7, date '2025-01-01' + n / 7, n "
            "from generate_series(0, 200) n;"
            "create table loose (note text); insert into loose values ('a'), (null), ('');"
            "create view adults as select id, name from people where id > 18"
        )
        return {"url": postgres_url}

    @pytest.fixture
    def refused(self, postgres_url: str) -> Mapping[str, Any]:
        return {"password": "wrong"}
