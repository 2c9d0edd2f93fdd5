"""Kill a run at every named place, in every mode, into every destination, and compare.

The tests do every place once (`tests/fault`); this does all combinations, takes half an hour
and writes what it saw into docs/reliability.md.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import psycopg

from fault.matrix import ANY_TIME, DESTINATIONS, MODES, Case, Result, all_cases, run_case
from maria import MariaServer, rows_of
from penstock.core.failpoints import NAMES
from unit.store.server import postgres

PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"
BEGIN = "<!-- kill matrix: written by make kill-matrix -->"
END = "<!-- end of kill matrix -->"


def main() -> int:
    options = _options()
    cases = [case for case in all_cases() if _wanted(case, options)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-kill-")))
        kinds = {case.destination for case in cases}
        servers = {
            "postgres": stack.enter_context(postgres()) if "postgres" in kinds else "",
            "mysql": stack.enter_context(MariaServer()).url if "mysql" in kinds else "",
        }
        pool = stack.enter_context(ThreadPoolExecutor(options.workers))
        numbered = [(number, case) for number, case in enumerate(cases)]
        results = list(pool.map(lambda one: _run(*one, folder, servers), numbered))
    print(_sentence(results))
    if len(cases) == len(list(all_cases())):
        _write(results)
    return 1 if any(result.problems for result in results) or not results else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", help="only places that begin so, e.g. load.")
    parser.add_argument("--mode", choices=MODES)
    parser.add_argument("--destination", choices=DESTINATIONS)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def _wanted(case: Case, options: argparse.Namespace) -> bool:
    return (
        case.place.startswith(options.place or "")
        and options.mode in (None, case.mode)
        and options.destination in (None, case.destination)
    )


def _run(number: int, case: Case, folder: Path, servers: Mapping[str, str]) -> Result:
    result = run_case(case, folder / str(number), _destination(number, case, servers))
    print(f"{'FAIL' if result.problems else 'ok':5}{result.died} kills  {case}", flush=True)
    for problem in result.problems:
        print(f"     {problem}", flush=True)
    return result


def _destination(number: int, case: Case, servers: Mapping[str, str]) -> Mapping[str, Any]:
    """A file or a database of its own."""
    if case.destination == "duckdb":
        return {"type": "duckdb", "path": "warehouse.duckdb"}
    server = servers[case.destination]
    url = server.rsplit("/", 1)[0] + f"/case{number}"
    if case.destination == "mysql":
        rows_of(server, f"create database case{number}")
        return {"type": "mysql", "url": url}
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database case{number}".encode())
    return {"type": "postgres", "url": url, "schema": "crm"}


def _sentence(results: Sequence[Result]) -> str:
    wrong = sum(bool(result.problems) for result in results)
    idle = sum(not result.died for result in results)
    kills = sum(result.died for result in results)
    end = f"; in {idle} of them no run was killed" if idle else ""
    return f"{len(results)} cases, {kills} kills, {wrong} cases with a difference{end}."


def _write(results: Sequence[Result]) -> None:
    """Put the table between the marks of the page."""
    table = "\n".join(_table(results))
    words = (
        f"{_sentence(results)} A cell counts the runs that were killed; all of its cases agree.\n"
    )
    text = PAGE.read_text(encoding="utf-8")
    block = f"{BEGIN}\n{words}\n{table}\n{END}"
    PAGE.write_text(
        re.sub(f"{BEGIN}.*{END}", lambda _: block, text, flags=re.DOTALL), encoding="utf-8"
    )


def _table(results: Sequence[Result]) -> list[str]:
    ways = list(product(MODES, DESTINATIONS))
    lines = [
        f"| killed at | {' | '.join(f'{mode}, {place}' for mode, place in ways)} |",
        f"|---|{'---|' * len(ways)}",
    ]
    for place in (*NAMES, ANY_TIME):
        cells = [_cell([r for r in results if _is(r.case, place, way)]) for way in ways]
        lines.append(f"| {place} | {' | '.join(cells)} |")
    return lines


def _is(case: Case, place: str, way: tuple[str, str]) -> bool:
    return case.place == place and (case.mode, case.destination) == way


def _cell(results: Sequence[Result]) -> str:
    if not results:
        return ""
    wrong = sum(bool(result.problems) for result in results)
    return f"**{wrong} wrong**" if wrong else str(sum(result.died for result in results))


if __name__ == "__main__":
    sys.exit(main())
