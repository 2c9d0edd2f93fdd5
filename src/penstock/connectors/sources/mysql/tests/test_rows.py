"""Rows of a real server as Arrow columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pymysql
import pytest

from maria import MariaServer
from penstock.connectors.sources.mysql import catalogue
from penstock.connectors.sources.mysql.rows.query import QueryRows
from penstock.connectors.sources.mysql.types import Choices
from penstock.connectors.sources.mysql.words import MySqlColumn, MySqlWords, column
from penstock.sdk.sql.reading import Blocks

if TYPE_CHECKING:
    Session = pymysql.Connection[Any]


@pytest.fixture
def session(maria_server: MariaServer, maria_url: str) -> Iterator[Session]:
    database = maria_url.rpartition("/")[2]
    start = "set time_zone='+00:00', sql_mode=''"
    with closing(maria_server.connect(database, init_command=start)) as session:
        yield session


def database_of(session: Session) -> str:
    assert isinstance(session.db, bytes)
    return session.db.decode()


def table(session: Session, columns: str, *rows: str) -> None:
    with session.cursor() as cursor:
        cursor.execute(f"create table t (id int primary key auto_increment, {columns})")
        for row in rows:
            cursor.execute(f"insert into t values (default, {row})")


def described(session: Session, choices: Choices) -> list[MySqlColumn]:
    with session.cursor() as cursor:
        cursor.execute(catalogue.COLUMNS.format(databases="table_schema = database()"))
        rows = cursor.fetchall()
        cursor.execute(catalogue.JSON_CHECKS.format(checked="constraint_schema = database()"))
        json = catalogue.json_columns(cursor.fetchall())
    (definitions,) = catalogue.definitions(rows, json).values()
    return [column(item, choices) for item in definitions if item.name != "id"]


def reader(session: Session, choices: Choices, block: int = 1 << 20, order: str = "") -> QueryRows:
    columns = described(session, choices)
    return QueryRows(session, MySqlWords().select(columns, "t" + order), columns, Blocks(block))


def read(session: Session, choices: Choices | None = None, **how: Any) -> pa.Table:
    source = reader(session, choices or Choices(), **how)
    return pa.Table.from_batches([part.batch for part in source.pieces()], source.schema)


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


VALUES = [
    ("tinyint", "-128", -128, pa.int16()),
    ("tinyint unsigned", "255", 255, pa.int32()),
    ("tinyint(1)", "1", True, pa.bool_()),
    ("smallint", "-32768", -32768, pa.int16()),
    ("smallint unsigned", "65535", 65535, pa.int32()),
    ("mediumint unsigned", "16777215", 16777215, pa.int32()),
    ("int", "-2147483648", -(2**31), pa.int32()),
    ("int unsigned zerofill", "42", 42, pa.int64()),
    ("bigint", "-9223372036854775808", -(2**63), pa.int64()),
    ("bigint unsigned", "18446744073709551615", Decimal(2**64 - 1), pa.decimal128(20, 0)),
    ("year", "2155", 2155, pa.int16()),
    ("decimal(10,3)", "-9999999.999", Decimal("-9999999.999"), pa.decimal128(10, 3)),
    ("decimal(65,0)", "9" * 65, Decimal("9" * 65), pa.decimal256(65, 0)),
    ("decimal(65,30)", "-0." + "1" * 30, Decimal("-0." + "1" * 30), pa.decimal256(65, 30)),
    ("float", "0.1", 0.10000000149011612, pa.float32()),
    ("float", "1e-45", 1.401298464324817e-45, pa.float32()),
    ("double", "1.7976931348623157e308", 1.7976931348623157e308, pa.float64()),
    ("double", "5e-324", 5e-324, pa.float64()),
    ("bit(1)", "b'1'", True, pa.bool_()),
    ("bit(13)", "b'1000000000001'", b"\x10\x01", pa.binary()),
    ("bit(64)", "b'11'", bytes(7) + b"\x03", pa.binary()),
    ("char(5)", "'ab'", "ab", pa.string()),
    ("varchar(50) character set latin1", "'caf\u00e9'", "caf\u00e9", pa.string()),
    ("varchar(50) character set sjis", "'\u65e5\u672c'", "\u65e5\u672c", pa.string()),
    ("varchar(50) character set utf16", "'\u65e5\U0001f600'", "\u65e5\U0001f600", pa.string()),
    ("text character set gbk", "'\u4e2d\u6587'", "\u4e2d\u6587", pa.string()),
    ("longtext", "''", "", pa.string()),
    ("longtext", "'NULL'", "NULL", pa.string()),
    ("longtext", "'a\\n\\r\\n\"b\",\\\\ \\0'", 'a\n\r\n"b",\\ \0', pa.string()),
    ("text", "x'0e0e610e'", "\x0e\x0ea\x0e", pa.string()),
    ("enum('a','b,\"c')", "2", 'b,"c', pa.string()),
    ("set('x','y','z')", "'x,z'", "x,z", pa.string()),
    ("blob", "x'00ff0a0d2c220e'", b"\x00\xff\n\r,\"\x0e", pa.binary()),
    ("blob", "''", b"", pa.binary()),
    ("binary(4)", "x'ff'", b"\xff\0\0\0", pa.binary()),
    ("date", "'1000-01-01'", dt.date(1000, 1, 1), pa.date32()),
    ("time(6)", "'23:59:59.999999'", dt.time(23, 59, 59, 999999), pa.time64("us")),
    ("datetime(6)", "'9999-12-31 23:59:59.999999'",
     moment("9999-12-31 23:59:59.999999"), pa.timestamp("us")),
    ("timestamp(3) null", "'2037-01-01 00:00:00.123'",
     dt.datetime(2037, 1, 1, 0, 0, 0, 123000, dt.UTC), pa.timestamp("us", "UTC")),
    ("point", "point(1.5,-2)", "POINT(1.5 -2)", pa.string()),
    ("uuid", "'123e4567-e89b-12d3-a456-426614174000'", "123e4567-e89b-12d3-a456-426614174000",
     pa.string()),
    ("inet6", "'::1'", "::1", pa.string()),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "literal", "value", "arrow"), VALUES)
def test_a_value_arrives_as_it_is_and_null_as_null(
    session: Session, kind: str, literal: str, value: object, arrow: pa.DataType
) -> None:
    table(session, f"a {kind}, b int", f"{literal}, 7", "null, 7")
    found = read(session)
    assert found.schema.types == [arrow, pa.int32()]
    assert found.to_pylist() == [{"a": value, "b": 7}, {"a": None, "b": 7}]


def test_values_survive_many_small_blocks(session: Session) -> None:
    with session.cursor() as cursor:
        cursor.execute("create table t (id int primary key, n bigint null, s text, b blob)")
        cursor.execute(
            "insert into t select seq, if(seq % 3, seq, null), repeat(char(97 + seq % 26),"
            " seq % 700), repeat(x'ff0e', seq % 50) from seq_1_to_4000"
        )
    found = read(session, block=1, order=" order by id")
    for at, row in enumerate(found.to_pylist(), start=1):
        assert row == {
            "n": at if at % 3 else None,
            "s": chr(97 + at % 26) * (at % 700),
            "b": b"\xff\x0e" * (at % 50),
        }
    assert found.num_rows == 4000


def test_zero_dates_become_null_and_are_counted(session: Session) -> None:
    table(
        session, "a date, b datetime(6), c timestamp null",
        "'0000-00-00', '2020-00-10 01:00:00', 0", "'2020-05-00', '2020-01-01', '2020-01-01'",
    )  # fmt: skip
    source = reader(session, Choices())
    (rows,) = source.pieces()
    assert rows.batch["a"].to_pylist() == [None, None]
    assert rows.batch["b"].to_pylist() == [None, moment("2020-01-01")]
    assert rows.refusals == ()
    assert source.zero_dates == {"a": 2, "b": 1, "c": 1}


def test_a_value_without_an_exact_twin_is_refused_and_the_other_rows_stay(
    session: Session,
) -> None:
    table(session, "a tinyint(1), b time", "1, '10:00'", "2, '10:00'", "0, '-838:59:59'")
    (rows,) = reader(session, Choices()).pieces()
    assert rows.batch.to_pylist() == [
        {"a": True, "b": dt.time(10)},
        {"a": None, "b": dt.time(10)},
        {"a": False, "b": None},
    ]
    assert [(item.index, item.column) for item in rows.refusals] == [(1, "a"), (2, "b")]
    assert rows.refusals[1].reason == "'-838:59:59' is no time of day"
    assert rows.texts[2] == {"a": "0", "b": "-838:59:59"}


def test_choices_read_the_same_values_exactly(session: Session) -> None:
    table(session, "a tinyint(1), b time(3)", "2, '-838:59:59'", "-1, '00:00:00.5'")
    found = read(session, Choices(tinyint1_is_boolean=False, time_is_text=True))
    assert found.to_pylist() == [
        {"a": 2, "b": "-838:59:59.000"},
        {"a": -1, "b": "00:00:00.500"},
    ]


def test_json_is_known_by_the_check_that_mariadb_gives_it(session: Session) -> None:
    table(session, "a json", """'{"a": "x,\\\\ny"}'""")
    found = read(session)
    assert isinstance(found.schema.field("a").type, pa.JsonType)
    assert found["a"].to_pylist() == ['{"a": "x,\\ny"}']


@pytest.mark.parametrize("limit", [1 << 24, 1 << 26])
def test_rows_past_a_packet_and_past_the_servers_limit(
    session: Session, maria_server: MariaServer, limit: int
) -> None:
    """16 MB is the server's own setting: lines that are longer come by the second query."""
    table(session, "a longblob, b longtext invisible")
    rows = [(b"x", "y"), (bytes(range(256)) * 36_000, '"\n' * 4_000_000), (b"", "z" * 16_700_000),
            (None, "last")]  # fmt: skip
    with session.cursor() as cursor:
        cursor.execute("set global max_allowed_packet = 1 << 26")
    with closing(maria_server.connect(database_of(session), max_allowed_packet=1 << 26)) as writer:
        for row in rows:
            writer.cursor().execute("insert into t (a, b) values (%s, %s)", row)
    with session.cursor() as cursor:
        cursor.execute(f"set global max_allowed_packet = {limit}")
    with closing(maria_server.connect(database_of(session))) as short:
        found = read(short)
    with session.cursor() as cursor:
        cursor.execute("set global max_allowed_packet = default")
    got = {(row["a"], row["b"]) for row in found.to_pylist()}
    assert got == set(rows)
    assert found.num_rows == len(rows)


def test_an_error_in_the_middle_is_raised_and_the_connection_closed(
    session: Session, maria_server: MariaServer
) -> None:
    with session.cursor() as cursor:
        cursor.execute("create table t (id int primary key, a int)")
        cursor.execute("insert into t select seq, seq from seq_1_to_2000")
        cursor.execute(
            "create function stop_at(n int) returns int deterministic begin if n = 1500 then"
            " signal sqlstate '45000' set message_text = 'enough'; end if; return n; end"
        )
    columns = described(session, Choices())
    sql = MySqlWords().select(columns, "(select stop_at(a) a from t) q")
    with pytest.raises(pymysql.MySQLError, match="enough"):
        list(QueryRows(session, sql, columns).pieces())
    assert not session.open


def test_rows_that_are_not_read_to_the_end_close_the_connection(session: Session) -> None:
    table(session, "a int", "1", "2")
    rows = reader(session, Choices()).pieces()
    next(rows)
    rows.close()
    assert not session.open
