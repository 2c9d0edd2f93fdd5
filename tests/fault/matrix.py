"""The kill matrix: end the process at every named place, run again, compare with the source."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path
from typing import Any

from fault.truths import OBJECTS, States, compare
from penstock.core.failpoints import NAMES
from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from runs import Ended, Space

MODES = ("merge", "append", "history")
DESTINATIONS = ("duckdb", "postgres", "mysql")
# Small packages, so that a case passes every place several times with few rows.
PACKAGE_ROWS = 100
# These are passed at most once or only at certain times; the others several times.
ONCE = ("job.started", "job.before_finish", "publish.before")
ANY_TIME = "any time"
KILLS_AT_ANY_TIME = 5
# A run of this size takes about two seconds; kills fall before, within and after it.
LONGEST_S = 2.5


@dataclass(frozen=True)
class Case:
    """Die at the n-th pass of a place, so many runs in a row, in one mode and destination.

    At `ANY_TIME` the process is killed from outside, after a time drawn with `nth` as seed.
    """

    place: str
    nth: int
    mode: str
    destination: str
    kills: int = 1

    def __str__(self) -> str:
        return f"{self.place}:{self.nth} {self.mode} {self.destination}"


@dataclass
class Result:
    """What a case showed; `problems` is empty when nothing was lost or doubled.

    `died` counts the runs that were really killed (0 when the place is not on this way).
    """

    case: Case
    died: int
    problems: list[str]


def all_cases() -> Iterator[Case]:
    """Every place x mode x destination, a later pass once a place, and any time.

    Once a package can be left behind the kill comes twice in a row: the second one falls into
    the delivery of what the first one left.
    """
    ways = list(product(MODES, DESTINATIONS))
    leaves = NAMES.index("stage.after_close")
    for (at, place), way in product(enumerate(NAMES), ways):
        yield Case(place, 1, *way, kills=2 if at >= leaves else 1)
    for place, way in zip((name for name in NAMES if name not in ONCE), cycle(ways), strict=False):
        yield Case(place, 3, *way)
    for way in ways:
        yield Case(ANY_TIME, 1, *way, kills=KILLS_AT_ANY_TIME)


def short_cases() -> Iterator[Case]:
    """Every place once, with modes and destinations taken in turn, and any time twice."""
    for place, way, nth in zip(
        NAMES, cycle(product(MODES, DESTINATIONS)), cycle((1, 3, 2)), strict=False
    ):
        yield Case(place, 1 if place in ONCE else nth, *way)
    yield Case(ANY_TIME, 1, "append", "duckdb", kills=KILLS_AT_ANY_TIME)
    yield Case(ANY_TIME, 2, "history", "postgres", kills=KILLS_AT_ANY_TIME)


def run_case(case: Case, root: Path, destination: Mapping[str, Any]) -> Result:
    """First load and a later load with changes, each killed and then run to its end."""
    problems: list[str] = []
    died = 0
    with Sandbox(SandboxOptions(contacts=330, rate_limit=None, seed=7)) as box:
        space = Space(
            root,
            box,
            destination,
            pipeline={
                "load_mode": case.mode,
                "objects": {"include": list(OBJECTS)},
                "package_rows": PACKAGE_ROWS,
            },
        ).write()
        states = States()
        refresh = ["--full-refresh"] if case.place.startswith("publish.") else []
        if refresh:
            problems += _finished(space.run())
        for step in ("first", "changed"):
            if step == "changed":
                change(box)
            if refresh:
                states.forget()
            states.look(box)
            for killed in _killed(space, case, refresh):
                died += killed.code == -signal.SIGKILL
                if killed.code not in (0, -signal.SIGKILL):
                    problems.append(f"{step}: ended with {killed.code}: {killed.err[-300:]}")
            found = _finished(space.run()) or compare(space, case.mode, states)
            problems += [f"{step}: {text}" for text in found]
            problems += [f"{step}: left over {name}" for name in space.leftovers()]
    return Result(case, died, problems)


def _killed(space: Space, case: Case, words: list[str]) -> Iterator[Ended]:
    """Runs that end at the case's place, or at any time."""
    clock = random.Random(f"{case}")
    for _ in range(case.kills):
        if case.place != ANY_TIME:
            yield space.run(*words, PENSTOCK_FAILPOINT=f"{case.place}:{case.nth}")
            continue
        process = space.start(*words)
        time.sleep(clock.uniform(0.3, LONGEST_S))
        process.kill()
        out, err = process.communicate()
        yield Ended(process.returncode, out, err)


def change(box: Sandbox) -> None:
    """Rows come, change, go and get a new field in the objects of the matrix."""
    contacts = [row["id"] for row in box.rows("contacts")]
    box.update("contacts", contacts[3], lastName="Changed")
    box.update("contacts", contacts[150], lastName="Changed as well")
    box.delete("contacts", contacts[5])
    box.add("contacts", 4)
    deals = [row["id"] for row in box.rows("deals") if "mdate" in row]
    box.update("deals", deals[0], value="99")
    tags = [row["id"] for row in box.rows("tags")]
    box.update("tags", tags[1], tag="another name")
    box.update("tags", tags[4], flavour="mint")
    box.delete("tags", tags[2])
    box.add("tags", 2)


def _finished(ended: Ended) -> list[str]:
    if ended.code != 0:
        return [f"running again ended with {ended.code}: {ended.err[-500:]}"]
    return [
        f"{item['object']}: the books do not balance"
        for item in [ended.summary, *ended.summary["objects"]]
        if item["read"] + item["created"]
        != item["filtered"] + item["collapsed"] + item["oversize"] + item["failed"] + item["loaded"]
    ]
