"""What `--flush` understands."""

from __future__ import annotations

import pytest

from penstock.core.flush import Flush
from penstock.engine.budget import Budget


def test_time_rows_and_bytes() -> None:
    assert Flush.parse([]) == Flush(5.0)
    assert Flush.parse(["200ms", "10000 rows", "16MB"]) == Flush(0.2, 10_000, 16_000_000)
    assert Flush.parse(["2m"]) == Flush(120.0)
    assert Flush.parse(["1ms"]).seconds == 0.05


@pytest.mark.parametrize("text", ["", "1", "s", "0rows", "-1s", "1 week"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not when to load"):
        Flush.parse([text])


def test_a_flush_never_holds_more_than_the_budget() -> None:
    budget = Budget().flushed(Flush(1.0, rows=10**9, bytes=10**12))
    assert (budget.package_rows, budget.package_bytes) == (61_440, 64 << 20)
    assert (budget.package_seconds, budget.batch_seconds) == (1.0, 0.25)
