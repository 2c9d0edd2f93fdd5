"""`penstock copy` from outside: real servers, one command, no workspace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from maria import MariaServer
from penstock.sandbox.activecampaign.box import Sandbox
from penstock.sandbox.activecampaign.options import SandboxOptions
from servers import PASSWORD, QUOTED_PASSWORD, PostgresServer
from truth import differences

HASHES = "hashes"
SHOP = """
CREATE TABLE orders (id int PRIMARY KEY, total numeric(12, 2), note text, made timestamptz);
INSERT INTO orders SELECT n, n * 1.25, 'order ' || n, timestamptz '2026-01-01Z' + n * interval '1 s'
  FROM generate_series(1, 5000) n;
CREATE TABLE log (line text);
INSERT INTO log SELECT 'line ' || n % 100 FROM generate_series(1, 3000) n;
CREATE TABLE "Odd name" ("Key" text PRIMARY KEY, data jsonb);
INSERT INTO "Odd name" VALUES ('a', '{"x": [1, null]}'), ('b', NULL);
CREATE SCHEMA sales;
CREATE TABLE sales.deals (id bigint PRIMARY KEY, name text);
INSERT INTO sales.deals VALUES (1, 'one'), (2, NULL);
"""


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        last: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        assert last["type"] == "summary", self.out
        return last

    @property
    def compared(self) -> dict[str, str]:
        """How each table was compared, once it is known that none differs."""
        found = self.summary["verification"]
        assert found["equal"], found
        assert not any(item["differs"] for item in found["objects"]), found
        return {item["table"]: item["method"] for item in found["objects"]}


@dataclass(frozen=True)
class Shell:
    """A folder to run commands in, with a folder for temporary files of its own."""

    root: Path

    def start(self, *line: str, **environ: str) -> subprocess.Popen[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PENSTOCK_", "PG"))}
        (self.root / "tmp").mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, "-m", "penstock", "copy", *line],
            cwd=self.root, stdin=subprocess.DEVNULL,
            env={**kept, "TMPDIR": str(self.root / "tmp"), "XDG_RUNTIME_DIR": str(self.root),
                 "PW": PASSWORD, **environ},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __call__(self, *line: str, code: int = 0, **environ: str) -> Ended:
        child = self.start(*line, **environ)
        out, err = child.communicate(timeout=120)
        assert child.returncode == code, err + out
        assert PASSWORD not in out + err
        return Ended(child.returncode, out, err)

    @property
    def states(self) -> list[Path]:
        return [item for item in (self.root / "tmp").iterdir() if "penstock-copy" in item.name]

    def duck(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.root / "x.db"), read_only=True) as connection:
            connection.execute("SET timezone = 'UTC'")
            return connection.sql(query).fetchall()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def shop(postgres_server: PostgresServer) -> Iterator[str]:
    """The URI of a database of its own, its password a reference."""
    name = f"copy{time.monotonic_ns()}"
    with psycopg.connect(postgres_server.url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"'.encode())
    with psycopg.connect(postgres_server.url_of(name)) as connection:
        connection.execute(SHOP)
    yield f"postgresql://penstock:${{PW}}@127.0.0.1:{postgres_server.port}/{name}"
    with psycopg.connect(postgres_server.url, autocommit=True) as server:
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def ask(uri: str, query: str) -> list[tuple[Any, ...]]:
    quoted = psycopg.conninfo.conninfo_to_dict(uri.replace("${PW}@", "@"))
    with psycopg.connect(**{**quoted, "password": PASSWORD}) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def test_postgres_into_duckdb_and_again(shell: Shell, shop: str) -> None:
    ended = shell(shop, "duckdb:///x.db", "--table", "public.*", "--json")
    assert ended.compared == {"orders": HASHES, "log": "counts", "odd_name": HASHES}
    assert ended.summary["loaded"] == 8002
    rows = "SELECT id, total, note, made FROM orders ORDER BY id"
    assert shell.duck(rows) == ask(shop, rows)
    assert shell.states == []

    # A copy is made anew: rows that are gone go, rows without a key do not come twice.
    ask(shop, "DELETE FROM orders WHERE id > 4000; UPDATE orders SET note = 'new' WHERE id = 1")
    ended = shell(shop, "duckdb:///x.db", "--table", "orders", "--table", "log")
    assert "Verified: 2 tables with 7,000 rows" in ended.out
    assert shell.duck(rows) == ask(shop, rows)
    assert shell.duck("SELECT count(*), count(DISTINCT line) FROM log") == [(3000, 100)]
    assert shell.duck("SELECT count(*) FROM odd_name") == [(2,)]
    assert shell.states == []


def test_postgres_into_postgres_with_schemas(shell: Shell, shop: str) -> None:
    tables = ("--table", "sales.*", "--table", "public.orders")
    ended = shell(shop, f"{shop}?schema=mart", *tables, "--json")
    made = "SELECT count(*) FROM mart.{}"
    counts = {table: ask(shop, made.format(table))[0][0] for table in ended.compared}
    assert sorted(counts.values()) == [2, 5000]


MARIA = """
CREATE TABLE orders (id int PRIMARY KEY, total decimal(12, 2), note varchar(40), made datetime(6));
INSERT INTO orders SELECT seq, seq * 1.25, concat('order ', seq),
  timestamp('2026-01-01') + interval seq second FROM seq_1_to_5000
