"""A block on a field alone."""

from __future__ import annotations

from typing import Any

from flows import Row, after, block, named, run
from penstock.transforms.events import Refused


def only(value: Any, kind: str, settings: Row | None = None, **more: Any) -> Any:
    """The field `v` after a block on it alone."""
    filters = more.pop("filters", named("v"))
    return after(block(kind, settings, filters=filters, **more), {"v": value})[0].get("v")


def refused(value: Any, kind: str, settings: Row | None = None) -> Refused:
    """The refusal of an event whose field `v` the block fails at."""
    done = run(block(kind, settings, filters=named("v"), label="mine"), [{"v": value}])
    assert done.outputs == ()
    (found,) = done.refused
    return found
