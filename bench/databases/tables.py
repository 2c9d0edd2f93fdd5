"""Tables that every tool copies; the same numbers give the same rows, always."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg

from servers import program

# Orders in the shape of TPC-H, with a time of change.
_ORDERS = """
    o_orderkey bigint primary key, o_custkey bigint not null, o_orderstatus char(1) not null,
    o_totalprice {decimal}(15,2) not null, o_orderdate date not null,
    o_orderpriority char(15) not null, o_clerk char(15) not null, o_shippriority int not null,
    o_comment varchar(79) not null, updated_at {instant} not null
"""
_ORDERS_ROWS = """
insert into orders
select n * 4 - 3 + n % 4, 1 + (n * 7919) % 150000, (array['O','F','P'])[1 + n % 3],
    ((n * 104729) % 50000000) / 100.0 + 900, date '1992-01-01' + ((n * 31) % 2400)::int,
    (array['1-URGENT','2-HIGH','3-MEDIUM','4-NOT SPECIFIED','5-LOW'])[1 + n % 5],
    'Clerk#' || lpad(((n * 17) % 1000)::text, 9, '0'), 0,
    substr(md5(n::text) || ' ' || md5((n + 1)::text) || ' furiously', 1, 20 + (n % 58)::int),
    timestamp '2020-01-01' + n * interval '1 second'
from generate_series(1, {rows}::bigint) n
"""
# By the clock, as applications do.
_ORDERS_CHANGE = """
update orders set o_totalprice = o_totalprice + 1, o_comment = 'changed ' || o_orderkey,
    updated_at = localtimestamp
where (o_orderkey / 4) % {every} = {round} % {every}
"""
# Twelve columns of the usual kinds, for changes.
_ACCOUNTS = """
    id bigint primary key, owner varchar(40) not null, email varchar(60) not null,
    balance {decimal}(15,2) not null, credit {decimal}(15,2), status int not null,
    opened date not null, score {double} not null, note varchar(80), visits bigint not null,
    updated_at {instant} not null, active boolean not null
"""
_ACCOUNTS_ROWS = """
insert into accounts
select n, 'Owner ' || md5(n::text), 'mail' || n || '@example.com', (n * 7919 % 1000000) / 100.0,
    case when n % 5 = 0 then null else (n * 31 % 5000000) / 100.0 end, n % 7,
    date '2015-01-01' + (n % 3000)::int, n / 8.0,
    case when n % 3 = 0 then null else 'note ' || md5((n * 3)::text) end, 0,
    timestamp '2026-01-01' + n * interval '1 second', n % 2 = 0
from generate_series(1, {rows}::bigint) n
"""
_NARROW = (
    "id bigint primary key, part int not null, amount {decimal}(12,2) not null, made {instant}"
)
_NARROW_ROWS = """
insert into narrow
select n, n % 1000, (n * 7919 % 10000000) / 100.0, timestamp '2026-01-01' + n * interval '1 second'
from generate_series(1, {rows}::bigint) n
"""
COLUMNS = {"orders": _ORDERS, "accounts": _ACCOUNTS, "narrow": _NARROW}
_ROWS = {"orders": _ORDERS_ROWS, "accounts": _ACCOUNTS_ROWS, "narrow": _NARROW_ROWS}
_POSTGRES = {"decimal": "numeric", "instant": "timestamp", "double": "float8"}
_MARIA = {"decimal": "decimal", "instant": "datetime", "double": "double"}


def create_postgres(url: str, table: str) -> None:
    execute(url, f"create table {table} ({COLUMNS[table].format(**_POSTGRES)})")


def fill_postgres(url: str, table: str, rows: int) -> None:
    """Make and fill one of the tables."""
    create_postgres(url, table)
    execute(url, _ROWS[table].format(rows=rows), f"vacuum analyze {table}", "checkpoint")


def fill_maria(client: list[str], postgres_url: str, table: str, folder: Path) -> None:
    """The same table in MariaDB, from a dump of PostgreSQL's.

    Args:
        client: command of MariaDB's client, connected to the database.
    """
    dump = folder / f"{table}.tsv"
    query = f"select * from {table}"
    if table == "accounts":
        query = f"select {', '.join(_names(table)[:-1])}, active::int from accounts"
    with dump.open("wb") as out:
        psql = [program("psql"), postgres_url, "-qXc", f"copy ({query}) to stdout"]
        subprocess.run(psql, check=True, stdout=out)
    script = (
        f"create table {table} ({COLUMNS[table].format(**_MARIA)});"
        f"load data local infile '{dump}' into table {table}; analyze table {table};"
    )
    words = [*client, "--local-infile=1", "-e", script]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    dump.unlink()


def change_orders(url: str, rows: int, changed: int, turn: int) -> None:
    """Change about `changed` rows, spread over the whole table, with times later than all."""
    every = max(1, rows // changed)
    execute(url, _ORDERS_CHANGE.format(every=every, round=turn), "vacuum analyze orders")
    execute(url, "checkpoint")


def execute(url: str, *statements: str) -> None:
    """Run statements in PostgreSQL, each its own transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _names(table: str) -> list[str]:
    return [part.split()[0] for part in COLUMNS[table].replace("(15,2)", "").split(",")]
