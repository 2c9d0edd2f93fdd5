"""Run a command as a whole process and say what it cost."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Of one finished process and its children: seconds of CPU (user + system), of wall clock,
    and the largest resident set of a single process in MB (10**6 bytes)."""

    cpu_s: float
    wall_s: float
    rss_mb: float


def run(command: Sequence[str], *, env: Mapping[str, str], cwd: str, log: str) -> Cost:
    """Run to the end and account for it.

    Raises:
        RuntimeError: the command did not end with 0; its output is in `log`.
    """
    began = time.monotonic()
    with open(log, "ab") as out:  # noqa: PTH123 (a descriptor for the child)
        process = subprocess.Popen(
            command, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}; see {log}")
    return Cost(
        cpu_s=usage.ru_utime + usage.ru_stime,
        wall_s=time.monotonic() - began,
        rss_mb=usage.ru_maxrss * 1024 / 1e6,
    )


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure by itself."""

    def middle(values: list[float]) -> float:
        ordered = sorted(values)
        half = len(ordered) // 2
        return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2

    return Cost(
        cpu_s=middle([cost.cpu_s for cost in costs]),
        wall_s=middle([cost.wall_s for cost in costs]),
        rss_mb=middle([cost.rss_mb for cost in costs]),
    )
