"""Lost positions, with a database in memory; test_lost_position.py has servers."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from penstock.core.errors import ConfigError
from penstock.core.progress import Summary
from penstock.core.records import JobStatus
from penstock.worker.options import RunOptions
from penstock.worker.recovering import Recovery, run_recovering
from unit.worker.log_space import Space, space

__all__ = ["space"]


def lost(**where: Any) -> ConfigError:
    return ConfigError("Changes are gone.", code="OFFSET_EXPIRED", position="1", **where)


def recovering(space: Space, how: Recovery | None = None) -> Summary:
    return run_recovering(
        space.workspace, "p", RunOptions(), space.told, threading.Event(), how
    )  # fmt: skip


@pytest.fixture
def gap(space: Space) -> Space:
    """One row went and one came, and the log does not tell."""
    space.choose("*", more="auto_recover_offset: restart_historical")
    for number in (1, 2):
        space.database.insert("people", number, "a")
    space.run()
    space.database.delete("people", 1)
    space.database.insert("people", 3, "c")
    return space


def test_a_setting_recovers(gap: Space) -> None:
    gap.source.fail["#log"] = lost()
    assert recovering(gap).status == JobStatus.COMPLETED
    assert gap.rows() == gap.database.rows("people")


def test_another_server_is_not_taken_by_a_setting(gap: Space) -> None:
    gap.source.fail["#log"] = lost(was="a", now="b")
    summary = recovering(gap)
    assert summary.error is not None
    assert summary.error["code"] == "OFFSET_EXPIRED"
    assert [row[0] for row in gap.rows()] == [1, 2]


def test_another_server_is_taken_when_asked(gap: Space) -> None:
    gap.source.fail["#log"] = lost(was="a", now="b")
    assert recovering(gap, Recovery.RESTART).status == JobStatus.COMPLETED
    assert gap.rows() == gap.database.rows("people")


def test_other_errors_are_no_loss(gap: Space) -> None:
    gap.source.fail["#log"] = ConfigError("No.", code="source.rights")
    summary = recovering(gap, Recovery.RESTART)
    assert summary.error is not None
    assert summary.error["code"] == "source.rights"


def test_following_goes_on_after_a_recovery(gap: Space) -> None:
    gap.source.fail["#log"] = lost()
    done = gap.when(lambda: gap.generation() > 0, gap.cancel.set)
    gap.follow()
    done.join()
    assert gap.rows() == gap.database.rows("people")
