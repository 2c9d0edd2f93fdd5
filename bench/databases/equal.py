"""Whether a copy is equal to its source: rows counted, and hashes of all rows summed.

Each row is written as one text, the same in every engine; the first 60 bits of its MD5 are
summed, so the order of the rows does not matter. Numbers and times are cast to the source's
type first: what is compared are values. Types that a tool changed are listed beside.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import duckdb
import psycopg
import pymysql

_TEXT = "coalesce({0}, '')"
# How a column of each kind is written as text: by engine.
_WRITTEN = {
    "postgres": {
        "int": "({0})::bigint::text", "cents": "(({0})::numeric(15,2) * 100)::bigint::text",
        "text": "rtrim(({0})::text)", "date": "to_char({0}, 'YYYY-MM-DD')",
        "instant": "to_char({0}, 'YYYY-MM-DD HH24:MI:SS.US')", "flag": "({0})::int::text",
        "eighths": "(({0})::float8 * 8)::bigint::text",
    },
    "duckdb": {
        "int": "cast({0} as bigint)::text",
        "cents": "cast(cast({0} as decimal(15,2)) * 100 as bigint)::text",
        "text": "rtrim(cast({0} as text))", "date": "strftime(cast({0} as date), '%Y-%m-%d')",
        "instant": "strftime(cast({0} as timestamp), '%Y-%m-%d %H:%M:%S.%f')",
        "flag": "cast(cast({0} as boolean) as int)::text",
        "eighths": "cast(cast({0} as double) * 8 as bigint)::text",
    },
    "mysql": {
        "int": "cast({0} as char)", "cents": "cast(cast({0} * 100 as signed) as char)",
        "text": "rtrim({0})", "date": "date_format({0}, '%Y-%m-%d')",
        "instant": "date_format({0}, '%Y-%m-%d %H:%i:%s.%f')", "flag": "cast({0} as char)",
        "eighths": "cast(cast({0} * 8 as signed) as char)",
    },
}  # fmt: skip
_SUM = {
    "postgres": "sum(('x' || substr(md5({row}), 1, 15))::bit(60)::bigint)",
    "duckdb": "sum(cast('0x' || substr(md5({row}), 1, 15) as bigint))",
    "mysql": "sum(cast(conv(substr(md5({row}), 1, 15), 16, 10) as unsigned))",
}
KINDS = {
    "orders": {
        "o_orderkey": "int", "o_custkey": "int", "o_orderstatus": "text", "o_totalprice": "cents",
        "o_orderdate": "date", "o_orderpriority": "text", "o_clerk": "text",
        "o_shippriority": "int", "o_comment": "text", "updated_at": "instant",
    },
    "accounts": {
        "id": "int", "owner": "text", "email": "text", "balance": "cents", "credit": "cents",
        "status": "int", "opened": "date", "score": "eighths", "note": "text", "visits": "int",
        "updated_at": "instant", "active": "flag",
    },
    "narrow": {"id": "int", "part": "int", "amount": "cents", "made": "instant"},
}  # fmt: skip


@dataclass(frozen=True)
class Print:
    """What equal tables have in common."""

    rows: int
    total: int


def engine_of(url: str) -> str:
    return url.split(":", 1)[0].replace("postgresql", "postgres")


def statement(engine: str, table: str, place: str, where: str = "") -> str:
    """Counts the rows of `place`, which has the columns of `table`, and sums their hashes."""
    columns = [
        _TEXT.format(_WRITTEN[engine][kind].format(name)) for name, kind in KINDS[table].items()
    ]
    row = f"concat_ws('|', {', '.join(columns)})"
    return f"select count(*), {_SUM[engine].format(row=row)} from {place} {where}"


def fingerprint(url: str, table: str, place: str = "", where: str = "") -> Print:
    """Of a table in a database, or of `duckdb:///file`."""
    engine = engine_of(url)
    rows = ask(url, statement(engine, table, place or table, where))
    count, total = rows[0]
    return Print(int(count), int(total or 0))


def types(url: str, place: str) -> dict[str, str]:
    """Type of each column of a copied table, by the engine's own words."""
    schema, _, name = place.rpartition(".")
    found = ask(
        url,
        "select column_name, data_type from information_schema.columns "
        f"where table_name = '{name}' and table_schema like '{schema or '%'}'",
    )
    return {str(column): str(kind) for column, kind in found}


def ask(url: str, query: str) -> list[tuple[object, ...]]:
    """Rows of a query, in any of the three engines."""
    engine = engine_of(url)
    if engine == "duckdb":
        with duckdb.connect(url.removeprefix("duckdb:///"), read_only=True) as file:
            return file.execute(query).fetchall()
    if engine == "postgres":
        with psycopg.connect(url) as connection:
            return connection.execute(query.encode()).fetchall()
    host, port, database = _parts(url)
    with closing(
        pymysql.connect(
            host=host, port=port, user="bench", password="bench", database=database,
            charset="utf8mb4",
        )
    ) as session, session.cursor() as cursor:  # fmt: skip
        cursor.execute(query)
        return list(cursor.fetchall())


def _parts(url: str) -> tuple[str, int, str]:
    place, _, database = url.rpartition("@")[2].partition("/")
    host, _, port = place.partition(":")
    return host, int(port), database
