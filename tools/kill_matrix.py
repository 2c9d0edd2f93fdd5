"""Kill a run at every named place, in every mode, into every destination, and compare.

The tests do every place once (`tests/fault`); this does all combinations and takes long.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import psycopg

from fault.matrix import Case, Result, all_cases, run_case
from unit.store.server import postgres


def main() -> int:
    options = _options()
    cases = [case for case in all_cases() if _wanted(case, options)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-kill-")))
        needs_server = any(case.destination == "postgres" for case in cases)
        server = stack.enter_context(postgres()) if needs_server else ""
        pool = stack.enter_context(ThreadPoolExecutor(options.workers))
        numbered = [(number, case) for number, case in enumerate(cases)]
        results = list(pool.map(lambda one: _run(*one, folder, server), numbered))
    wrong = [result for result in results if result.problems]
    idle = sum(not result.died for result in results)
    print(
        f"{len(results)} cases, {sum(r.died for r in results)} kills, {len(wrong)} with problems, "
        f"{idle} whose place is not on the way"
    )
    return 1 if wrong or not results else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", help="only places that begin so, e.g. load.")
    parser.add_argument("--mode", choices=("merge", "append", "history"))
    parser.add_argument("--destination", choices=("duckdb", "postgres"))
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def _wanted(case: Case, options: argparse.Namespace) -> bool:
    return (
        case.place.startswith(options.place or "")
        and options.mode in (None, case.mode)
        and options.destination in (None, case.destination)
    )


def _run(number: int, case: Case, folder: Path, server: str) -> Result:
    result = run_case(case, folder / str(number), _destination(number, case, server))
    print(f"{'FAIL' if result.problems else 'ok':5}{result.died} kills  {case}", flush=True)
    for problem in result.problems:
        print(f"     {problem}", flush=True)
    return result


def _destination(number: int, case: Case, server: str) -> Mapping[str, Any]:
    """A file or a database of its own."""
    if case.destination == "duckdb":
        return {"type": "duckdb", "path": "warehouse.duckdb"}
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database case{number}".encode())
    url = server.rsplit("/", 1)[0] + f"/case{number}"
    return {"type": "postgres", "url": url, "schema": "crm"}


if __name__ == "__main__":
    sys.exit(main())
