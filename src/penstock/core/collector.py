"""How often Python looks for cycles of garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

CALM: Final = (70_000, 10, 10)
"""Thresholds for a program that makes millions of short-lived values, hardly any in cycles."""


@contextmanager
def calm_collector() -> Iterator[None]:
    """Look less often while this lasts; a default collector walks through them all the time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*CALM)
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
