"""The servers and files that are measured: in temporary folders, on free ports of loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.databases.tables import execute
from maria import BINLOG, MariaServer
from servers import PostgresServer, program

_POSTGRES = {
    "shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "30min",
    "autovacuum": "off", "wal_level": "logical",
}  # fmt: skip
_MARIA = {
    "innodb_buffer_pool_size": "512M", "innodb_log_file_size": "256M", "local_infile": "on",
    **BINLOG,
}  # fmt: skip


@dataclass(frozen=True)
class Postgres:
    """A running server. Its account `bench` has a password that no tool has trouble with."""

    server: PostgresServer
    pid: int

    def url(self, database: str) -> str:
        return f"postgresql://bench:bench@127.0.0.1:{self.server.port}/{database}"

    def fresh(self, database: str) -> str:
        """An empty database of this name, also when there was one."""
        execute(
            self.url("postgres"),
            f"drop database if exists {database} with (force)",
            f"create database {database}",
        )
        return self.url(database)


@dataclass(frozen=True)
class Maria:
    server: MariaServer
    pid: int

    def url(self, database: str) -> str:
        return f"mysql://bench:bench@127.0.0.1:{self.server.port}/{database}"

    def client(self, database: str) -> list[str]:
        """The command line client, connected to a database."""
        place = ["--protocol=tcp", "-h127.0.0.1", f"-P{self.server.port}"]
        who = ["-ubench", "-pbench", "--default-character-set=utf8mb4"]
        return [program("mariadb"), "--no-defaults", *place, *who, database]

    def execute(self, *statements: str) -> None:
        with closing(self.server.connect()) as session, session.cursor() as cursor:
            for one in statements:
                cursor.execute(one)


@contextmanager
def postgres(**settings: str) -> Iterator[Postgres]:
    with PostgresServer(**{**_POSTGRES, **settings}) as server:
        execute(server.url, "create role bench superuser login password 'bench'")
        yield Postgres(server, _pid_of(server.port))


@contextmanager
def maria(**settings: str) -> Iterator[Maria]:
    with MariaServer(**{**_MARIA, **settings}) as server:
        place = Maria(server, _pid_of(server.port))
        place.execute(
            "create user bench@'127.0.0.1' identified by 'bench'",
            "grant all on *.* to bench@'127.0.0.1'",
        )
        yield place


@dataclass
class Servers:
    """Servers that are started when one is asked for, and stay until the end."""

    stack: ExitStack
    folder: Path
    _postgres: Postgres | None = None
    _maria: Maria | None = None

    @property
    def postgres(self) -> Postgres:
        if self._postgres is None:
            self._postgres = self.stack.enter_context(postgres())
        return self._postgres

    @property
    def started_postgres(self) -> bool:
        return self._postgres is not None

    @property
    def maria(self) -> Maria:
        if self._maria is None:
            self._maria = self.stack.enter_context(maria())
        return self._maria


def _pid_of(port: int) -> int:
    """The server is our child that listens on the port."""
    for child in psutil.Process().children():
        if any(one.laddr.port == port for one in child.net_connections() if one.status == "LISTEN"):
            return int(child.pid)
    raise RuntimeError(f"nothing of ours listens on port {port}")
