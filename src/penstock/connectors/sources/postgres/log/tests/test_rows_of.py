"""Rows asked for by their keys, for values that a log left out while history is read."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tables import Tables

pytestmark = pytest.mark.postgres


def test_rows_come_by_keys_of_several_columns_and_odd_texts(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute(
        'create table "Odd t"(id int, "na me" text, at timestamptz, u uuid, b bytea, v text,'
        ' primary key (id, "na me", at, u, b))'
    )
    sql.execute(
        """insert into "Odd t" select i,
        case i % 3 when 0 then 'it''s' when 1 then E'a\\\\b' else 'é"' end,
        '2024-02-29 12:00:00.000001+02'::timestamptz + i * interval '1 day',
        '00000000-0000-0000-0000-000000000001', decode('00ff27', 'hex'), 'v' || i
        from generate_series(1, 1300) i"""
    )
    wanted, found = tables.by_keys("Odd t", "v")
    assert found == wanted
    assert len(wanted) == 650
