"""How long commands take to answer: the median of some whole processes, in milliseconds."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PENSTOCK = Path(sys.executable).parent / "penstock"
# Milliseconds that we allow ourselves on two shared cores.
LIMITS = {"--help": 250, "connectors": 250, "status": 400}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    slow = 0
    with tempfile.TemporaryDirectory(prefix="penstock-start-") as folder:
        space = Path(folder) / "space"
        subprocess.run(
            [PENSTOCK, "init", space, "--template", "activecampaign"],
            check=True,
            capture_output=True,
        )
        for command, limit in LIMITS.items():
            taken = [_once(command, space) for _ in range(options.runs + 1)][1:]
            middle = statistics.median(taken)
            slow += middle > limit
            print(f"{middle:6.0f} ms  penstock {command} (at most {limit})")
    return 1 if slow else 0


def _once(command: str, folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run([PENSTOCK, command], cwd=folder, check=True, capture_output=True)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    sys.exit(main())
