"""Measure Penstock, its peers and a bare reference in turn: see docs/benchmarks.md.

`make bench ARGS="--only pg-duckdb --rows 1500000 --runs 3"`. Every work updates its own file in
bench/results, and docs/benchmarks.md is written from all of them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench import page, results
from bench.databases.places import Servers
from bench.setting import Setting, say
from bench.works.list import WORKS


def main() -> int:
    options = _options()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-bench-")))
        folder.chmod(0o755)
        servers = Servers(stack, folder)
        setting = Setting(0, options.runs, options.tools, folder, servers)
        for name in options.only or WORKS:
            work = WORKS[name]
            setting.rows = options.rows or (work.full_rows if options.full else work.rows)
            say(f"== {name}, {setting.rows:,} rows")
            began = time.monotonic()
            figures = work.measure(setting)
            results.save(name, {"rows": setting.rows, "runs": options.runs, **figures})
            say(f"== {name} took {time.monotonic() - began:.0f} s")
    page.write()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=list(WORKS), metavar="WORK",
        help=f"works to measure; all when left out: {', '.join(WORKS)}",
    )  # fmt: skip
    parser.add_argument("--rows", type=int, help="size of the work; its own when left out")
    parser.add_argument(
        "--runs", type=int, default=3, help="runs of each tool, of which the median"
    )
    parser.add_argument("--full", action="store_true", help="the sizes of the page")
    parser.add_argument(
        "--tools", nargs="+", default=[], metavar="TOOL",
        help="measure these only; the figures of others stay, if of the same size",
    )  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
