"""docs/benchmarks.md, written from the files of bench/results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.goals import GOALS, Verdict
from bench.results import FOLDER, load
from bench.sections import SECTIONS

TARGET = Path(__file__).parents[1] / "docs" / "benchmarks.md"
_WORDS = Path(__file__).parent / "words"


def write(target: Path = TARGET, folder: Path = FOLDER) -> None:
    """Write the page anew from all that was measured so far."""
    target.write_text(text(folder), encoding="utf-8")


def text(folder: Path = FOLDER) -> str:
    """The page's text."""
    measured = {name: load(name, folder) for name in SECTIONS}
    measured = {name: figures for name, figures in measured.items() if figures}
    parts = [_word("head"), _summary(measured)]
    parts += [SECTIONS[name](figures) for name, figures in measured.items()]
    parts += [_word("method"), _machines(measured)]
    return "\n".join(part.strip("\n") + "\n" for part in parts if part)


def _summary(measured: dict[str, dict[str, Any]]) -> str:
    verdicts: list[Verdict] = []
    for name, figures in measured.items():
        if name in GOALS:
            verdicts += GOALS[name](figures)
    lines = ["| what we want | measured | reached |", "|---|---|---|"]
    lines += [
        f"| {one.wanted} | {one.measured} | {'yes' if one.reached else 'no'} |" for one in verdicts
    ]
    return "## In short\n\n" + "\n".join(lines) if verdicts else ""


def _machines(measured: dict[str, dict[str, Any]]) -> str:
    """Facts of each machine and day; most often there is one."""
    by_facts: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name, figures in measured.items():
        facts = {"date": figures["date"], **figures["machine"]}
        loads = facts.pop("load before", None)
        by_facts.setdefault(tuple(facts.items()), []).append(f"{name} (load {loads})")
    lines = ["## Machine", ""]
    for facts, names in by_facts.items():
        lines.append(f"- {', '.join(f'{key} {value}' for key, value in facts)}: {'; '.join(names)}")
    return "\n".join(lines)


def _word(name: str) -> str:
    return (_WORDS / f"{name}.txt").read_text(encoding="utf-8")
