"""Reaching a real server: TLS, rights, locks, restarts, and many at once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from certificates import Authority
from penstock.connectors.destinations.postgres.config import Config
from penstock.connectors.destinations.postgres.destination import Postgres
from penstock.core.errors import AuthError, ConfigError, PenstockError, TransientError
from penstock.core.load import Receipt, TableLoad
from penstock.sdk.conformance.kit import PEOPLE, Loads, read
from servers import PostgresServer

pytestmark = pytest.mark.postgres

Open = Callable[..., Postgres]


@pytest.fixture
def connect() -> Iterator[Open]:
    """Opens destinations with settings; they are closed at the end."""
    made: list[Postgres] = []

    def one_more(url: str, **settings: Any) -> Postgres:
        made.append(Postgres(Config.model_validate({"url": url, **settings})))
        return made[-1]

    yield one_more
    for destination in made:
        destination.close()


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


def put(destination: Postgres, load: TableLoad) -> Receipt:
    destination.evolve(load.table, load.schema, load.key, mode=load.mode)
    return destination.load(load)


def code_of(destination: Postgres) -> str | None:
    with pytest.raises(PenstockError) as raised:
        destination.ledger("p")
    return raised.value.code


def test_tls_is_used_and_the_certificate_checked(tmp_path: Path, connect: Open) -> None:
    authority, stranger = Authority(tmp_path, "ours"), Authority(tmp_path, "stranger")
    with PostgresServer(tls=authority.server("127.0.0.1")) as server:
        encrypted = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
        for mode in ("require", "verify-ca", "verify-full"):
            root = {} if mode == "require" else {"sslrootcert": str(authority.file)}
            with closing(connect(server.url, sslmode=mode, **root)) as destination:
                assert destination.query(encrypted).column(0).to_pylist() == [True]
        wrong = {"sslmode": "verify-full", "sslrootcert": str(stranger.file)}
        assert code_of(connect(server.url, **wrong)) == "destination.tls"
        elsewhere = server.url.replace("127.0.0.1", "localhost")
        right = {"sslmode": "verify-full", "sslrootcert": str(authority.file)}
        assert code_of(connect(elsewhere, **right)) == "destination.tls"


def test_tls_that_the_server_lacks_is_an_error(postgres_url: str, connect: Open) -> None:
    assert code_of(connect(postgres_url, sslmode="require")) == "destination.tls"


def test_who_may_not_come_in_is_told_why(postgres_url: str, connect: Open) -> None:
    nobody = {"user": "nobody", "password": "x"}
    with pytest.raises(AuthError) as raised:
        connect(postgres_url, **nobody).ledger("p")
    assert raised.value.code == "destination.auth"
    assert code_of(connect(postgres_url, database="nowhere")) == "destination.no_database"
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        silence = connect(postgres_url, port=port, connect_timeout=2)
        assert code_of(silence) == "destination.unreachable"


def test_missing_rights_come_with_the_statement_that_grants_them(
    postgres_url: str, connect: Open, loads: Loads
) -> None:
    role = "low" + postgres_url[-12:]
    with closing(psycopg.connect(postgres_url, autocommit=True)) as admin:
        admin.execute(f"create role {role} login password 'p'".encode())
        try:
            low = {"user": role, "password": "p"}
            for schema, hint in (
                ("public", f'GRANT USAGE, CREATE ON SCHEMA "public" TO "{role}";'),
                ("missing", "GRANT CREATE ON DATABASE"),
            ):
                destination = connect(postgres_url, schema=schema, **low)
                with pytest.raises(ConfigError) as raised:
                    put(destination, loads([{"id": 1, "v": "a"}]))
                assert raised.value.code == "destination.rights"
                assert hint in (raised.value.hint or "")
                destination.close()
            admin.execute(f"create schema own authorization {role}".encode())
            own = connect(postgres_url, schema="own", **low)
            assert put(own, loads([{"id": 1, "v": "a"}])).inserted == 1
            own.close()
        finally:
            admin.execute(f"drop owned by {role} cascade; drop role {role}".encode())


def test_a_schema_of_any_name_is_made(postgres_url: str, connect: Open, loads: Loads) -> None:
    destination = connect(postgres_url, schema='My "own" schema')
    put(destination, loads([{"id": 1, "v": "a"}]))
    assert read(destination, "id") == [(1,)]


def test_a_locked_table_is_waited_for_and_then_told(
    postgres_url: str, connect: Open, loads: Loads
) -> None:
    destination = connect(postgres_url, lock_timeout=1)
    put(destination, loads([{"id": 1, "v": "a"}]))
    wider = pa.schema([*PEOPLE, ("more", pa.string())])
    with closing(psycopg.connect(postgres_url)) as other:
        other.execute("lock table people in access exclusive mode")
        for load in (
            loads([{"id": 2, "v": "b"}]),
            loads([{"id": 2, "v": "b", "more": "x"}], shape=wider),
        ):
            with pytest.raises(TransientError) as raised:
                put(destination, load)
            assert raised.value.code == "destination.busy"
        other.rollback()
        assert put(destination, loads([{"id": 2, "v": "b"}])).inserted == 1


def test_readers_are_not_kept_waiting_by_a_load(
    postgres_url: str, connect: Open, loads: Loads
) -> None:
    destination = connect(postgres_url)
    put(destination, loads([{"id": 1, "v": "a"}]))
    load = loads([{"id": 1, "v": "b", "at": 200}])
    locks = (
        "select mode from pg_locks where relation = 'people'::regclass and granted "
        "and pid = pg_backend_pid()"
    )
    with destination.transaction() as tx:
        destination.apply_in(tx, load)
        held = {mode for (mode,) in tx.rows(locks)}
    assert held <= {"AccessShareLock", "RowShareLock", "RowExclusiveLock"}


def load_and_kill(destination: Postgres, load: TableLoad, server: PostgresServer) -> None:
    with destination.transaction() as tx:
        destination.apply_in(tx, load)
        server.kill()
        tx.rows("SELECT 1")


def test_a_server_that_dies_in_the_middle_of_a_load(connect: Open, loads: Loads) -> None:
    with PostgresServer() as server:
        destination = connect(server.url)
        put(destination, loads([{"id": 1, "v": "a"}]))
        load = loads([{"id": n, "v": "b", "at": 200} for n in range(1, 100)])
        with pytest.raises(TransientError) as raised:
            load_and_kill(destination, load, server)
        assert raised.value.code == "destination.unreachable"
        assert code_of(destination) == "destination.unreachable"
        server.start()
        assert put(destination, load).rows == 99
        assert put(destination, load).replayed
        assert len(read(destination, "id")) == 99
        left = "select count(*) from pg_class where relname like '\\_ps\\_stg%'"
        assert destination.query(left).column(0).to_pylist() == [0]


def test_many_first_jobs_at_once(postgres_url: str, connect: Open, loads: Loads) -> None:
    together = threading.Barrier(4)
    jobs = [connect(postgres_url, schema="new") for _ in range(4)]

    def begin(destination: Postgres) -> object:
        together.wait(30)
        return destination.ledger("p")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(begin, jobs)) == [[], [], [], []]
    put(jobs[0], loads([{"id": 1, "v": "a"}]))


def test_a_check_of_a_new_schema_makes_it_only_for_the_proof(
    postgres_url: str, connect: Open
) -> None:
    destination = connect(postgres_url, schema="not there yet")
    steps = list(destination.check())
    assert [step.name for step in steps if not step.ok] == []
    assert ("schema", "not there yet is not there yet; a run makes it") in [
        (step.name, step.detail) for step in steps
    ]
    with psycopg.connect(postgres_url) as connection:
        left = connection.execute(
            "select nspname from pg_namespace where nspname = 'not there yet' "
            "union all select relname from pg_class where relname like '\\_ps\\_%'"
        ).fetchall()
    assert left == []


@pytest.mark.parametrize(
    ("grants", "failing"),
    [
        pytest.param((), "schema", id="may not make the schema"),
        pytest.param(
            ("create schema reports", "grant usage on schema reports to checker"), "create",
            id="may not make tables",
        ),
    ],
)  # fmt: skip
def test_a_check_names_the_right_that_is_missing(
    postgres_url: str, connect: Open, grants: tuple[str, ...], failing: str
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("drop role if exists checker")
        owner.execute("create role checker login password 'of checker'")
        for statement in grants:
            owner.execute(statement.encode())
    try:
        destination = connect(postgres_url, schema="reports", user="checker", password="of checker")
        *passed, last = destination.check()
        assert all(step.ok for step in passed)
        assert (last.name, last.ok) == (failing, False)
        assert last.hint
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as owner:
            owner.execute("drop schema if exists reports")
            owner.execute("drop owned by checker")
            owner.execute("drop role checker")
