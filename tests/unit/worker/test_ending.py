"""What a job that was stopped says of each of its objects."""

from __future__ import annotations

from penstock.core.books import Books
from penstock.core.errors import ConfigError, ObjectFailed
from penstock.core.progress import ObjectState
from penstock.engine.run import Outcome
from penstock.worker.ending import settle_objects


def state(name: str, status: str = "IN_PROGRESS", *, whole: bool = False) -> ObjectState:
    return ObjectState(name, name, name, "FULL_LOAD", status=status, read_whole=whole)


def test_a_job_that_was_stopped_tells_what_is_done_and_what_is_not() -> None:
    fatal = ConfigError("The API answered 402.", code="account.inactive", hint="Pay.")
    failing = state("failing", whole=True)
    failing.books = Books(read=3, failed=1, loaded=2)
    states = {
        one.object: one
        for one in (
            state("done", whole=True), failing, state("staged", whole=True), state("begun"),
            state("refused"), state("broken"), state("later", "NOT_INITIALIZED"),
        )
    }  # fmt: skip
    errors = {"refused": fatal, "broken": ObjectFailed("It broke.")}
    outcome = Outcome(dict(errors), fatal, waiting={"staged"})
    settle_objects(states, outcome, interrupted=False)
    assert {name: one.status for name, one in states.items()} == {
        "done": "COMPLETED", "failing": "COMPLETED_WITH_FAILURES", "staged": "FAILED",
        "begun": "FAILED", "refused": "FAILED", "broken": "FAILED", "later": "CANCELED",
    }  # fmt: skip
    assert states["done"].error is None
    for name in ("staged", "begun"):
        error = states[name].error
        assert error is not None
        assert (error["code"], error["where"]) == ("account.inactive", {"object": name})
        assert "402" in error["message"]
    assert states["broken"].error is not None
    assert states["broken"].error["message"] == "It broke."


def test_what_was_done_before_an_interruption_is_completed() -> None:
    states = {"done": state("done", whole=True), "begun": state("begun")}
    settle_objects(states, Outcome(interrupted=True), interrupted=True)
    assert [one.status for one in states.values()] == ["COMPLETED", "CANCELED"]
