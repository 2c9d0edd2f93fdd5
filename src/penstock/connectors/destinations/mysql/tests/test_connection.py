"""Reaching a real server: TLS, rights, locks, restarts, and many at once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest

from certificates import Authority
from maria import MariaServer
from penstock.connectors.destinations.mysql.config import Config
from penstock.connectors.destinations.mysql.connection import RowsConnection
from penstock.connectors.destinations.mysql.destination import MySql
from penstock.connectors.destinations.mysql.tx import MySqlTx
from penstock.core.errors import (
    AuthError,
    ConfigError,
    DataError,
    Interrupted,
    PenstockError,
    TransientError,
)
from penstock.core.load import Receipt, TableLoad
from penstock.sdk.conformance.kit import Loads, read

pytestmark = pytest.mark.mysql

Open = Callable[..., MySql]


@pytest.fixture
def connect() -> Iterator[Open]:
    """Opens destinations with settings; they are closed at the end."""
    made: list[MySql] = []

    def one_more(url: str, **settings: Any) -> MySql:
        made.append(MySql(Config.model_validate({"url": url, **settings})))
        return made[-1]

    yield one_more
    for destination in made:
        destination.close()


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


def put(destination: MySql, load: TableLoad) -> Receipt:
    destination.evolve(load.table, load.schema, load.key, mode=load.mode)
    return destination.load(load)


def code_of(destination: MySql) -> str | None:
    with pytest.raises(PenstockError) as raised:
        destination.ledger("p")
    return raised.value.code


def test_tls_is_used_and_the_certificate_checked(tmp_path: Path, connect: Open) -> None:
    authority, stranger = Authority(tmp_path, "ours"), Authority(tmp_path, "stranger")
    with MariaServer(tls=authority.server("127.0.0.1")) as server:
        for mode in ("prefer", "require", "verify-ca", "verify-full"):
            root = {"sslrootcert": str(authority.file)} if mode.startswith("verify") else {}
            with closing(connect(server.url, sslmode=mode, **root)) as destination:
                cipher = destination.query("show session status like 'Ssl_cipher'")
                assert cipher.column(1).to_pylist() != [""]
        wrong = {"sslmode": "verify-full", "sslrootcert": str(stranger.file)}
        assert code_of(connect(server.url, **wrong)) == "destination.tls"
        missing = {"sslmode": "verify-ca", "sslrootcert": str(tmp_path / "nowhere")}
        assert code_of(connect(server.url, **missing)) == "destination.tls"
        elsewhere = server.url.replace("127.0.0.1", "localhost")
        right = {"sslmode": "verify-full", "sslrootcert": str(authority.file)}
        assert code_of(connect(elsewhere, **right)) == "destination.tls"


def test_tls_that_the_server_lacks_is_an_error(maria_url: str, connect: Open) -> None:
    assert code_of(connect(maria_url, sslmode="require")) == "destination.tls"


def test_who_may_not_come_in_is_told_why(maria_url: str, connect: Open) -> None:
    with pytest.raises(AuthError) as raised:
        connect(maria_url, user="nobody", password="x").ledger("p")
    assert raised.value.code == "destination.auth"
    assert code_of(connect(maria_url, database="nowhere")) == "destination.no_database"
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        silence = connect(maria_url, port=port, connect_timeout=1)
        assert code_of(silence) == "destination.unreachable"
    assert code_of(connect(maria_url, port=port)) == "destination.unreachable"


def test_missing_rights_come_with_the_statement_that_grants_them(
    maria_server: MariaServer, maria_url: str, connect: Open, loads: Loads
) -> None:
    database = maria_url.rpartition("/")[2]
    low = {"user": "low", "password": "p"}
    with closing(maria_server.connect()) as admin, admin.cursor() as cursor:
        cursor.execute("create or replace user low@'127.0.0.1' identified by 'p'")
        cursor.execute(f"grant select on `{database}`.* to low@'127.0.0.1'")
        with pytest.raises(ConfigError) as raised:
            put(connect(maria_url, **low), loads([{"id": 1, "v": "a"}]))
        assert raised.value.code == "destination.rights"
        grant = (raised.value.hint or "").removeprefix("Let an administrator run: ")
        cursor.execute(grant.replace("'low'@'...'", "low@'127.0.0.1'"))
        assert put(connect(maria_url, **low), loads([{"id": 1, "v": "a"}])).inserted == 1
        assert all(step.ok for step in connect(maria_url, **low).check())
        cursor.execute("drop user low@'127.0.0.1'")


def test_a_user_who_may_not_lengthen_a_column_has_the_row_refused(
    maria_server: MariaServer, maria_url: str, connect: Open, loads: Loads
) -> None:
    database = maria_url.rpartition("/")[2]
    put(connect(maria_url), loads([{"id": 0, "v": "a"}]))
    with closing(maria_server.connect(database)) as admin, admin.cursor() as cursor:
        cursor.execute("create or replace user few@'127.0.0.1' identified by 'p'")
        rights = "select, insert, update, delete, create temporary tables"
        cursor.execute(f"grant {rights} on `{database}`.* to few@'127.0.0.1'")
        few = connect(maria_url, user="few", password="p")
        for kind, size in (("varchar(5)", 6), ("tinytext", 256)):
            cursor.execute(f"alter table people modify v {kind}")
            load = loads([{"id": 1, "v": "x" * size}, {"id": 2, "v": "y"}])
            with pytest.raises(DataError):
                put(few, load)
            refused = few.refused(load)
            assert [(item.index, item.code) for item in refused] == [(0, "VALUE_TOO_LONG")]
        cursor.execute("drop user few@'127.0.0.1'")


def test_a_locked_row_is_waited_for_and_then_told(
    maria_server: MariaServer, maria_url: str, connect: Open, loads: Loads
) -> None:
    destination = connect(maria_url, lock_timeout=1)
    put(destination, loads([{"id": 1, "v": "a"}]))
    with closing(maria_server.connect(maria_url.rpartition("/")[2])) as other:
        other.begin()
        with other.cursor() as cursor:
            cursor.execute("select * from people for update")
        # Rows that change nothing wait for nobody.
        assert put(destination, loads([{"id": 1, "v": "a", "at": 200}])).unchanged == 1
        changed = loads([{"id": 1, "v": "b", "at": 200}])
        with pytest.raises(TransientError) as raised:
            put(destination, changed)
        assert raised.value.code == "destination.busy"
        other.rollback()
    assert put(destination, changed).updated == 1


def test_a_load_goes_on_after_the_server_was_killed(connect: Open, loads: Loads) -> None:
    with MariaServer(durable=True) as server:
        destination = connect(server.url)
        put(destination, loads([{"id": 1, "v": "a"}]))
        later = loads([{"id": 1, "v": "b", "at": 200}])
        with pytest.raises(TransientError):
            killed_before_commit(destination, later, server)
        with pytest.raises(TransientError) as raised:
            put(destination, later)
        assert raised.value.code == "destination.unreachable"
        server.start()
        assert put(destination, later).updated == 1
        assert read(destination, "id", "v") == [(1, "b")]


def killed_before_commit(destination: MySql, load: TableLoad, server: MariaServer) -> None:
    with destination.transaction() as tx:
        destination.apply_in(tx, load)
        server.kill()


def test_rows_go_by_insert_where_the_server_takes_no_files(connect: Open, loads: Loads) -> None:
    with MariaServer(local_infile="off") as server:
        destination = connect(server.url)
        assert put(destination, loads([{"id": 1, "v": "a'\\b"}])).inserted == 1
        assert put(destination, loads([{"id": 1, "v": "c", "at": 200}])).updated == 1
        assert read(destination, "id", "v") == [(1, "c")]


def test_no_file_is_sent_whatever_the_server_asks_for(
    maria_url: str, connect: Open, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key of this machine\n", encoding="utf-8")
    destination = connect(maria_url)
    with destination.transaction() as tx:
        tx.run("CREATE TEMPORARY TABLE stolen (line text)")
        # To the driver this is the answer of a server that turns a question into a request.
        with pytest.raises(pymysql.OperationalError, match="asked for a file"):
            tx.run(f"LOAD DATA LOCAL INFILE '{secret}' INTO TABLE stolen")
        assert tx.rows("SELECT * FROM stolen") == []
        # Nor while rows wait to be sent.
        assert isinstance(tx, MySqlTx)
        statement = f"LOAD DATA LOCAL INFILE '{secret}' INTO TABLE stolen"
        with pytest.raises(pymysql.OperationalError, match="asked for a file"):
            tx.connection.send_rows(statement, [memoryview(b"a row\n")])
        assert tx.rows("SELECT * FROM stolen") == []


def test_a_stopped_job_ends_the_statement_it_waits_for(maria_url: str, connect: Open) -> None:
    destination, cancel = connect(maria_url), threading.Event()
    destination.stop_with(cancel)
    destination.login()
    threading.Timer(0.3, cancel.set).start()
    columns = ", ".join(f"information_schema.columns {name}" for name in "abcd")
    with pytest.raises(Interrupted):
        destination.query(f"SELECT count(*) FROM {columns}")


def test_jobs_that_begin_at_the_same_moment(maria_url: str, connect: Open, tmp_path: Path) -> None:
    def job(number: int) -> int:
        folder = tmp_path / str(number)
        folder.mkdir()
        load = Loads(folder)([{"id": 1, "v": "a"}], table=f"t{number}", load_id=f"l{number}")
        return put(connect(maria_url), load).inserted

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(job, range(4))) == [1, 1, 1, 1]


def test_two_jobs_fill_one_table(maria_url: str, connect: Open, tmp_path: Path) -> None:
    """Each key keeps its newest row, whoever brings it."""

    def job(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        loads, destination = Loads(folder), connect(maria_url)
        for turn in range(10):
            at = 1000 + turn * 2 + number
            rows = [{"id": n, "v": f"{at}", "at": at} for n in range(50)]
            load = loads(rows, load_id=f"{number}-{turn}", pipeline=f"p{number}")
            while True:
                try:
                    put(destination, load)
                    break
                except TransientError as error:
                    assert error.code == "destination.busy"  # noqa: PT017 (tried again)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(job, range(2)))
    assert {v for (v,) in read(connect(maria_url), "v")} == {"1019"}


@pytest.mark.parametrize(
    "url",
    ["postgresql://u@h/d", "mysql://u@h:x/d", "mysql://u@h/d?charset=latin1", "mysql://u@h"],
)
def test_a_url_that_cannot_be_used_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError) as raised:
        Config.model_validate({"url": url.replace("u@", "u:hidden@")})
    assert "hidden" not in str(raised.value)


def test_an_old_server_is_refused(
    maria_url: str, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("5.7.44-log", "5.5.5-10.3.39-MariaDB", "8.0.16"):
        with monkeypatch.context() as patched:
            patched.setattr(RowsConnection, "version", version)
            assert code_of(connect(maria_url)) == "destination.version"
