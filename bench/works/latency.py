"""From commit in one PostgreSQL to visible in another database, while 5,000 changes come a second.

A writer updates rows in transactions of 100, and one row that counts its transactions. A reader
looks at that row in the destination every 5 ms. A transaction's latency lasts from just before its
commit was asked for to the first look that saw it or a later one; both by this process's clock.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psycopg

from bench.databases.tables import execute
from bench.databases.tools import Route, write_workspace
from bench.measure import Failed, resident_mb, run
from bench.setting import Setting, say
from bench.works.percentiles import percentile

_CHANGES_PER_S = 5_000
_BATCH = 100
_TABLE_ROWS = 50_000
_FLUSH = "200ms"
_LOOK_S = 0.005
_START_S = 120
_TICKS = (
    (
        "create table ticks (id bigint primary key, n bigint not null, amount numeric(12,2), "
        "note text, at timestamptz)"
    ),
    (
        f"insert into ticks select g, 0, g / 100.0, md5(g::text), now() "
        f"from generate_series(0, {_TABLE_ROWS}) g"
    ),
)
_UPDATE = (
    "update ticks set n = %(n)s, amount = amount + 1, note = md5(%(n)s::text), "
    "at = clock_timestamp() "
    "where id = 0 or (id > %(low)s::int and id <= %(low)s::int + %(size)s::int)"
)


def measure(setting: Setting) -> dict[str, Any]:
    """The setting's rows are changes; they come at a fixed pace."""
    seconds = setting.rows / _CHANGES_PER_S
    source = setting.servers.postgres.fresh("live")
    target = setting.servers.postgres.fresh("live_copy")
    execute(source, *_TICKS)
    folder = setting.place("latency")
    write_workspace(Route(source, target, "ticks", "id"), folder, mode="LOG_BASED")
    command = [sys.executable, "-m", "penstock", "run", "p"]
    log = str(folder / "log.txt")
    run(command, env=os.environ, cwd=str(folder), log=log)
    with Path(log).open("ab") as out:
        follower = subprocess.Popen(
            [*command, "--follow", "--flush", _FLUSH], cwd=folder, stdout=out, stderr=out
        )
        try:
            figures = _watch(source, target, seconds, follower)
        finally:
            follower.send_signal(signal.SIGINT)
            _, _, usage = os.wait4(follower.pid, 0)
            follower.returncode = 130
    cpu = round(usage.ru_utime + usage.ru_stime, 2)
    run([sys.executable, "-m", "penstock", "release", "p", "--yes"], env=os.environ,
        cwd=str(folder), log=log)  # fmt: skip
    say(f"penstock: {figures}")
    return {"seconds": seconds, "flush": _FLUSH, "tools": {"penstock": {**figures, "cpu_s": cpu}}}


def _watch(source: str, target: str, seconds: float, follower: Any) -> dict[str, Any]:
    committed: dict[int, float] = {}
    seen: dict[int, float] = {}
    over = threading.Event()
    look = threading.Thread(target=_look, args=(target, seen, over))
    with psycopg.connect(source) as writer:
        _tick(writer, 1, {})
        look.start()
        _await(seen, 1, follower, over)
        _write(writer, seconds, committed)
    _await(seen, max(committed), follower, over)
    over.set()
    look.join()
    latencies = latencies_of(committed, seen)
    return {
        "transactions": len(committed),
        "changes_per_s": round(len(committed) * (_BATCH + 1) / seconds),
        "p50_ms": round(percentile(latencies, 50) * 1000),
        "p95_ms": round(percentile(latencies, 95) * 1000),
        "p99_ms": round(percentile(latencies, 99) * 1000),
        "max_ms": round(max(latencies) * 1000),
        "rss_mb": round(resident_mb(follower.pid), 1),
    }


def latencies_of(committed: dict[int, float], seen: dict[int, float]) -> list[float]:
    """Seconds, per transaction: to the first look that saw its number or a higher one."""
    looks = sorted(seen.items())
    found, at = [], 0
    for number, moment in sorted(committed.items()):
        while looks[at][0] < number:
            at += 1
        found.append(looks[at][1] - moment)
    return found


def _write(writer: psycopg.Connection[Any], seconds: float, committed: dict[int, float]) -> None:
    """At a fixed pace; one that is late is not made up for by a rest."""
    pause = _BATCH / _CHANGES_PER_S
    began = time.monotonic()
    for number in range(2, int(seconds / pause) + 2):
        time.sleep(max(0.0, began + number * pause - time.monotonic()))
        _tick(writer, number, committed)


def _tick(writer: psycopg.Connection[Any], number: int, committed: dict[int, float]) -> None:
    low = number * _BATCH % _TABLE_ROWS
    writer.execute(_UPDATE, {"n": number, "low": low, "size": _BATCH})
    committed[number] = time.monotonic()
    writer.commit()


def _look(target: str, seen: dict[int, float], over: threading.Event) -> None:
    newest = 0
    with psycopg.connect(target, autocommit=True) as reader:
        while not over.wait(_LOOK_S):
            row = reader.execute("select n from ticks where id = 0").fetchone()
            if row is not None and row[0] > newest:
                newest = row[0]
                seen[newest] = time.monotonic()


def _await(seen: dict[int, float], number: int, follower: Any, over: threading.Event) -> None:
    end = time.monotonic() + _START_S
    while max(seen, default=0) < number:
        if follower.poll() is not None or time.monotonic() > end:
            over.set()
            raise Failed(f"transaction {number} did not come")
        time.sleep(0.05)
