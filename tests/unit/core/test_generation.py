"""Which full reload a job reads into."""

from __future__ import annotations

import pytest

from penstock.core.records import Generation


@pytest.mark.parametrize(
    ("saved", "reload", "read"),
    [
        pytest.param(Generation(), False, Generation(), id="none was ever asked for"),
        pytest.param(Generation(), True, Generation(0, 1, "merge"), id="one begins"),
        pytest.param(Generation(3), True, Generation(3, 4, "merge"), id="after others"),
        pytest.param(
            Generation(0, 1, "merge"), False, Generation(0, 1, "merge"), id="cut short: goes on"
        ),
        pytest.param(
            Generation(0, 1, "merge"), True, Generation(0, 1, "merge"), id="asked again: goes on"
        ),
        pytest.param(
            Generation(1, 3, "history"), False, Generation(1, 4, "merge"), id="in another mode"
        ),
        pytest.param(Generation(0, 1), False, Generation(0, 1), id="in an unknown mode"),
        pytest.param(
            Generation(0, 1), True, Generation(0, 2, "merge"), id="unknown mode, asked again"
        ),
    ],
)
def test_a_job_goes_on_with_a_reload_of_its_own_mode(
    saved: Generation, reload: bool, read: Generation
) -> None:
    assert saved.of_job("merge", reload=reload) == read
