"""What was measured, kept as JSON: one file per work, which single tools can be added to."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from bench.machine import facts

FOLDER = Path(__file__).parent / "results"


def save(work: str, figures: dict[str, Any], folder: Path = FOLDER) -> None:
    """Tools that were not measured this time keep their figures, if the size is the same."""
    before = load(work, folder)
    if before and before["rows"] == figures["rows"]:
        figures = {**before, **figures, "tools": {**before["tools"], **figures["tools"]}}
    figures = {**figures, "date": time.strftime("%Y-%m-%d"), "machine": facts()}
    folder.mkdir(exist_ok=True)
    text = json.dumps(figures, indent=2) + "\n"
    (folder / f"{work}.json").write_text(text, encoding="utf-8")


def load(work: str, folder: Path = FOLDER) -> dict[str, Any]:
    """Figures of a work; nothing when it was not measured yet."""
    file = folder / f"{work}.json"
    if not file.exists():
        return {}
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
