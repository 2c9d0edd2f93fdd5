"""Values of every type arrive as they are, in DuckDB and in PostgreSQL."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import duckdb
import psycopg
import pytest

from tables import Tables

pytestmark = pytest.mark.postgres

Make = Callable[[random.Random], Any]
ROWS: Final = 3_500
"""With 29 columns: more than 100,000 values."""


def _text(chance: random.Random) -> str:
    alphabet = "abcXYZ019 \t\n\r\"'\\,;|{}NULLäßé漢字🚰\x01\x7f"
    return "".join(chance.choice(alphabet) for _ in range(chance.choice((0, 1, 3, 12, 60))))


def _decimal(whole: int, scale: int) -> Make:
    def make(chance: random.Random) -> Decimal:
        digits = chance.randint(0, 10 ** chance.randint(1, whole + scale) - 1)
        # Not by a context: it would round.
        return Decimal((chance.randint(0, 1), tuple(map(int, str(digits))), -scale))

    return make


def _whole(bits: int) -> Make:
    edges = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0, -1)
    return lambda chance: (
        chance.choice(edges) if chance.random() < 0.2 else chance.randint(edges[0], edges[1])
    )


def _float(chance: random.Random) -> float:
    edges = (0.0, -0.0, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf"), 0.1)
    return chance.choice(edges) if chance.random() < 0.3 else chance.uniform(-1e18, 1e18)


def _moment(chance: random.Random) -> datetime:
    """Without a zone, between the first and the last that Python has."""
    edges = ("0001-01-01T00:00:00", "9999-12-31T23:59:59.999999", "1970-01-01T00:00:00")
    start = datetime.fromisoformat(chance.choice(edges[:1] if chance.random() < 0.1 else edges[2:]))
    if chance.random() < 0.2:
        return datetime.fromisoformat(chance.choice(edges))
    return start + timedelta(microseconds=chance.randint(0, 4 * 10**15))


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def _json(chance: random.Random) -> Any:
    return chance.choice([None, 1, 'a"b\n', [1, {"ä": None}], {"n": {"deep": [True, 1.5]}}, []])


def _same(value: Any) -> Any:
    return value


def _as_json(value: Any) -> Any:
    """DuckDB gives JSON as text, the driver of PostgreSQL as what it says."""
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


TYPES: Final[Mapping[str, tuple[Make, Callable[[Any], Any]]]] = {
    "smallint": (_whole(16), _same),
    "integer": (_whole(32), _same),
    "bigint": (_whole(64), _same),
    "oid": (lambda chance: chance.randint(0, 2**32 - 1), _same),
    "boolean": (lambda chance: chance.random() < 0.5, _same),
    "double precision": (_float, _same),
    "real": (lambda chance: chance.choice((1.5, -0.25, -(2.0**-126), float("inf"))), _same),
    "numeric(15,2)": (_decimal(13, 2), _same),
    "numeric(38,0)": (_decimal(38, 0), _same),
    "numeric(38,38)": (_decimal(0, 38), _same),
    "numeric(60,20)": (_decimal(40, 20), Decimal),
    "numeric": (_decimal(20, 10), Decimal),
    "date": (lambda chance: _moment(chance).date(), _same),
    "time": (lambda chance: _moment(chance).time(), _same),
    "timestamp": (_moment, _same),
    "timestamptz": (lambda chance: _moment(chance).replace(tzinfo=UTC), _utc),
    "bytea": (lambda chance: chance.randbytes(chance.choice((0, 1, 5, 300))), bytes),
    "text": (_text, _same),
    "varchar(70)": (_text, _same),
    "uuid": (lambda chance: UUID(int=chance.getrandbits(128)), lambda v: UUID(str(v))),
    "jsonb": (lambda chance: json.dumps(_json(chance)), _as_json),
    "mood": (lambda chance: chance.choice(("sad", "so, so", "hap\"py")), _same),
    "int[]": (lambda chance: [chance.randint(-9, 9) for _ in range(chance.randint(0, 3))], _same),
    "inet": (lambda chance: f"10.{chance.randint(0, 255)}.0.1", _same),
    "money": (lambda chance: Decimal(chance.randint(-(10**15), 10**15)) / 100, _same),
    "bit(12)": (lambda chance: f"{chance.getrandbits(12):012b}", _same),
    "bit(1)": (lambda chance: str(chance.getrandbits(1)), _same),
    "interval": (lambda chance: f"{chance.randint(-50, 50)} days", _same),
    "positive": (lambda chance: chance.randint(1, 99), _same),
}  # fmt: skip
AS_STORED: Final[Mapping[str, Callable[[Any], Any]]] = {
    "jsonb": json.loads,
    "int[]": lambda v: "{" + ",".join(map(str, v)) + "}",
    "bit(12)": lambda v: int(v.ljust(16, "0"), 2).to_bytes(2, "big"),
    "bit(1)": lambda v: v == "1",
    "interval": lambda v: {"0 days": "00:00:00", "1 days": "1 day"}.get(v, v),
    "positive": str,
}  # fmt: skip


def _filled(sql: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """A table with generated values; each is null now and then."""
    chance = random.Random(20)
    sql.execute("create type mood as enum ('sad', 'so, so', 'hap\"py')")
    sql.execute("create domain positive as int check (value > 0)")
    columns = ", ".join(f'"{name}" {name}' for name in TYPES)
    sql.execute(f"create table everything (id int primary key, {columns})".encode())
    rows = [
        {name: None if chance.random() < 0.1 else make(chance) for name, (make, _) in TYPES.items()}
        for _ in range(ROWS)
    ]
    with sql.cursor().copy("copy everything from stdin") as copy:
        for number, row in enumerate(rows):
            copy.write_row([number, *(_written(name, row[name]) for name in TYPES)])
    return rows


def _written(name: str, value: Any) -> Any:
    if value is None or name == "bytea":
        return value
    if name == "int[]":
        return "{" + ",".join(map(str, value)) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _wanted(name: str, value: Any) -> Any:
    return AS_STORED.get(name, _same)(value) if value is not None else None


def _compare(rows: list[dict[str, Any]], stored: list[tuple[Any, ...]]) -> list[str]:
    assert [row[0] for row in stored] == list(range(len(rows)))
    return [
        f"row {row[0]}, {name}: {given!r} is {found!r}"
        for wanted, row in zip(rows, stored, strict=True)
        for (name, given), found in zip(wanted.items(), row[1:], strict=True)
        if _wanted(name, given) != (None if found is None else TYPES[name][1](found))
    ]


def test_generated_values_into_duckdb(sql: psycopg.Connection[Any], tables: Tables) -> None:
    rows = _filled(sql)
    tables.pipeline = {"name_style": "off"}
    assert tables.read() == {"everything": ROWS}
    columns = ", ".join(f'"{name}"' for name in TYPES)
    with duckdb.connect(str(tables.root / "out.duckdb")) as connection:
        connection.execute("set timezone = 'UTC'")
        query = f"select id, {columns} from everything order by id"
        stored = connection.execute(query).fetchall()
    assert _compare(rows, stored) == []


def test_generated_values_into_postgresql(
    sql: psycopg.Connection[Any], tables: Tables, postgres_url: str
) -> None:
    rows = _filled(sql)
    tables.destination = {"type": "postgres", "url": postgres_url, "schema": "copied"}
    tables.pipeline = {"name_style": "off"}
    assert tables.read() == {"everything": ROWS}
    columns = ", ".join(f'"{name}"' for name in TYPES)
    with closing(psycopg.connect(postgres_url)) as connection:
        connection.execute("set timezone = 'UTC'")
        query = f"select id, {columns} from copied.everything order by id"
        stored = connection.execute(query.replace("%", "%%").encode()).fetchall()
    assert _compare(rows, stored) == []


ODD: Final = {
    "timestamp": [
        "infinity",
        "-infinity",
        "294276-12-31 23:59:59.999999",
        "0044-03-15 00:00:00 BC",
    ],
    "timestamptz": ["infinity", "294276-12-31 23:59:59.999999+00", "0001-12-31 00:00:00+00 BC"],
    "date": ["infinity", "5874897-12-31", "4713-01-01 BC"],
    "time": ["24:00:00"],
    "numeric(12,2)": ["NaN"],
    "numeric": ["NaN", "Infinity", "-Infinity"],
}


@pytest.mark.parametrize("kind", ODD)
def test_values_without_a_place_are_failed_events_or_text(
    sql: psycopg.Connection[Any], tables: Tables, kind: str
) -> None:
    values = ODD[kind]
    if kind == "numeric" and sql.info.server_version < 140_000:
        values = ["NaN"]  # it had no infinite numerics
    sql.execute(f"create table odd (id int primary key, v {kind})".encode())
    good = "12.5" if kind.startswith("numeric") else "12:00:00" if kind == "time" else "2025-01-01"
    for number, value in enumerate([good, *values, None]):
        sql.execute("insert into odd values (%s, %s)", [number, value])
    summary = tables.tried()
    assert (summary.totals.failed, summary.totals.loaded) == (len(values), 2)
    assert tables.rows("select id from odd order by id") == [(0,), (len(values) + 1,)]
    (tables.root / "out.duckdb").unlink()
    tables.source = {**tables.source, "unusual_values": "text"}
    assert tables.read(full_refresh=True) == {"odd": len(values) + 2}
    stored = tables.rows("select v from odd order by id")
    assert [row[0] for row in stored[1:]] == [*values, None]


def test_numbers_without_declared_digits_keep_every_digit(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    """They come as decimals while those can hold them, and as text beyond."""
    values = ["0.1", "-12345678901234567890.12", "1e-30", "9" * 60, "7" * 100 + "." + "3" * 40]
    sql.execute("create table n (id serial primary key, v numeric)")
    for value in values:
        sql.execute("insert into n (v) values (%s::numeric)", [value])
        tables.run()
    stored = [Decimal(row[0]) for row in tables.rows("select v::varchar from n order by id")]
    assert stored == [Decimal(value) for value in values]


def test_numbers_of_which_only_nulls_were_seen_have_no_column_yet(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute("create table n (id int primary key, v numeric)")
    sql.execute("insert into n values (1, null)")
    assert tables.read() == {"n": 1}
    sql.execute("insert into n values (2, 5.5)")
    assert tables.read() == {"n": 2}
    assert tables.rows("select id, v from n order by id") == [(1, None), (2, Decimal("5.5"))]


def test_texts_that_look_like_nothing_stay_texts(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute("create table t (v text primary key)")
    values = ["", "NULL", "\\N", "\\.", '"', '""', ",", "\n", "\r\n", " ", "null", 'a\nb,"c"']
    for value in values:
        sql.execute("insert into t values (%s)", [value])
    tables.run()
    assert sorted(row[0] for row in tables.rows("select v from t")) == sorted(values)


def test_one_column_of_nulls(sql: psycopg.Connection[Any], tables: Tables) -> None:
    sql.execute("create table t (v text); insert into t select null from generate_series(1, 7)")
    tables.run()
    assert tables.rows("select count(*), count(v) from t") == [(7, 0)]


def test_a_row_of_many_megabytes_and_line_ends(
    sql: psycopg.Connection[Any], tables: Tables
) -> None:
    sql.execute("create table t (id int primary key, v text)")
    sql.execute("insert into t select n, repeat(E'line \"' || n || E'\"\\n', 700000) "
                "from generate_series(1, 3) n")  # fmt: skip
    tables.run()
    assert tables.rows("select id, length(v) from t order by id") == [
        (n, len(f'line "{n}"\n') * 700_000) for n in (1, 2, 3)
    ]
