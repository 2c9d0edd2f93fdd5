"""The log gives the same values as reading the table."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from struct import unpack
from typing import Any

import pyarrow as pa
import pytest

from maria import MariaServer
from penstock.connectors.sources.mysql.config import Config
from penstock.connectors.sources.mysql.log.compressed import plain
from penstock.connectors.sources.mysql.log.decoder import Changes, Decoder, Shape
from penstock.connectors.sources.mysql.log.dump import Dump, free_server_id
from penstock.connectors.sources.mysql.log.master import Master
from penstock.connectors.sources.mysql.log.position import Position
from penstock.connectors.sources.mysql.log.shape import aligned
from penstock.connectors.sources.mysql.rows.query import QueryRows
from penstock.connectors.sources.mysql.server import MySqlServer
from penstock.connectors.sources.mysql.sessions import Sessions
from penstock.connectors.sources.mysql.types import Choices
from penstock.connectors.sources.mysql.words import MySqlWords, column

pytestmark = pytest.mark.mysql

Sql = Callable[[str], None]
COLUMNS = """
id int primary key, ti tinyint, tu tinyint unsigned, b1 tinyint(1), si smallint,
su smallint unsigned, mi mediumint, mu mediumint unsigned, i int, iu int unsigned zerofill,
bi bigint, bu bigint unsigned, y year, d1 decimal(65,30), d2 decimal(10,3), d3 decimal(38,0),
d4 decimal(9,9), f float, d double, bt bit(1), bn bit(13), ch char(5), c300 char(100) character set
utf8mb4, vc varchar(50) character set latin1, long_vc varchar(2000), tx mediumtext,
sj varchar(20) character set sjis, uc varchar(20) character set utf16,
en enum('a','b,"c','it''s'), st set('x','y','z'), js json, tb tinyblob, bb longblob,
bi16 binary(16),
vb varbinary(9), dt date, t0 time, t6 time(6), t3 time(3), m0 datetime, m6 datetime(6),
m1 datetime(1),
s0 timestamp null, s5 timestamp(5) null, g geometry, u uuid, ip inet6
"""
ROWS = r"""
insert into t values (1,-128,255,1,-32768,65535,-8388608,16777215,-2147483648,4294967295,
 -9223372036854775808,18446744073709551615,2155,
 12345678901234567890123456789012345.123456789012345678901234567891,1.500,
 -99999999999999999999999999999999999999,-0.123456789,0.1,0.1,b'1',b'1000000000001','ab',
 repeat('é',100),'café "q", x',repeat('w',2000),'line\n"two"\r\n😀 \\n','日本','日本😀','b,"c',
 'x,z',
 '{"a": "x\\ny"}',x'00ff',x'00ff0a0d2c22',x'ff00',x'0000','2024-02-29','23:59:59','23:59:59.999999',
 '00:00:00.001','1999-12-31 23:59:59','9999-12-31 23:59:59.999999','1000-01-01 00:00:00.9',
 '1970-01-01 00:00:01','2037-01-01 00:00:00.12345',
 st_geomfromtext('POLYGON((0 0,1 0,1 1.5,0 0),(0.1 0.1,0.2 0.1,0.2 0.2,0.1 0.1))'),
 '123e4567-e89b-12d3-a456-426614174000','::1');
insert into t (id) values (2);
insert into t values (3,0,0,0,0,0,0,0,0,0,0,0,0,-0.000000000000000000000000000001,-9999999.999,1,
 0.000000001,-3.4028234663852886e38,5e-324,0,0,'','','','','','','','','','""','','','','',
 '0000-00-00','00:00:00','00:00:00','00:00:00','2020-00-10 00:00:00',0,'2020-02-00',0,0,
 st_geomfromtext('MULTIPOINT(1 2,3 4)'),'ffffffff-ffff-7fff-bfff-ffffffffffff','fe80::1:2');
