"""MySQL and MariaDB held to the contract of sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from penstock.sdk.conformance.source import SourceSuite

pytestmark = pytest.mark.mysql


class TestMySql(SourceSuite):
    type = "mysql"

    @pytest.fixture
    def settings(self, sql: Callable[[str], None], maria_url: str) -> Mapping[str, Any]:
        sql(
            "create table people (id int primary key, name text, updated_at timestamp not null);"
            "insert into people select seq, concat('name ', seq), now() - interval seq minute "
            "from seq_1_to_120;"
            "create table stays (hotel varchar(9), day date, guests int, primary key (day, hotel));"
            "insert into stays select concat('h', seq % 7), date '2025-01-01' + interval seq div 7 "
            "day, seq from seq_0_to_200;"
            "create table loose (note text); insert into loose values ('a'), (null), ('');"
            "create view adults as select id, name from people where id > 18"
        )
        return {"url": maria_url}

    @pytest.fixture
    def refused(self, maria_url: str) -> Mapping[str, Any]:
        return {"password": "wrong"}
