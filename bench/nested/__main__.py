"""How many nested records a CPU-second takes apart, here and by dlt's normalisation.

Run with `.venv/bin/python -m bench.nested`. Both get the same records, make the same tables of
them and write them to files, each run in a process of its own, in turn. Figures are CPU seconds
(user and system) of that step alone, so other work on the machine matters little.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.installs import HERE, NotInstalled, install
from bench.nested.records import write

_PATIENCE_S = 900
GOAL = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        commands = _commands()
    except NotInstalled as error:
        print(f"dlt cannot be installed here: {error}", file=sys.stderr)
        return 1
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        file = Path(folder) / "records.jsonl"
        write(options.rows, file)
        for _ in range(options.runs):
            for name, (command, more) in commands.items():
                found[name].append(_run(command, file, more))
    _print(found, options.rows, as_json=options.json)
    return 0


def _commands() -> dict[str, tuple[list[str], list[str]]]:
    ours = [sys.executable, "-m", "bench.nested.ours"]
    dlt = [str(install("dlt").python), str(HERE / "peers" / "dlt_nested.py")]
    return {
        "penstock, Parquet": (ours, []),
        "dlt, Parquet": (dlt, ["parquet"]),
        "dlt, JSON lines": (dlt, ["jsonl"]),
    }


def _run(command: list[str], file: Path, more: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        done = subprocess.run(
            [*command, str(file), folder, *more],
            capture_output=True, text=True, check=True, timeout=_PATIENCE_S,
            env={**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"},
        )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _print(found: dict[str, list[dict[str, Any]]], rows: int, *, as_json: bool) -> None:
    cpu_s = {name: statistics.median(run["cpu_s"] for run in runs) for name, runs in found.items()}
    made = {name: sorted(runs[0]["rows"].values()) for name, runs in found.items()}
    if len({*map(tuple, made.values())}) > 1:
        raise SystemExit(f"The tools made other tables: {made}")
    ours, *peers = cpu_s
    ratio = min(cpu_s[peer] for peer in peers) / cpu_s[ours]
    if as_json:
        figures = {name: round(rows / used) for name, used in cpu_s.items()}
        print(json.dumps({"records_per_cpu_s": figures, "times_best_peer": round(ratio, 2)}))
        return
    print(f"{rows:,} records, {sum(made[ours]):,} rows in {len(made[ours])} tables")
    for name, used in cpu_s.items():
        print(f"{name:20} {used:8.2f} CPU s {rows / used:12,.0f} records per CPU s")
    print(f"{ratio:.1f}x the best peer; goal {GOAL}x: {'reached' if ratio >= GOAL else 'missed'}")


if __name__ == "__main__":
    sys.exit(main())
