"""A backlog of the change log, read to its end and merged, against embedded Debezium.

Both take their place in the log and read the history first. Then rows are updated, and what
is measured is one process that reads the updates: ours merges them into a table, Debezium's
engine hands them to a consumer that throws them away.
"""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from bench.databases.equal import fingerprint
from bench.databases.tables import execute
from bench.databases.tools import Penstock, Route, write_workspace
from bench.installs import NotInstalled, Peer, install
from bench.measure import run
from bench.setting import Results, Setting, say
from bench.works.full import PATIENCE_S, clear, servers_of, source_url, target_url, wrong

_PEERS = Path(__file__).parents[1] / "peers"
# Each row is changed so many times.
_PASSES = 10
_STATEMENT_ROWS = 1_000
_UPDATE = """
update accounts set balance = balance + 1.25, visits = visits + 1, status = status + 1,
    score = score + 0.5, note = concat('seen ', visits), updated_at = updated_at + interval {hour}
where id >= {first} and id < {first} + {rows}
"""


class LogPenstock(Penstock):
    """Penstock in the mode that follows the log."""

    def prepare(self, route: Route, folder: Path) -> None:
        write_workspace(route, folder, mode="LOG_BASED")


def measure(setting: Setting, source: str) -> dict[str, Any]:
    changes = setting.rows
    setting.rows = changes // _PASSES
    url = source_url(setting, source, "accounts")
    results = Results()
    places = {
        f"penstock into {'DuckDB' if target == 'duckdb' else 'PostgreSQL'}": Route(
            url, target_url(setting, target, f"log_{target}"), "accounts", "id"
        )
        for target in ("duckdb", "postgres")
    }
    ours = {name: route for name, route in places.items() if setting.wants("penstock")}
    folders = {name: setting.place(name) for name in ours}
    for name, route in ours.items():
        clear(setting, route)
        results.attempt(name, partial(_ours, setting, route, folders[name]))
    debezium = _debezium(setting, results, source)
    if debezium is not None:
        results.attempt("debezium", partial(debezium.read, 0))
    for turn in range(setting.runs):
        say(f"changing rows, turn {turn + 1}")
        _change(setting, source, url)
        expected = fingerprint(url, "accounts")
        for name, route in ours.items():

            def once(name: str = name, route: Route = route) -> None:
                cost = _ours(setting, route, folders[name])
                results.add(name, cost, wrong=wrong(expected, route, LogPenstock()))  # noqa: B023

            results.attempt(name, once)
        if debezium is not None:
            results.attempt("debezium", lambda: results.add("debezium", debezium.read(changes)))
    _release(setting, ours, folders, debezium)
    setting.filled.clear()
    setting.rows = changes
    return {"changes": changes, "tools": results.figures()}


def _ours(setting: Setting, route: Route, folder: Path) -> Any:
    tool = LogPenstock()
    tool.prepare(route, folder)
    return run(
        tool.command(route, folder, merge=True), env=tool.env(), cwd=str(folder),
        log=str(folder / "log.txt"), servers=servers_of(setting, route), patience_s=PATIENCE_S,
    )  # fmt: skip


def _change(setting: Setting, source: str, url: str) -> None:
    """Every row, ten times, in transactions of a thousand rows."""
    hour = "'1 hour'" if source == "postgres" else "1 hour"
    statements = [
        _UPDATE.format(hour=hour, first=first, rows=_STATEMENT_ROWS)
        for _ in range(_PASSES)
        for first in range(1, setting.rows + 1, _STATEMENT_ROWS)
    ]
    if source == "postgres":
        execute(url, *statements, "vacuum accounts", "checkpoint")
    else:
        setting.servers.maria.execute("use shop", *statements)


class Debezium:
    """The engine with its offsets in a file, so that it goes on where it stopped."""

    def __init__(self, setting: Setting, peer: Peer, source: str) -> None:
        self._setting, self._peer, self._source = setting, peer, source
        self._folder = setting.place("debezium")

    def read(self, changes: int) -> Any:
        """Read so many changes; 0 takes the place in the log and reads the history."""
        script = str(_PEERS / "debezium_changes.py")
        words = [json.dumps(self._properties()), str(changes)]
        servers = self._setting.servers
        place = servers.postgres if self._source == "postgres" else servers.maria
        return run(
            [str(self._peer.python), script, *words], env=os.environ, cwd=str(self._folder),
            log=str(self._folder / "log.txt"), servers=[place.pid], patience_s=PATIENCE_S,
        )  # fmt: skip

    def _properties(self) -> dict[str, str]:
        shared = {
            "name": "bench", "topic.prefix": "bench", "database.hostname": "127.0.0.1",
            "database.user": "bench", "database.password": "bench",
            "offset.storage": "org.apache.kafka.connect.storage.FileOffsetBackingStore",
            "offset.storage.file.filename": str(self._folder / "offsets.dat"),
            "offset.flush.interval.ms": "1000", "max.batch.size": "8192",
            "max.queue.size": "65536", "poll.interval.ms": "50", "snapshot.mode": "initial",
            "tombstones.on.delete": "false", "key.converter.schemas.enable": "false",
            "value.converter.schemas.enable": "false",
        }  # fmt: skip
        if self._source == "postgres":
            return {
                **shared, "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
                "database.port": str(self._setting.servers.postgres.server.port),
                "database.dbname": "shop", "plugin.name": "pgoutput", "slot.name": "debezium",
                "publication.name": "debezium", "publication.autocreate.mode": "filtered",
                "table.include.list": "public.accounts",
            }  # fmt: skip
        return {
            **shared, "connector.class": "io.debezium.connector.mariadb.MariaDbConnector",
            "database.port": str(self._setting.servers.maria.server.port),
            "database.server.id": "77", "database.include.list": "shop",
            "table.include.list": "shop.accounts",
            "schema.history.internal": "io.debezium.storage.file.history.FileSchemaHistory",
            "schema.history.internal.file.filename": str(self._folder / "schema.dat"),
        }  # fmt: skip


def _debezium(setting: Setting, results: Results, source: str) -> Debezium | None:
    if not setting.wants("debezium"):
        return None
    try:
        peer = install("debezium")
    except NotInstalled as error:
        results.fail("debezium", f"cannot be installed here: {error}")
        return None
    if source == "mysql" and not list(peer.folder.rglob("debezium-connector-mariadb-*.jar")):
        # Debezium's connector for MySQL refuses MariaDB: it asks for SHOW BINARY LOG STATUS.
        results.fail("debezium", "its Python package has no connector for MariaDB")
        return None
    return Debezium(setting, peer, source)


def _release(
    setting: Setting, ours: dict[str, Route], folders: dict[str, Path], debezium: Debezium | None
) -> None:
    """Drop the slots: the server would keep its log for them."""
    for name, route in ours.items():
        command = [sys.executable, "-m", "penstock", "release", "p", "--yes"]
        run(command, env=os.environ, cwd=str(folders[name]), log=str(folders[name] / "log.txt"))
        clear(setting, route)
    if debezium is not None and setting.servers.started_postgres:
        execute(
            setting.servers.postgres.url("shop"),
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots "
            "where slot_name = 'debezium'",
        )
