"""A large narrow table under a small memory budget: does it end, and does memory stay flat?"""

from __future__ import annotations

import statistics
import time
from typing import Any

from bench.databases.equal import fingerprint
from bench.databases.tools import Penstock, Route
from bench.measure import resident_mb, run
from bench.setting import Results, Setting
from bench.works.full import clear, servers_of, source_url, target_url, wrong

BUDGET = "256MB"
_PATIENCE_S = 1800


def measure(setting: Setting, target: str) -> dict[str, Any]:
    url = source_url(setting, "postgres", "narrow")
    expected = fingerprint(url, "narrow")
    route = Route(url, target_url(setting, target, "narrow"), "narrow", "id")
    clear(setting, route)
    results = Results()
    samples: list[tuple[float, float]] = []
    results.attempt("penstock", lambda: _load(setting, route, expected, results, samples))
    clear(setting, route)
    figures = results.figures()
    if samples:
        figures["penstock"] |= flatness([mb for _, mb in samples])
    return {"budget": BUDGET, "tools": figures, "samples": thinned(samples)}


def _load(setting: Setting, route: Route, expected: Any, results: Results, samples: Any) -> None:
    tool, folder = Penstock(), setting.place("memory")
    tool.prepare(route, folder)
    began = time.monotonic()
    cost = run(
        tool.command(route, folder, merge=False), env={**tool.env(), "PENSTOCK_MEMORY": BUDGET},
        cwd=str(folder), log=str(folder / "log.txt"), servers=servers_of(setting, route),
        patience_s=_PATIENCE_S,
        watch=lambda pid: samples.append((time.monotonic() - began, resident_mb(pid))),
    )  # fmt: skip
    results.add("penstock", cost, wrong=wrong(expected, route, tool))


def flatness(resident: list[float]) -> dict[str, float]:
    """Medians of resident memory in the second and the last quarter of the run, in MB."""
    quarter = max(1, len(resident) // 4)
    early, late = resident[quarter : 2 * quarter] or resident, resident[-quarter:]
    return {
        "second_quarter_mb": round(statistics.median(early), 1),
        "last_quarter_mb": round(statistics.median(late), 1),
    }


def thinned(samples: list[tuple[float, float]], most: int = 60) -> list[list[float]]:
    """Some of the samples, as [seconds, MB]."""
    step = max(1, len(samples) // most)
    return [[round(at, 1), round(mb, 1)] for at, mb in samples[::step]]
