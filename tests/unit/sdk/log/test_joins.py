"""When a log may tell of tables whose history is read beside it."""

import threading

import pytest

from penstock.core.checkpoint import Checkpoint
from penstock.core.splits import history_split
from penstock.core.stream import Split
from penstock.sdk.log.joins import Joined, Joins, joined

A, B = ("s", "a"), ("s", "b")
END = Checkpoint({"complete": True, "snapshot": {"at": 7}})


def _come(
    joins: Joins, *tables: tuple[str, str], ended: bool = False, cancel: bool = False
) -> bool:
    events = threading.Event(), threading.Event()
    for event, is_set in zip(events, (ended, cancel), strict=True):
        if is_set:
            event.set()
    return joins.come(tables, *events, 0.0)


def test_changes_of_a_table_wait_until_its_history_is_delivered() -> None:
    joins = Joins()
    joins.follow([Joined({"s.a": A}, "a")])
    assert joins.awaits
    assert _come(joins, B)
    assert not _come(joins, A, B)
    joins.delivered("other", END)
    joins.delivered("a", Checkpoint({"complete": False}))
    assert not _come(joins, A)
    joins.delivered("a", END)
    assert _come(joins, A)
    assert not joins.awaits
    assert joins.snapshot(A) == {"at": 7}
    assert joins.snapshots() == {A: {"at": 7}}


def test_waiting_ends_as_soon_as_the_history_is_there() -> None:
    joins, never = Joins(), threading.Event()
    joins.follow([Joined({"s.a": A}, "a")])
    timer = threading.Timer(0.05, joins.delivered, ("a", END))
    timer.start()
    assert joins.come([A], never, never, 60.0)
    timer.join()


def test_each_table_of_an_object_has_an_end_of_its_own() -> None:
    joins = Joins()
    joins.follow([Joined({"s.a": A, "s.b": B}, "both")])
    joins.delivered("both", Checkpoint({"s.a": END.position, "s.b": {"complete": False}}))
    assert _come(joins, A)
    assert not _come(joins, B)


def test_a_history_that_ended_without_its_rows_is_missed() -> None:
    joins = Joins()
    joins.follow([Joined({"s.a": A}, "a")])
    assert _come(joins, A, ended=True)
    assert joins.missed(A)
    assert joins.all_missed() == {A}


def test_nothing_is_missed_by_a_job_that_is_cancelled() -> None:
    """Its history may be staged: the next job delivers it, and has the snapshot from it."""
    joins = Joins()
    joins.follow([Joined({"s.a": A}, "a")])
    assert not _come(joins, A, ended=True, cancel=True)
    assert not joins.missed(A)


@pytest.mark.parametrize(
    ("split", "saved", "awaits", "snapshot"),
    [
        (Split("a", ("a",)), {}, True, None),
        # Its last package is delivered, and that it was read is not written down yet.
        (Split("a", ("a",)), {"a": END}, False, {"at": 7}),
        (Split("a#again", ("a",)), {"a": END, history_split("a"): END}, True, None),
        (None, {history_split("a"): END}, False, {"at": 7}),
        # Read by a version that kept no snapshots.
        (None, {history_split("a"): Checkpoint({})}, False, None),
    ],
)
def test_what_earlier_jobs_have_read(
    split: Split | None, saved: dict[str, Checkpoint], awaits: bool, snapshot: object
) -> None:
    joins = Joins()
    joins.follow([joined("a", split, {"s.a": A}, saved)])
    assert (joins.awaits, joins.snapshot(A)) == (awaits, snapshot)
