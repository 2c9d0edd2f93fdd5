"""Rows that are committed late: how many each tool loses while it reads all the time.

Ten writers insert rows stamped with the beginning of their transaction, and wait at random
before they commit. Meanwhile the table is read again and again by that stamp.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from bench.databases.equal import ask
from bench.databases.tables import execute
from bench.databases.tools import Route, write_workspace
from bench.installs import NotInstalled, install
from bench.measure import Failed
from bench.setting import Results, Setting, say
from bench.works.full import clear

_EVENTS = (
    (
        "create table events (id bigserial primary key, writer int not null, n int not null, "
        "created_at timestamptz not null default now())"
    ),
    "create index on events (created_at)",
)
_WRITERS = 10
_WAIT_S = 2.0
_PATIENCE_S = 600


def measure(setting: Setting) -> dict[str, Any]:
    results = Results()
    losses: dict[str, dict[str, Any]] = {}
    for name, read in (("penstock", _penstock), ("dlt incremental", _dlt)):
        if setting.wants(name):
            results.attempt(name, partial(_lose, setting, name, read, results, losses))
    notes = results.figures()
    return {
        "writers": _WRITERS,
        "longest_wait_s": _WAIT_S,
        "tools": {name: {**losses.get(name, {}), **notes.get(name, {})} for name in losses | notes},
    }


def _lose(
    setting: Setting, name: str, read: Any, results: Results, losses: dict[str, dict[str, Any]]
) -> None:
    url = setting.servers.postgres.fresh("late")
    execute(url, *_EVENTS)
    route = Route(url, f"duckdb:///{setting.folder}/late.duckdb", "events", "id", "created_at")
    clear(setting, route)
    writers = [
        threading.Thread(target=_write, args=(url, number, setting.rows // _WRITERS))
        for number in range(_WRITERS)
    ]
    over = threading.Event()
    for writer in writers:
        writer.start()
    waiter = threading.Thread(target=lambda: ([writer.join() for writer in writers], over.set()))
    waiter.start()
    try:
        place, reads = read(setting, route, over)
    except NotInstalled as error:
        results.fail(name, f"cannot be installed here: {error}")
        return
    finally:
        waiter.join()
    written = ask(url, "select count(*) from events")[0][0]
    rows, distinct = ask(route.target, f"select count(*), count(distinct id) from {place}")[0]
    losses[name] = {
        "written": written, "lost": int(str(written)) - int(str(distinct)),
        "doubled": int(str(rows)) - int(str(distinct)), "reads": reads,
    }  # fmt: skip
    say(f"{name}: {losses[name]}")


def _write(url: str, number: int, rows: int) -> None:
    """One session's transactions, of random size, each held open for a random time."""
    chance = random.Random(number)
    insert = "insert into events (writer, n) select %s, g from generate_series(1, %s) g"
    left = rows
    with psycopg.connect(url) as connection:
        while left:
            size = min(chance.randint(1, max(1, rows // 20)), left)
            connection.execute(insert, [number, size])
            time.sleep(chance.random() * _WAIT_S)
            connection.commit()
            left -= size


def _penstock(setting: Setting, route: Route, over: threading.Event) -> tuple[str, int]:
    folder = setting.place("late penstock")
    how = {"query_mode": "DELTA_TIMESTAMP", "cursor": route.cursor}
    write_workspace(route, folder, settings=how)
    command = [sys.executable, "-m", "penstock", "run", "p", "--json"]
    reads, last = 0, False
    while not last:
        last = over.is_set()
        began = time.monotonic()
        with (folder / "log.txt").open("ab") as log:
            done = subprocess.run(
                command, cwd=folder, stdout=log, stderr=log, timeout=_PATIENCE_S, check=False
            )
        if done.returncode:
            raise Failed(f"penstock ended with {done.returncode}")
        reads += 1
        over.wait(max(0.0, 1 - (time.monotonic() - began)))
    return "main.events", reads


def _dlt(setting: Setting, route: Route, over: threading.Event) -> tuple[str, int]:
    """One process that runs its pipeline each second, until a file tells it to stop."""
    peer = install("dlt")
    folder = setting.place("late dlt")
    script = str(Path(__file__).parents[1] / "peers" / "dlt_late.py")
    source = route.source.replace("postgresql:", "postgresql+psycopg2:")
    words = [str(peer.python), script, source, route.file, str(folder)]
    env = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"}
    log = folder / "log.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(words, cwd=folder, env=env, stdout=out, stderr=out)
        over.wait(_PATIENCE_S)
        (folder / "stop").touch()
        if process.wait(_PATIENCE_S):
            raise Failed(f"dlt ended with {process.returncode}: {log.read_text()[-300:]}")
    return "d.events", int(log.read_text().split()[-1])
