"""A PostgreSQL server of our own for tests: started here, on a free port of this machine."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import psycopg
import pytest

USER = "penstock"
PASSWORD = "s3cret:@/? %"
QUOTED_PASSWORD = "s3cret%3A%40%2F%3F%20%25"


class PostgresServer:
    """One server with its data in a temporary folder.

    Passwords are asked for (scram), `fsync` is off unless `durable`. After `kill` or `stop`
    it can be started again, on the same port with the same data. With `tls`, a pair of
    (certificate, key) files, it takes encrypted connections as well.
    """

    def __init__(
        self, *, durable: bool = False, tls: tuple[Path, Path] | None = None, **settings: str
    ) -> None:
        # A short path: the name of a socket has room for 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._as_user = not_root(self.folder, "postgres")
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = {"fsync": "on" if durable else "off", **settings}
        if tls is not None:
            certificate, key = own_copies(self.folder, self._as_user, *tls)
            self._settings |= {"ssl": "on"}
            self._settings |= {"ssl_cert_file": str(certificate), "ssl_key_file": str(key)}
        self.port = free_port()
        self._init()

    @property
    def url(self) -> str:
        """Address of the database that every server has."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://{USER}:{QUOTED_PASSWORD}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Returns when it takes connections."""
        words = [f"-c{name}={value}" for name, value in self._settings.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    program("postgres"), "-D", self._data, "-p", str(self.port), "-h", "127.0.0.1",
                    f"-cunix_socket_directories={self.folder}", *words,
                ],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder, **self._as_user,
            )  # fmt: skip
        while True:
            assert self._process.poll() is None, self.log
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
                continue
            return

    def stop(self) -> None:
        """An orderly end: sessions are cut, data is written."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """A crash: every process ends at once, nothing is written any more."""
        self._end(signal.SIGQUIT)

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _init(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        secret.chmod(0o644)
        subprocess.run(
            [
                program("initdb"), "-D", self._data, "-U", USER, "-A", "scram-sha-256",
                f"--pwfile={secret}", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
            ],
            check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **self._as_user,
        )  # fmt: skip
        secret.unlink()

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(60)
        self._process = None


def program(name: str) -> str:
    """One of the servers' programs. Missing ones fail the test: nothing is skipped."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, places), "/usr/sbin"])
    found = shutil.which(name, path=path)
    assert found is not None, f"{name} is missing: install the server (`make test` does)"
    return found


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One for all tests of this process; do not stop it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A fresh database for one test."""
    name = f"t{uuid4().hex}"
    with closing(psycopg.connect(postgres_server.url, autocommit=True)) as connection:
        connection.execute(f"create database {name}".encode())
        yield postgres_server.url_of(name)
        connection.execute(f"drop database {name} with (force)".encode())


def not_root(folder: Path, name: str) -> dict[str, Any]:
    """The servers refuse to run as root: then folder and server belong to another user."""
    if os.geteuid() != 0:
        return {}
    users = {user.pw_name: user for user in pwd.getpwall()}
    user = users.get(name) or users["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def own_copies(folder: Path, as_user: dict[str, Any], *files: Path) -> list[Path]:
    """Copies in the folder that only the server's user can read, as it demands of keys."""
    copies = [folder / file.name for file in files]
    for file, copy in zip(files, copies, strict=True):
        shutil.copyfile(file, copy)
        copy.chmod(0o600)
        if "user" in as_user:
            os.chown(copy, as_user["user"], as_user["group"])
    return copies


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
