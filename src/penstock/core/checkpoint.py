"""The resume point of a split, which only its source understands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Checkpoint:
    """Where to go on reading: plain JSON values, small (it is saved with every package).

    Args:
        position: what `Source.read` needs to resume after the last row delivered with it.
        shown: the part people see in `status` and summaries, e.g. {"udate": "2026-..."}.
        passes: the engine's own notes on complete reads under way, by stream.
        emptied: the engine's notes of a log, by stream: when it told that the table was emptied
            (epoch ms) while its history was still being read.
    """

    position: Mapping[str, Any]
    shown: Mapping[str, Any] = field(default_factory=dict)
    passes: Mapping[str, Any] = field(default_factory=dict)
    emptied: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        parts = {"position": self.position, "shown": self.shown, "passes": self.passes}
        if self.emptied:
            parts["emptied"] = self.emptied
        return json.dumps({k: dict(v) for k, v in parts.items()}, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> Checkpoint:
        raw = json.loads(text)
        notes = raw.get("passes", {}), raw.get("emptied", {})
        return Checkpoint(raw["position"], raw.get("shown", {}), *notes)