"""


@pytest.fixture
def maria_shop(maria_server: MariaServer, maria_url: str) -> str:
    """The URI of a MariaDB database with orders, its password a reference."""
    database = maria_url.rpartition("/")[2]
    with closing(maria_server.connect(database)) as session, session.cursor() as cursor:
        for statement in MARIA.split(";"):
            cursor.execute(statement)
    return hidden(maria_url)


def hidden(url: str) -> str:
    return url.replace(QUOTED_PASSWORD, "${PW}")


def test_mysql_into_duckdb(shell: Shell, maria_shop: str) -> None:
    ended = shell(maria_shop, "duckdb:///x.db", "--json")
    assert set(ended.compared) == {"orders"}
    last = shell.duck("SELECT id, total, note, made::VARCHAR FROM orders ORDER BY id DESC LIMIT 1")
    assert last == [(5000, Decimal("6250.00"), "order 5000", "2026-01-01 01:23:20")]


def test_mysql_into_postgres(shell: Shell, maria_shop: str, shop: str) -> None:
    ended = shell(maria_shop, f"{shop}?schema=mart", "--table", "orders", "--json")
    assert set(ended.compared) == {"orders"}
    made = "SELECT count(*), sum(total) FROM mart.orders"
    assert ask(shop, made) == [(5000, Decimal("15628125.00"))]


def test_postgres_into_mysql(shell: Shell, shop: str, maria_url: str) -> None:
    ended = shell(shop, hidden(maria_url), "--table", "orders", "--table", "log", "--json")
    assert set(ended.compared) == {"orders", "log"}
    assert ended.summary["loaded"] == 8000


def test_mysql_into_mysql(shell: Shell, maria_server: MariaServer, maria_url: str) -> None:
    """Two databases of one server, by the other scheme, with names as they are written."""
    source, target = f"shop{time.monotonic_ns()}", maria_url.rpartition("/")[2]
    with closing(maria_server.connect(target)) as session, session.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {source}")
        for statement in MARIA.split(";"):
            cursor.execute(statement.replace(" orders ", f" {source}.`Order Lines` "))
        cursor.execute(f"CREATE TABLE {source}.log (line varchar(40), at datetime(6))")
        cursor.execute(f"INSERT INTO {source}.log VALUES ('a', now(6)), ('a', NULL)")
        uri = hidden(maria_url).replace("mysql://", "mariadb://")
        line = (uri.replace(target, source), uri, "--json")
        assert shell(*line, "--table", "Order Lines").compared == {"order_lines": HASHES}
        assert shell(*line).compared == {"order_lines": HASHES, "log": "counts"}
        names = "id, total, note, made"
        for table in (f"{source}.`Order Lines`", f"{target}.order_lines"):
            cursor.execute(f"SELECT count(*), sum(crc32(concat_ws('|', {names}))) FROM {table}")
            counted = cursor.fetchone()
            assert counted[0] == 5000
        cursor.execute(f"SELECT count(*) FROM {target}.log")
        assert cursor.fetchone() == (2,)
        cursor.execute(f"DROP DATABASE {source}")


@pytest.mark.parametrize("pattern", ["Odd name", "public.Odd name", "public.Odd*"])
def test_names_are_taken_as_they_are_written(shell: Shell, shop: str, pattern: str) -> None:
    ended = shell(shop, "duckdb:///x.db", "--table", pattern, "--json")
    assert ended.compared == {"odd_name": HASHES}
    refused = shell(shop, "duckdb:///x.db", "--table", "odd name", code=2)
    assert "Did you mean 'Odd name'" in refused.err


def test_activecampaign_into_duckdb(shell: Shell) -> None:
    with Sandbox(SandboxOptions(contacts=60, rate_limit=None)) as crm:
        uri = f"activecampaign://?api_url={crm.url}&rate_limit="
        ended = shell(
            uri, "duckdb:///x.db", "--table", "contacts", "--table", "deal*", "--json",
            AC_API_KEY=crm.token,
        )  # fmt: skip
        assert ended.compared["contacts"] == "rows"
        with duckdb.connect(str(shell.root / "x.db"), read_only=True) as connection:
            connection.execute("SET timezone = 'UTC'")
            stored = connection.sql("SELECT * FROM contacts").to_arrow_table().to_pylist()
        assert not differences(crm.rows("contacts"), stored, table="contacts")


def test_a_copy_that_was_killed_goes_on(shell: Shell, shop: str) -> None:
    """Tables that are done are not read again, and rows without a key do not come twice."""
    line = (shop, "duckdb:///x.db", "--table", "log", "--table", "orders", "--json")
    ask(shop, "ALTER TABLE orders RENAME TO orders_away")
    ask(shop, "CREATE VIEW orders AS SELECT *, pg_sleep(0.01) IS NULL AS slow FROM orders_away")
    child = shell.start(*line)
    try:
        deadline = time.monotonic() + 60
        while not _copied(shell, "log"):
            assert child.poll() is None, child.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    [state] = shell.states
    ask(shop, "DROP VIEW orders; ALTER TABLE orders_away RENAME TO orders")

    ended = shell(*line)
    assert f"remove {state} first" in ended.err
    assert [item["object"] for item in ended.summary["objects"]] == ["orders"]
    assert ended.compared == {"log": "counts", "orders": HASHES}
    assert shell.duck("SELECT count(*) FROM log") == [(3000,)]
    assert shell.states == []


@pytest.mark.parametrize("mode", ["append", "history"])
def test_rows_that_were_added_before_a_kill_are_not_added_again(
    shell: Shell, shop: str, mode: str
) -> None:
    line = (shop, "duckdb:///x.db", "--table", "deals", "--table", "orders", "--mode", mode)
    ask(shop, "ALTER TABLE sales.deals SET SCHEMA public")
    with psycopg.connect(shop.replace("${PW}", QUOTED_PASSWORD)) as other:
        other.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        child = shell.start(*line)
        try:
            _wait_for(lambda: _copied(shell, "deals"))
        finally:
            child.send_signal(signal.SIGKILL)
            child.communicate()
    ended = shell(*line, "--json")
    assert set(ended.compared) == {"deals", "orders"}
    assert shell.duck("SELECT count(*), count(DISTINCT id) FROM deals") == [(2, 2)]
    assert shell.duck("SELECT count(*), count(DISTINCT id) FROM orders") == [(5000, 5000)]


def test_a_statement_without_a_row_yet_is_stopped_soon(shell: Shell, shop: str) -> None:
    ask(shop, "CREATE VIEW idle AS SELECT 1 AS n FROM pg_sleep(600)")
    with shell.start(shop, "duckdb:///x.db", "--table", "idle", "--json") as child:
        _wait_for(lambda: ask(shop, RUNNING) != [(0,)])
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert ask(shop, RUNNING) == [(0,)]


@pytest.mark.mysql
def test_a_statement_of_mysql_without_a_row_yet_is_stopped_soon(
    shell: Shell, maria_server: MariaServer, maria_url: str
) -> None:
    running = "SELECT count(*) FROM information_schema.processlist WHERE state = 'User sleep'"
    with (
        closing(maria_server.connect(maria_url.rpartition("/")[2])) as session,
        session.cursor() as cursor,
    ):

        def sleeps() -> int:
            cursor.execute(running)
            return int(cursor.fetchone()[0])

        cursor.execute("CREATE VIEW idle AS SELECT sleep(600) AS n")
        with shell.start(hidden(maria_url), "duckdb:///x.db", "--json") as child:
            _wait_for(lambda: sleeps() > 0)
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=60)
        assert child.returncode == 130, err
        assert sleeps() == 0


RUNNING = """
SELECT count(*) FROM pg_stat_activity
WHERE wait_event = 'PgSleep' AND datname = current_database()
"""


def _wait_for(passed: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not passed():
        assert time.monotonic() < until
        time.sleep(0.1)


def _copied(shell: Shell, table: str) -> bool:
    if not (shell.root / "x.db").exists():
        return False
    try:
        names = shell.duck("SELECT table_name FROM duckdb_tables()")
    except duckdb.IOException:  # it is being written
        return False
    return (table,) in names


def test_a_copy_that_was_stopped_names_what_it_keeps(shell: Shell, shop: str) -> None:
    ask(shop, "CREATE VIEW slow AS SELECT n, pg_sleep(0.01) IS NULL AS s FROM "
        "generate_series(1, 500) n")  # fmt: skip
    line = (shop, "duckdb:///x.db", "--table", "slow", "--json")
    with shell.start(*line) as child:
        assert child.stdout is not None
        for told in child.stdout:
            if '"running": [{' in told:
                break
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    [state] = shell.states
    assert f"kept in {state}" in err
    assert json.loads(out.splitlines()[-1])["state"] == str(state)
    kept = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert PASSWORD.encode() not in kept
    assert shell(*line).compared == {"slow": "counts"}
    assert shell.states == []


def test_a_table_of_somebody_else_is_not_replaced(shell: Shell, shop: str) -> None:
    with duckdb.connect(str(shell.root / "x.db")) as connection:
        connection.execute("CREATE TABLE orders AS SELECT 1 AS mine")
    ended = shell(shop, "duckdb:///x.db", "--table", "orders", code=2)
    assert "a table orders that Penstock did not make" in ended.err
    assert shell.duck("SELECT mine FROM orders") == [(1,)]
    assert shell.states == []


def test_merge_adds_to_what_is_there(shell: Shell, shop: str) -> None:
    line = (shop, "duckdb:///x.db", "--table", "orders", "--mode", "merge", "--json")
    shell(*line)
    ask(shop, "INSERT INTO orders VALUES (9001, 1, 'late', now())")
    ended = shell(*line)
    assert ended.summary["inserted"] == 1
    assert ended.summary["unchanged"] == 5000
    assert shell.duck("SELECT count(*) FROM orders") == [(5001,)]


def test_a_difference_ends_with_4(shell: Shell, shop: str) -> None:
    """Somebody takes rows out of the table before it is compared."""
    away = "DELETE FROM {table} WHERE id <= 3"
    code = (
        "import sys\n"
        "import penstock.worker.copy as copy\n"
        "from penstock.cli.main import run\n"
        "import duckdb\n"
        "real = copy.verify\n"
        "def verify(*args, **more):\n"
        "    with duckdb.connect('x.db') as connection:\n"
        f"        connection.execute({away.format(table='orders')!r})\n"
        "    return real(*args, **more)\n"
        "copy.verify = verify\n"
        "run()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "copy", shop, "duckdb:///x.db", "--table", "orders"],
        cwd=shell.root, env={**os.environ, "PW": PASSWORD, "TMPDIR": str(shell.root)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert "Source and tables differ: orders." in done.stdout
    assert "missing in the table" in done.stdout


def test_an_end_out_of_reach_leaves_nothing_behind(shell: Shell) -> None:
    ended = shell("postgresql://u:hidden-word@127.0.0.1:1/d", "duckdb:///x.db", code=75)
    assert "hidden-word" not in ended.err + ended.out
    assert "holds a secret in clear text" in ended.err
    assert shell.states == []


def test_without_verification_nothing_is_compared(shell: Shell, shop: str) -> None:
    ended = shell(shop, "duckdb:///x.db", "--table", "log", "--no-verify", "--json")
    assert ended.summary["verification"] is None
    assert ended.code == 0
