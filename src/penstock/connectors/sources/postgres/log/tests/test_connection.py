"""What happens to the connection: cut, restarted, moved to another server, encrypted."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from following import Following, open_source
from penstock.core.errors import ConfigError
from servers import PASSWORD, USER, PostgresServer, program
from tables import Tables

pytestmark = pytest.mark.postgres

SETTINGS: dict[str, Any] = {"wal_level": "logical"}


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """One that the test may stop and kill."""
    with PostgresServer(**SETTINGS) as server:
        run(server, "create table t(id int primary key, v text)")
        yield server


def run(server: PostgresServer, *statements: str) -> None:
    with closing(psycopg.connect(server.url, autocommit=True)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_reading_goes_on_after_a_restart_of_the_server(server: PostgresServer, how: str) -> None:
    following = Following(open_source(server.url))
    following.step()
    run(server, "insert into t values (1)")
    following.until(1)
    getattr(server, how)()
    server.start()
    run(server, "insert into t values (2); delete from t where id = 1")
    assert following.until(3) == [("t", "I", 1), ("t", "I", 2), ("t", "D", 1)]
    following.close()


def test_reading_goes_on_after_a_cut_connection(server: PostgresServer) -> None:
    following = Following(open_source(server.url))
    following.step()
    for number in range(1, 6):
        run(server, f"insert into t values ({number})")
        following.until(number)
        run(server, "select pg_terminate_backend(active_pid) from pg_replication_slots")
    assert [key for _, _, key in following.seen] == [1, 2, 3, 4, 5]
    following.close()


def test_a_long_transaction_that_is_cut_comes_again_from_the_last_position(
    server: PostgresServer,
) -> None:
    following = Following(open_source(server.url))
    following.step()
    run(server, "insert into t select i, repeat('x', 500) from generate_series(1, 60000) i")
    saved = following.checkpoint
    while not following.seen:
        following.step()
    assert following.checkpoint == saved, "the transaction is not whole yet"
    run(server, "select pg_terminate_backend(active_pid) from pg_replication_slots")
    with pytest.raises(Exception, match="cannot be reached"):
        following.to_end()
    following.close()
    again = Following(open_source(server.url), saved, follow=False)
    assert [key for _, _, key in again.to_end()] == list(range(1, 60_001))
    again.close()


def test_an_encrypted_connection_brings_the_same(tmp_path: Path) -> None:
    with PostgresServer(
        tls=self_signed(tmp_path), logical_decoding_work_mem="64kB", **SETTINGS
    ) as server:
        run(server, "create table t(id int primary key, v text)")
        following = Following(open_source(f"{server.url}?sslmode=require"), follow=False)
        following.step()
        run(server, "insert into t select i, repeat('x', 90) from generate_series(1, 30000) i")
        run(server, "delete from t where id <= 10")
        keys = [key for _, _, key in following.to_end()]
        assert keys == [*range(1, 30_001), *range(1, 11)]
        following.acknowledge()
        following.close()
        with closing(psycopg.connect(server.url)) as connection:
            query = "select count(*) from pg_replication_slots where active"
            assert connection.execute(query).fetchone() == (0,)
        name = following.source._log.needs.slot_name
        run(server, f"select pg_drop_replication_slot('{name}')")
        again = Following(open_source(f"{server.url}?sslmode=require"), following.checkpoint)
        with pytest.raises(ConfigError):
            again.step()
        again.close()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Files with a certificate for this machine and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    files = folder / "server.crt", folder / "server.key"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def test_another_server_at_the_same_address_is_told(server: PostgresServer) -> None:
    following = Following(open_source(server.url))
    following.step()
    following.close()
    with PostgresServer(**SETTINGS) as other:
        run(other, "create table t(id int primary key, v text)")
        name = following.source._log.needs.slot_name
        run(other, f"select pg_create_logical_replication_slot('{name}', 'pgoutput')")
        moved = Following(open_source(other.url), following.checkpoint)
        with pytest.raises(ConfigError) as told:
            moved.to_end()
        assert told.value.code == "OFFSET_EXPIRED"
        # By this a pipeline that recovers by itself knows that it must not.
        assert told.value.where["was"] != told.value.where["now"]
        moved.close()


def test_nothing_is_read_again_when_the_right_server_is_back(
    server: PostgresServer, tmp_path: Path
) -> None:
    run(server, "create table known(id int primary key); insert into known values (1)")
    there = {"type": "postgres", "mode": "log_based"}
    tables = Tables(tmp_path, {**there, "url": server.url})
    tables.run()
    with PostgresServer(**SETTINGS) as other:
        run(other, "create table known(id int primary key); insert into known values (7)")
        tables.source = {**there, "url": other.url}
        assert tables.tried().error["code"] == "OFFSET_EXPIRED"
    tables.source = {**there, "url": server.url}
    run(server, "insert into known values (2)")
    assert tables.read()["known"] == 1
    assert tables.rows("select id from known order by id") == [(1,), (2,)]


def test_a_standby_that_took_over(server: PostgresServer, tmp_path: Path) -> None:
    """The slot was made on the standby too, as servers from 17 on and their managers do."""
    following = Following(open_source(server.url))
    following.step()
    name = following.source._log.needs.slot_name
    run(server, "insert into t values (1)")
    following.until(1)
    following.close()
    standby = _standby(server)
    try:
        server.stop()
        standby.start()
        _wait_until_promoted(standby)
        run(standby, f"select pg_create_logical_replication_slot('{name}', 'pgoutput')")
        run(standby, "insert into t values (2)")
        moved = Following(open_source(standby.url), following.checkpoint)
        with pytest.raises(ConfigError) as told:
            moved.to_end()
        # What was committed between the position and the new slot may be missing.
        assert told.value.code == "OFFSET_EXPIRED"
        moved.close()
    finally:
        standby.stop()
        shutil.rmtree(standby.folder, ignore_errors=True)
        server.start()


def _standby(server: PostgresServer) -> PostgresServer:
    """A copy of the server, promoted when it starts."""
    standby = PostgresServer(**SETTINGS)
    shutil.rmtree(standby.folder / "data")
    subprocess.run(
        [
            program("pg_basebackup"), "-D", standby.folder / "data", "-h", "127.0.0.1",
            "-p", str(server.port), "-U", USER, "-X", "stream",
        ],
        check=True, env={"PGPASSWORD": PASSWORD}, cwd=standby.folder, **standby._as_user,
    )  # fmt: skip
    (standby.folder / "data" / "recovery.signal").touch()
    standby._settings["restore_command"] = "false"
    return standby


def _wait_until_promoted(server: PostgresServer) -> None:
    with closing(psycopg.connect(server.url, autocommit=True)) as connection:
        for _ in range(300):
            if connection.execute("select not pg_is_in_recovery()").fetchone() == (True,):
                return
            time.sleep(0.1)
    raise AssertionError(server.log)


class Network:
    """A way to the server that can be cut in the middle of whatever is under way."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._pairs: list[socket.socket] = []
        self._mutex = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        with self._mutex:
            pairs, self._pairs = self._pairs, []
        for item in pairs:
            # An abrupt end: nothing that is on its way arrives.
            item.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(("127.0.0.1", self._to))
                with self._mutex:
                    self._pairs += (here, there)
                for pair in ((here, there), (there, here)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    @staticmethod
    def _pass_on(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(1 << 16):
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)


def test_a_network_that_is_cut_again_and_again_loses_nothing(server: PostgresServer) -> None:
    network = Network(server.port)
    url = server.url.replace(f":{server.port}/", f":{network.port}/")
    following = Following(open_source(url))
    try:
        following.step()
        for round_ in range(8):
            first = round_ * 1000 + 1
            many = f"select i, repeat('x', 200) from generate_series({first}, {first + 499}) i"
            run(server, f"insert into t {many}", f"delete from t where id = {first}")
            network.cut()
            run(server, f"insert into t values ({first + 999})")
            following.until((round_ + 1) * 502)
        wanted = []
        for first in range(1, 8001, 1000):
            wanted += [("t", "I", key) for key in range(first, first + 500)]
            wanted += [("t", "D", first), ("t", "I", first + 999)]
        assert following.seen == wanted
    finally:
        following.close()
        network.close()
