"""`penstock verify` of a source that is MariaDB."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from maria import MariaServer, maria_server, maria_url
from penstock.engine.verify.result import Kind, Status
from tables import Tables
from verified import change, compared, repaired

__all__ = ["maria_server", "maria_url"]
pytestmark = pytest.mark.mysql


def test_tables_of_mariadb(maria_server: MariaServer, maria_url: str, tmp_path: Path) -> None:
    tables = Tables(
        tmp_path, {"type": "mysql", "url": maria_url},
        destination={"type": "duckdb", "path": "out.duckdb"},
    )  # fmt: skip
    name = urlsplit(maria_url).path[1:]
    with closing(maria_server.connect(name)) as session, session.cursor() as cursor:
        cursor.execute(
            "create table plain (id int unsigned primary key, b bool, n decimal(12,3),"
            " v varchar(50), d date, t time(6), at datetime(6), ts timestamp(3) null,"
            " bin varbinary(20))"
        )
        cursor.execute(
            "insert into plain select seq, seq % 2, seq / 7, concat('ü ', seq), '2025-01-01',"
            " '12:30:00.5', '2025-01-01 10:00:00.25', '2025-01-01 10:00:00.5', unhex(md5(seq))"
            " from seq_1_to_2000"
        )
        cursor.execute(
            "create table odd (id bigint primary key, f float, d double, bits bit(9),"
            " e enum('x','y'), y year, j json, l longtext, u bigint unsigned)"
        )
        cursor.execute(
            "insert into odd select seq, seq / 7, seq / 7, seq % 512, 'x', 2025, '{\"a\": 1}',"
            " repeat('x', seq), 18446744073709551615 - seq from seq_1_to_200"
        )
        session.commit()
        tables.run()
        found = compared(tables)
        assert {n: (item.status, item.different) for n, item in found.items()} == {
            "odd": (Status.EQUAL, 0), "plain": (Status.EQUAL, 0),
        }  # fmt: skip
        assert {n: item.method for n, item in found.items()} == {"odd": "rows", "plain": "hashes"}
        change(tables, "update plain set n = n + 0.001 where id = 1234")
        change(tables, "update odd set u = u - 1 where id = 12")
        cursor.execute("delete from plain where id = 3")
        session.commit()
        found = compared(tables)
        assert [(i.key, i.kind) for i in found["plain"].differences] == [
            ((3,), Kind.EXTRA), ((1234,), Kind.CHANGED),
        ]  # fmt: skip
        assert [(i.key, i.kind) for i in found["odd"].differences] == [((12,), Kind.CHANGED)]
        assert repaired(tables).status == "COMPLETED"
        assert {item.status for item in compared(tables).values()} == {Status.EQUAL}
