"""What is done in the source as it arrives in the destination."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from maria import BINLOG, MariaServer
from penstock.connectors.sources.mysql.log.master import Master
from servers import PASSWORD, USER
from tables import Tables

pytestmark = pytest.mark.mysql
Sql = Callable[[str], None]
ITEMS = (
    "create table items (id int primary key, v varchar(30), n decimal(9,2));"
    "insert into items select seq, concat('v', seq), seq / 4 from seq_1_to_50"
)


def settings() -> dict[str, Any]:
    return dict(BINLOG)


def live(tables: Tables, columns: str = "id, v", table: str = "items") -> list[tuple[Any, ...]]:
    return tables.rows(f"select {columns} from {table} where not _ps_deleted order by id")


@pytest.mark.parametrize("position", ["AUTO", "FILE"])
def test_inserts_updates_deletes_and_changed_keys(sql: Sql, tables: Tables, position: str) -> None:
    sql(ITEMS)
    tables.source = {**tables.source, "log_position": position}
    assert tables.read() == {"items": 50}
    assert tables.read() == {"items": 0}
    sql(
        "update items set v = 'new' where id <= 2; delete from items where id = 3;"
        "insert into items values (99, 'ninety-nine', null);"
        "update items set id = 100 where id = 4;"
        "begin; update items set v = 'never' where id = 5; rollback"
    )
    assert tables.read() == {"items": 6}
    assert live(tables)[:3] == [(1, "new"), (2, "new"), (5, "v5")]
    assert live(tables)[-2:] == [(99, "ninety-nine"), (100, "v4")]
    assert tables.rows("select id from items where _ps_deleted order by id") == [(3,), (4,)]
    assert tables.read() == {"items": 0}


def test_columns_added_dropped_renamed_and_widened(sql: Sql, tables: Tables) -> None:
    sql(ITEMS)
    tables.run()
    sql(
        "insert into items values (60, 'before', 1);"
        "alter table items add column extra int first;"
        "insert into items values (7, 61, 'added', 1);"
        "alter table items drop column n; insert into items values (8, 62, 'dropped');"
        "alter table items change v label varchar(300);"
        "insert into items values (9, 63, 'renamed');"
        "alter table items modify extra bigint; insert into items values (5000000000, 64, 'wide')"
    )
    tables.run()
    found = tables.rows("select id, extra, v, label from items where id >= 60 order by id")
    assert [row[:2] for row in found] == [(60, None), (61, 7), (62, 8), (63, 9), (64, 5000000000)]
    assert [row[3] for row in found[3:]] == ["renamed", "wide"]


def test_values_of_columns_that_are_gone_when_they_are_read_are_kept(
    sql: Sql, tables: Tables
) -> None:
    sql(
        "create table items (id int primary key, label varchar(30) character set latin1, n"
        " decimal(9,2), big bigint unsigned, moment datetime(3), b varbinary(9), kind enum('a'))"
    )
    tables.run()
    sql(
        "insert into items values (1, 'Grüße', 1.25, 18446744073709551615,"
        " '2024-02-29 12:00:00.125', x'00ff', 'a');"
        "alter table items rename column label to name, drop n, drop big, drop moment, drop b;"
        "alter table items drop kind; insert into items values (2, 'after')"
    )
    tables.run()
    moment = datetime(2024, 2, 29, 12, 0, 0, 125_000)  # noqa: DTZ001 (datetime has no zone)
    assert tables.rows(
        "select id, label, n, big, moment, b, kind, name from items order by id"
    ) == [
        (1, "Grüße", Decimal("1.25"), 2**64 - 1, moment, b"\x00\xff", None, None),
        (2, None, None, None, None, None, None, "after"),
    ]


def test_a_table_that_takes_the_name_of_another_is_told_of(sql: Sql, tables: Tables) -> None:
    sql(f"{ITEMS}; create table notes (id int primary key)")
    tables.run()
    sql(
        "create table fresh like items; insert into fresh values (1, 'fresh', 0);"
        "rename table items to items_old, fresh to items; insert into items values (2, 'new', 0);"
        "alter table notes rename column id to number"
    )
    told = tables.run().warnings
    named = {text.split(":")[0] for text in told if "RENAME" in text}
    assert "items" in named
    assert "notes" not in named


def test_a_truncate_is_told_and_flags_all_when_that_is_wanted(sql: Sql, tables: Tables) -> None:
    sql(ITEMS)
    tables.pipeline = {"on_source_truncate": "FLAG_ALL"}
    tables.run()
    sql("truncate table items; insert into items values (1, 'again', 0)")
    tables.run()
    assert live(tables) == [(1, "again")]


def test_tables_of_one_transaction_and_a_table_that_comes_later(sql: Sql, tables: Tables) -> None:
    sql(ITEMS + "; create table notes (id int primary key, v text)")
    tables.run()
    sql(
        "begin; insert into notes values (1, 'one'); update items set v = 'noted' where id = 1;"
        "commit; create table later (id int primary key, v text); insert into later values (1, 'x')"
    )
    tables.run()
    tables.run()
    assert live(tables)[0] == (1, "noted")
    assert live(tables, table="notes") == [(1, "one")]
    assert live(tables, table="later") == [(1, "x")]
    sql("drop table later; insert into notes values (2, 'two')")
    tables.run()
    assert live(tables, table="notes")[-1] == (2, "two")


def test_a_transaction_of_many_blocks_and_one_of_no_rows_for_us(sql: Sql, tables: Tables) -> None:
    sql(ITEMS)
    tables.run()
    sql(
        "insert into items select seq, repeat('x', 30), 0 from seq_1000_to_200000;"
        "update items set v = repeat('y', 30) where id >= 1000"
    )
    tables.run()
    assert tables.rows("select count(*), count(distinct id), min(v) from items where id > 999") == [
        (199_001, 199_001, "y" * 30)
    ]


def test_tables_that_keep_their_old_rows_are_for_the_other_modes(sql: Sql, tables: Tables) -> None:
    sql(
        f"{ITEMS}; create table kept (id int primary key, v int) with system versioning;"
        "insert into kept values (1, 1); update kept set v = 2; create view seen as select 1 as one"
    )
    assert tables.read() == {"items": 50}
    tables.source = {**tables.source, "mode": "TABLE"}
    tables.pipeline = {"objects": {"include": ["kept"]}}
    tables.run()
    assert tables.rows("select id, v from kept") == [(1, 2)]


def test_rows_without_a_key_are_appended(sql: Sql, tables: Tables) -> None:
    sql("create table loose (v text); insert into loose values ('a'), ('a')")
    tables.run()
    sql("insert into loose values ('b')")
    tables.run()
    assert tables.rows("select v from loose order by v") == [("a",), ("a",), ("b",)]


def test_values_without_a_place_become_failed_events(sql: Sql, tables: Tables) -> None:
    sql("create table clocks (id int primary key, t time); insert into clocks values (1, '10:00')")
    tables.run()
    sql("insert into clocks values (2, '-30:00:00'), (3, '11:00')")
    assert tables.tried().to_dict()["failed"] == 1
    assert tables.rows("select id, t::text from clocks order by id") == [
        (1, "10:00:00"),
        (3, "11:00:00"),
    ]


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("binlog_row_image", "MINIMAL", "source.row_image"),
        ("binlog_format", "STATEMENT", "source.binlog"),
    ],
)
def test_a_log_without_whole_rows_is_refused_with_the_remedy(
    sql: Sql, tables: Tables, setting: str, value: str, code: str
) -> None:
    sql(ITEMS)
    tables.run()
    sql(f"set session {setting} = '{value}'; update items set v = 'x' where id = 1")
    summary = tables.tried()
    assert summary.error is not None
    assert (summary.error["code"], "SET GLOBAL" in summary.error["hint"]) == (code, True)


def test_a_purged_log_is_told_with_the_gap(tmp_path: Path) -> None:
    with MariaServer(**settings()) as server, closing(server.connect()) as session:
        tables = Tables(tmp_path, {"type": "mysql", "url": server.url, "mode": "LOG_BASED"})
        cursor = session.cursor()
        for statement in ITEMS.split(";"):
            cursor.execute(statement)
        tables.run()
        cursor.execute("update items set v = 'lost' where id = 1")
        cursor.execute("flush binary logs")
        cursor.execute("update items set v = 'kept' where id = 2")
        cursor.execute("flush binary logs")
        _purge(cursor, "binlog.000003")
        summary = tables.tried()
        assert summary.error is not None
        assert summary.error["code"] == "OFFSET_EXPIRED"
        assert "binlog.000003" in summary.error["message"]
        tables.run(full_refresh=True)
        assert live(tables)[:2] == [(1, "lost"), (2, "kept")]


def _purge(cursor: Any, first: str) -> None:
    """A file can go once InnoDB has written what was committed in it, which it does by itself."""
    until = time.monotonic() + 60
    while True:
        cursor.execute(f"purge binary logs to '{first}'")
        cursor.execute("show binary logs")
        if cursor.fetchone()[0] == first:
            return
        assert time.monotonic() < until
        time.sleep(0.1)


def _kill_and_start(server: MariaServer) -> None:
    server.kill()
    server.start()


def test_following_goes_on_after_the_server_was_killed(tmp_path: Path) -> None:
    with MariaServer(durable=True, **settings()) as server:
        tables = Tables(tmp_path, {"type": "mysql", "url": server.url, "mode": "LOG_BASED"})
        with closing(server.connect()) as session, session.cursor() as cursor:
            for statement in ITEMS.split(";"):
                cursor.execute(statement)
        tables.run()
        for number in (1, 2):
            with closing(server.connect()) as session, session.cursor() as cursor:
                cursor.execute(f"update items set v = 'round {number}' where id = {number}")
            killer = threading.Timer(0.2, _kill_and_start, [server])
            killer.start()
            try:
                tables.tried()
            finally:
                killer.join()
        tables.run()
        assert live(tables)[:2] == [(1, "round 1"), (2, "round 2")]


def test_another_server_takes_over_by_the_ids_of_transactions(tmp_path: Path) -> None:
    first = {**settings(), "server_id": "11", "gtid_domain_id": "3"}
    second = {**settings(), "server_id": "12", "gtid_domain_id": "4", "log_slave_updates": "on"}
    with MariaServer(**first) as old, MariaServer(**second) as new:
        tables = Tables(tmp_path, {"type": "mysql", "url": old.url, "mode": "LOG_BASED"})
        with closing(new.connect()) as session, session.cursor() as cursor:
            cursor.execute(
                f"change master to master_host='127.0.0.1', master_port={old.port},"
                f" master_user='{USER}', master_password='{PASSWORD}', master_use_gtid=slave_pos"
            )
            cursor.execute("start slave")
        with closing(old.connect()) as session, session.cursor() as cursor:
            for statement in ITEMS.split(";"):
                cursor.execute(statement)
            tables.run()
            cursor.execute("update items set v = 'before' where id = 1")
            cursor.execute("select @@gtid_binlog_pos")
            (place,) = cursor.fetchone()
        with closing(new.connect()) as session, session.cursor() as cursor:
            cursor.execute(f"select master_gtid_wait('{place}', 60)")
            assert cursor.fetchone() == (0,)
            cursor.execute("stop slave")
            cursor.execute("update items set v = 'after' where id = 2")
        tables.source = {**tables.source, "url": new.url}
        summary = tables.run()
        assert live(tables)[:2] == [(1, "before"), (2, "after")]
        assert any("Another server answers" in item for item in summary.to_dict()["warnings"])
        assert tables.read() == {"items": 0}


def test_a_user_without_the_right_is_told_what_to_grant(
    sql: Sql, tables: Tables, log_url: str
) -> None:
    database = log_url.rpartition("/")[2]
    sql(
        ITEMS + "; create or replace user poor@'127.0.0.1' identified by 'secret';"
        f"grant select on {database}.* to poor@'127.0.0.1'"
    )
    tables.source = {**tables.source, "user": "poor", "password": "secret"}
    summary = tables.tried()
    assert summary.error is not None
    assert summary.error["code"] == "source.replication_rights"
    assert "GRANT REPLICATION SLAVE" in summary.error["hint"]


def test_children_that_go_with_their_parents_are_warned_of(sql: Sql, tables: Tables) -> None:
    sql(
        "create table parents (id int primary key);"
        "create table children (id int primary key, parent int,"
        " foreign key (parent) references parents (id) on delete cascade)"
    )
    warnings = tables.run().to_dict()["warnings"]
    assert any("Rows of children" in item for item in warnings)


def test_how_far_reading_is_behind_is_known_in_bytes_and_seconds(
    sql: Sql, tables: Tables, logging_server: MariaServer
) -> None:
    sql(ITEMS)
    summary = tables.run()
    assert (summary.source["lag_bytes"], summary.source["lag_seconds"]) == (0, 0.0)
    at = summary.objects[0].checkpoint
    sql(
        "create table texts (b text); insert into texts values (repeat('x', 5000));"
        "flush binary logs"
    )
    with closing(logging_server.connect()) as session:
        behind = Master(session, "penstock").behind(at["file"], at["offset"])
    assert behind is not None
    assert behind > 5000
    assert tables.run().source["lag_bytes"] == 0
