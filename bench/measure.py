"""Run a command as a whole process and say what it cost."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil


class Failed(Exception):
    """A measured command did not end well; the text is the end of what it printed."""


@dataclass(frozen=True)
class Cost:
    """Of one finished process and its children: seconds of CPU (user + system), of wall clock,
    the largest resident set of a single process in MB (10**6 bytes), and, where asked for, the
    CPU seconds of database servers meanwhile."""

    cpu_s: float
    wall_s: float
    rss_mb: float
    server_cpu_s: float = 0.0


def run(
    command: Sequence[str], *, env: Mapping[str, str], cwd: str, log: str,
    servers: Sequence[int] = (), patience_s: float = 1800,
    watch: Callable[[int], None] | None = None,
) -> Cost:  # fmt: skip
    """Run to the end and account for it.

    Args:
        servers: process ids of servers whose CPU seconds are counted too.
        patience_s: after so many seconds the command is killed.
        watch: called with the process id twice a second while it runs.

    Raises:
        Failed: the command did not end with 0; its output is in `log`.
    """
    before = sum(map(server_cpu_s, servers))
    began = time.monotonic()
    with open(log, "ab") as out:  # noqa: PTH123 (a descriptor for the child)
        process = subprocess.Popen(
            command, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        over = threading.Event()
        guards = [threading.Timer(patience_s, process.kill)]
        if watch is not None:
            guards.append(threading.Thread(target=_watch, args=(watch, process.pid, over)))
        for guard in guards:
            guard.start()
        _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - began
    over.set()
    guards[0].cancel()
    for guard in guards:
        guard.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failed(f"{Path(command[0]).name} ended with {process.returncode}: {_tail(log)}")
    return Cost(
        cpu_s=usage.ru_utime + usage.ru_stime,
        wall_s=wall_s,
        rss_mb=usage.ru_maxrss * 1024 / 1e6,
        server_cpu_s=sum(map(server_cpu_s, servers)) - before,
    )


def server_cpu_s(pid: int) -> float:
    """CPU seconds of a server, its processes that ended included."""
    top = psutil.Process(pid)
    times = top.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for child in top.children(recursive=True):
        try:
            own = child.cpu_times()
        except psutil.NoSuchProcess:
            continue  # It ended between the two looks; its parent counts it from now on.
        total += own.user + own.system
    return float(total)


def resident_mb(pid: int) -> float:
    """Resident memory of a process and its children, in MB; 0 when it is gone."""
    try:
        top = psutil.Process(pid)
        tree = [top, *top.children(recursive=True)]
        return float(sum(one.memory_info().rss for one in tree)) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure by itself."""
    return Cost(
        cpu_s=statistics.median(cost.cpu_s for cost in costs),
        wall_s=statistics.median(cost.wall_s for cost in costs),
        rss_mb=statistics.median(cost.rss_mb for cost in costs),
        server_cpu_s=statistics.median(cost.server_cpu_s for cost in costs),
    )


def _watch(watch: Callable[[int], None], pid: int, over: threading.Event) -> None:
    while not over.wait(0.5):
        watch(pid)


def _tail(log: str) -> str:
    lines = Path(log).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    said = [line.strip() for line in lines if line.strip()]
    return " / ".join(said[-3:])[-400:]
