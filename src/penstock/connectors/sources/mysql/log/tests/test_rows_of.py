"""Rows asked for by their keys, for values that a log left out while history is read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tables import Tables

pytestmark = pytest.mark.mysql


def test_rows_come_by_keys_of_several_columns_and_odd_texts(
    sql: Callable[[str], None], tables: Tables
) -> None:
    sql(
        "create table `Odd t`(id bigint unsigned, `na me` varchar(20), at datetime(6),"
        " b varbinary(4), v text, primary key (id, `na me`, at, b)) collate utf8mb4_bin;"
        "insert into `Odd t` select 18446744073709551615 - seq,"
        " elt(1 + seq % 3, 'it''s', 'a\\\\b', 'é\"'),"
        " '2024-02-29 12:00:00.000001' + interval seq day, x'00ff27', concat('v', seq)"
        " from seq_1_to_1300"
    )
    wanted, found = tables.by_keys("Odd t", "v")
    assert found == wanted
    assert len(wanted) == 650
