"""A MariaDB server of our own for tests: started here, on a free port of this machine."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import pymysql
import pytest
from pymysql.cursors import DictCursor

from servers import PASSWORD, QUOTED_PASSWORD, USER, free_port, not_root, own_copies, program

# As small and quick as it goes; every one can be set otherwise.
_SETTINGS = {
    "innodb_buffer_pool_size": "64M",
    "innodb_log_file_size": "16M",
    "innodb_flush_log_at_trx_commit": "0",
    "innodb_flush_method": "fsync",
    # Many servers at once would come to the kernel's limit of such requests.
    "innodb_use_native_aio": "off",
    "sync_binlog": "0",
    # A killed process loses nothing by it, only a machine would. Tables are made much faster.
    "debug_no_sync": "on",
    "skip_name_resolve": "on",
}
_DURABLE = {
    "innodb_flush_log_at_trx_commit": "1",
    "sync_binlog": "1",
    "debug_no_sync": "off",
}
# A row log with GTIDs, as a source for change data capture keeps it.
BINLOG = {
    "log_bin": "binlog",
    "server_id": "1",
    "binlog_format": "ROW",
    "binlog_row_image": "FULL",
    "binlog_row_metadata": "FULL",
}


class MariaServer:
    """One server with its data in a temporary folder.

    Its only account is `USER` with all rights, over TCP and with a password; there is no root.
    Settings are those of the server's command line, such as `**BINLOG`. Crashes lose the last
    second unless `durable`. After `kill` or `stop` it can be started again, on the same port with
    the same data. With `tls`, a pair of (certificate, key) files, it takes encrypted connections
    as well.
    """

    def __init__(
        self, *, durable: bool = False, tls: tuple[Path, Path] | None = None, **settings: str
    ) -> None:
        # A short path: the name of a socket has room for 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="maria-"))
        self._as_user = not_root(self.folder, "mysql")
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = {**_SETTINGS, **(_DURABLE if durable else {}), **settings}
        if tls is not None:
            certificate, key = own_copies(self.folder, self._as_user, *tls)
            self._settings |= {"ssl_cert": str(certificate), "ssl_key": str(key)}
        self.port = free_port()
        self._init()

    @property
    def url(self) -> str:
        """Address of a database that every server has."""
        return self.url_of("penstock")

    def url_of(self, database: str) -> str:
        return f"mysql://{USER}:{QUOTED_PASSWORD}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "penstock", **options: Any) -> pymysql.Connection[Any]:
        """A session of the driver; each statement is its own transaction."""
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, database=database,
            charset="utf8mb4", autocommit=True, **options,
        )  # fmt: skip

    def start(self) -> None:
        """Returns when it takes connections."""
        words = [f"--{name}={value}" for name, value in self._settings.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    program("mariadbd"), "--no-defaults", f"--datadir={self._data}",
                    f"--port={self.port}", "--bind-address=127.0.0.1",
                    f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid",
                    f"--tmpdir={self.folder}", f"--init-file={self._first}", *words,
                ],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder, **self._as_user,
            )  # fmt: skip
        while True:
            assert self._process.poll() is None, self.log
            try:
                self.connect(connect_timeout=5).close()
            except pymysql.OperationalError:
                time.sleep(0.05)
                continue
            return

    def stop(self) -> None:
        """An orderly end: sessions are cut, data is written."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """A crash: the process ends at once, nothing is written any more."""
        self._end(signal.SIGKILL)

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
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _first(self) -> Path:
        """Statements that the server runs whenever it starts."""
        return self.folder / "first.sql"

    def _init(self) -> None:
        subprocess.run(
            [
                program("mariadb-install-db"), "--no-defaults", f"--datadir={self._data}",
                "--auth-root-authentication-method=socket", "--skip-test-db",
                "--skip-name-resolve", "--innodb-log-file-size=16M",
                # A server that starts removes all temporary tables of this folder.
                f"--tmpdir={self.folder}", "--innodb-use-native-aio=off",
            ],
            check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **self._as_user,
        )  # fmt: skip
        self._first.write_text(
            "drop user if exists root@localhost, mysql@localhost;\n"
            "create database if not exists penstock character set utf8mb4;\n"
            f"create user if not exists {USER}@'127.0.0.1' identified by '{PASSWORD}';\n"
            f"grant all on *.* to {USER}@'127.0.0.1' with grant option;\n",
            encoding="utf-8",
        )

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(60)
        self._process = None


def rows_of(url: str, query: str) -> list[dict[str, Any]]:
    """Rows of a query; flags as such, and moments in UTC where the column's comment says so."""
    split = urlsplit(url)
    with closing(
        pymysql.connect(
            host=split.hostname, port=split.port or 3306, user=split.username or "",
            password=unquote(split.password or ""), database=split.path[1:], charset="utf8mb4",
            sql_mode="ANSI_QUOTES", cursorclass=DictCursor,
        )
    ) as session, session.cursor() as cursor:  # fmt: skip
        cursor.execute(
            "select column_name as name, column_type as kind from information_schema.columns "
            "where table_schema = database() "
            "and (column_type = 'tinyint(1)' or column_comment = 'UTC')"
        )
        special = {row["name"]: row["kind"] for row in cursor.fetchall()}
        cursor.execute(query)
        return [
            {name: _typed(value, special.get(name)) for name, value in row.items()}
            for row in cursor.fetchall()
        ]


def _typed(value: Any, kind: str | None) -> Any:
    if kind is None or value is None:
        return value
    return bool(value) if kind == "tinyint(1)" else value.replace(tzinfo=UTC)


@pytest.fixture(scope="session")
def maria_server() -> Iterator[MariaServer]:
    """One for all tests of this process; do not stop it."""
    with MariaServer() as server:
        yield server


@pytest.fixture
def maria_url(maria_server: MariaServer) -> Iterator[str]:
    """A fresh database for one test."""
    name = f"t{uuid4().hex}"
    with closing(maria_server.connect()) as session, session.cursor() as cursor:
        cursor.execute(f"create database {name}")
        yield maria_server.url_of(name)
        cursor.execute(f"drop database {name}")