insert into t values (4,127,1,1,32767,1,8388607,1,2147483647,1,9223372036854775807,1,1901,
 -99999999999999999999999999999999999.999999999999999999999999999999,0.001,
 99999999999999999999999999999999999999,0.999999999,1e-45,-1.7976931348623157e308,1,8191,'a','',
 '€','',repeat('x',70000),'','','it''s','','null',repeat('a',255),repeat(x'00',70000),
 repeat(x'01',16),'','0001-01-01','01:02:03','01:02:03.000004','01:02:03.004','0001-01-01','2000-02-29',
 '2100-03-01','2038-01-19 03:14:07','2000-01-01',point(-1e300,1e-300),uuid(),'1:2:3:4:5:6:7:8')
"""


class Log:
    """A table `t` read in both ways."""

    def __init__(self, server: MariaServer, url: str) -> None:
        self.database = url.rpartition("/")[2]
        self.config = Config.model_validate({"url": url})
        self.sessions = Sessions(self.config, "test")
        self.server = server
        self.start = self._end()

    def _end(self) -> Position:
        with closing(self.sessions.connect()) as session:
            return Master(session, "test").end()

    def changes(self, key: tuple[int, ...] = (0,)) -> list[Changes]:
        columns = MySqlServer(self.config).definitions()[self.database, "t"]
        decoder = Decoder(
            lambda table: Shape(aligned(table, columns), key) if table.table == "t" else None,
            Choices(),
        )
        dump = Dump(self.sessions.connect(), free_server_id())
        dump.start(self.start, by_gtid=True)
        found: list[Changes] = []
        with closing(dump):
            for _ in range(100):
                events = dump.next(0.5)
                if events is None:
                    break
                found += decoder.feed(plain(events))
        return found

    def rows(self, changes: list[Changes]) -> pa.Table:
        names = list(changes[0].columns)
        return pa.Table.from_batches(
            [
                pa.RecordBatch.from_arrays([item.array for item in part.columns.values()], names)
                for part in changes
            ]
        )

    def table(self) -> pa.Table:
        columns = [
            column(item, Choices())
            for item in MySqlServer(self.config).definitions()[self.database, "t"]
        ]
        with closing(self.sessions.connect()) as session:
            rows = QueryRows(session, MySqlWords().select(columns, "t ORDER BY id"), columns)
            return pa.Table.from_batches([part.batch for part in rows.pieces()], rows.schema)


@pytest.fixture
def log(logging_server: MariaServer, log_url: str, sql: Sql) -> Log:
    sql("set sql_mode = ''; set time_zone = '+00:00'")
    return Log(logging_server, log_url)


@pytest.mark.parametrize("compress", [0, 1])
def test_every_type_comes_as_from_the_table(log: Log, sql: Sql, compress: int) -> None:
    sql(f"set global log_bin_compress = {compress}; set global log_bin_compress_min_len = 10")
    try:
        sql(f"create table t ({COLUMNS}) character set utf8mb4; {ROWS}")
    finally:
        sql("set global log_bin_compress = 0")
    changes = log.changes()
    there, found = log.table(), log.rows(changes)
    assert found.schema.names == there.schema.names
    for name in there.schema.names:
        assert found[name].type == there[name].type, name
        assert found[name].to_pylist() == there[name].to_pylist(), name


def test_updates_deletes_and_changed_keys_stand_in_order(log: Log, sql: Sql) -> None:
    sql(
        "create table t (id varchar(20) primary key, v int, b blob);"
        "insert into t values ('a', 1, 'x'), ('b', 2, null), ('c', 3, 'z');"
        "update t set v = v + 10; begin; update t set id = concat(id, id), v = 0 where v > 11;"
        "delete from t where id = 'a'; insert into t values ('a', 5, ''); commit"
    )
    changes = log.changes()
    ops = "".join(bytes(part.ops).decode() for part in changes)
    found = log.rows(changes).select(["id", "v"])
    assert ops == "IIIUUUDIDIDI"
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        ("a", 1), ("b", 2), ("c", 3), ("a", 11), ("b", 12), ("c", 13),
        ("b", 12), ("bb", 0), ("c", 13), ("cc", 0), ("a", 11), ("a", 5),
    ]  # fmt: skip


def test_narrow_and_wide_tables_and_rows_of_one_packet_more(log: Log, sql: Sql) -> None:
    wide = ", ".join(f"c{at} {('int', 'varchar(9)', 'datetime')[at % 3]}" for at in range(600))
    sql(
        f"create table t (id int primary key, {wide}, big longblob);"
        "insert into t (id, c7) select seq, seq % 5 from seq_1_to_300;"
        "insert into t (id, c598, big) values (1000, 'x', null)"
    )
    there, found = log.table(), log.rows(log.changes())
    assert found.num_rows == 301
    assert found.sort_by("id").equals(there)


def test_an_event_longer_than_a_packet(log: Log, sql: Sql) -> None:
    sql("create table t (id int primary key, big longblob);set global max_allowed_packet = 1 << 26")
    with closing(log.server.connect(log.database, max_allowed_packet=1 << 26)) as session:
        session.query("insert into t values (1, repeat('x', 17000000)), (2, 'y')")
    found = log.rows(log.changes())
    assert [len(value) for value in found["big"].to_pylist()] == [17_000_000, 1]


def test_generated_columns(log: Log, sql: Sql) -> None:
    sql(
        "create table t (id int primary key, a int, v int as (a + 1) virtual,"
        " s int as (a * 2) stored, z varchar(9));"
        "insert into t (id, a, z) values (1, 5, 'z'), (2, null, 'y')"
    )
    assert log.rows(log.changes()).equals(log.table())


def _random_rows(count: int) -> list[tuple[Any, ...]]:
    """Values over the whole range of their types, small and large ones alike."""
    dice = random.Random(20_240_229)

    def whole(low: int, high: int) -> int:
        return max(low, min(high, dice.randint(low, high) >> dice.randrange(64)))

    def decimal(digits: int, scale: int) -> Decimal:
        most = 10 ** dice.randint(0, digits) - 1
        # The context has 28 digits: scaling by text is exact.
        return Decimal(f"{dice.choice('-+')}{dice.randint(0, most)}e-{scale}")

    def text(most: int, last: int) -> str:
        codes = (dice.randrange(last) for _ in range(dice.randrange(most)))
        return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)

    start = dt.datetime(1, 1, 1)  # noqa: DTZ001 (datetime has no zone)
    return [
        (
            at, whole(-(2**63), 2**63 - 1), whole(0, 2**64 - 1), whole(-(2**23), 2**23 - 1),
            decimal(65, 30), decimal(20, 4), unpack("<d", dice.randbytes(7) + b"\x3f")[0],
            text(40, 0x1_0FFF), text(60, 0x7F), dice.randbytes(dice.randrange(50)),
            (start + dt.timedelta(dice.randrange(3_652_000))).date(),
            start + dt.timedelta(dice.randrange(3_652_000), 0, dice.randrange(86_400_000_000)),
            dt.timedelta(0, 0, dice.randrange(86_400_000_000)),
            dice.choice((None, text(9, 0x250))),
        )
        for at in range(count)
    ]  # fmt: skip


def test_a_hundred_thousand_random_values_come_exactly_from_both(log: Log, sql: Sql) -> None:
    sql(
        "create table t (id int primary key, i bigint, u bigint unsigned, m mediumint,"
        " d decimal(65,30), e decimal(20,4), f double, s varchar(50), l varchar(60) character set"
        " latin1, b varbinary(50), day date, at datetime(6), t time(6), n text)"
        " character set utf8mb4"
    )
    rows = _random_rows(7_200)
    with closing(log.server.connect(log.database)) as session, session.cursor() as cursor:
        cursor.executemany(f"insert into t values ({','.join(['%s'] * 14)})", rows)
    midnight = dt.datetime(2000, 1, 1)  # noqa: DTZ001 (a time of day has no zone)
    for found in (log.table(), log.rows(log.changes())):
        for place, name in enumerate(found.schema.names):
            wanted = [row[place] for row in rows]
            if name == "t":
                wanted = [(midnight + value).time() for value in wanted]
            assert found[name].to_pylist() == wanted, name


def test_names_with_signs_that_the_catalogue_escapes(log: Log, sql: Sql) -> None:
    sql(
        "create table t (id int primary key, e enum('a\\\\b','c\\nd','it''s','','\\\\n'),"
        " s set('x\\\\','\\ry'));"
        "insert into t values (1, 'a\\\\b', 'x\\\\,\\ry'), (2, 'c\\nd', '\\ry'), (3, 'it''s', ''),"
        " (4, '', null), (5, '\\\\n', 'x\\\\')"
    )
    found = log.rows(log.changes())
    assert found["e"].to_pylist() == ["a\\b", "c\nd", "it's", "", "\\n"]
    assert found.equals(log.table())


def test_addresses_are_written_as_the_server_writes_them(log: Log, sql: Sql) -> None:
    dice = random.Random(4291)
    words = [[dice.choice(("0", "0", "ffff", "1", "a0b0")) for _ in range(8)] for _ in range(3000)]
    found = ["::", "::1", "::1.2.3.4", "::ffff:1.2.3.4", "::ffff:0:1.2.3.4", "1:0:2:3:4:5:6:7"]
    found += [":".join(item) for item in words]
    sql("create table t (id int auto_increment primary key, ip inet6, four inet4)")
    with closing(log.server.connect(log.database)) as session, session.cursor() as cursor:
        cursor.executemany(
            "insert into t (ip, four) values (%s, '1.2.3.4')", [(ip,) for ip in found]
        )
    assert log.rows(log.changes()).equals(log.table())


def test_dates_that_no_month_has_become_failed_events(log: Log, sql: Sql) -> None:
    sql(
        "set sql_mode = 'ALLOW_INVALID_DATES';"
        "create table t (id int primary key, d date, m datetime(3));"
        "insert into t values (1, '2024-02-31', '2023-02-29 12:30:00.5'), (2, '2024-02-29', null),"
        "(3, '1900-02-29', '2024-11-31'), (4, null, '2000-12-31 23:59:59')"
    )
    (part,) = log.changes()
    day, moment = part.columns["d"], part.columns["m"]
    assert day.wrong == {
        0: "'2024-02-31' is no date",
        2: "'1900-02-29' is no date",
    }
    assert moment.wrong == {0: "'2023-02-29' is no date", 2: "'2024-11-31' is no date"}
    assert day.array.is_null().to_pylist() == [True, False, True, True]
    assert day.zero_dates == 0


ONE_BYTE = (
    "cp850 latin1 latin2 latin5 latin7 hp8 koi8r koi8u swe7 dec8 ascii hebrew tis620 greek cp1250 "
    "cp1251 cp1256 cp1257 cp852 cp866 macce macroman armscii8 geostd8 keybcs2"
)
MORE_BYTES = "big5 ujis sjis euckr gb2312 gbk cp932 eucjpms ucs2 utf16 utf16le utf32 utf8mb3"
TEXTS = ("日本 表 〜 －", "한국어 서울", "中文 測試", "~ \\ ¥", "漢字・かな！")


def test_every_character_set_comes_as_from_the_table(log: Log, sql: Sql) -> None:
    """All bytes of the sets of one byte; texts of the others."""
    one, more = ONE_BYTE.split(), MORE_BYTES.split()
    columns = ",".join(f"{name} varchar(20) character set {name}" for name in (*one, *more))
    sql(f"create table t (id int auto_increment primary key, {columns})")
    with closing(log.server.connect(log.database)) as session, session.cursor() as cursor:
        cursor.execute("set sql_mode = ''")
        for byte in range(1, 256):
            values = ",".join(f"_{name} 0x{byte:02x}" for name in one)
            cursor.execute(f"insert ignore into t ({','.join(one)}) values ({values})")
        insert = f"insert ignore into t ({','.join(more)}) values ({','.join(['%s'] * len(more))})"
        cursor.executemany(insert, [[text] * len(more) for text in TEXTS])
    there, (changes,) = log.table(), log.changes()
    found = log.rows([changes])
    for name in there.schema.names:
        pairs = zip(found[name].to_pylist(), there[name].to_pylist(), strict=True)
        # What is no character to the server is a question mark there, and mostly refused here.
        assert not [pair for pair in pairs if pair[0] != pair[1] and pair[1] != "?"], name
        assert name in ("ascii", "swe7") or len(changes.columns[name].wrong) < 60, name
