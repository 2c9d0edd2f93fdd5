"""What a job that was stopped says of each of its objects."""

from __future__ import annotations

import pytest

from penstock.core.books import Books
from penstock.core.errors import ConfigError, ObjectFailed, RateLimited
from penstock.core.progress import ObjectState
from penstock.core.spec import PipelineSpec
from penstock.engine.run import Outcome
from penstock.worker.ending import judge, settle_objects


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
    outcome = Outcome({}, fatal, waiting={"staged"}, objects=dict(errors))
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


@pytest.mark.parametrize("policy", ["MODERATE", "STRICT"])
def test_records_too_large_to_load_are_no_success_and_no_failure(policy: str) -> None:
    dropping = state("messages", whole=True)
    dropping.books = Books(read=3, oversize=1, loaded=2)
    states = {one.object: one for one in (state("done", whole=True), dropping)}
    spec = PipelineSpec(source="s", destination="d", failure_policy=policy)
    settle_objects(states, Outcome(), interrupted=False)
    ending = judge(spec, states, Outcome(), interrupted=False)
    assert (ending.status, ending.exit_code) == ("COMPLETED_WITH_FAILURES", 3)
    statuses = [one.status for one in states.values()]
    assert statuses == ["COMPLETED", "COMPLETED_WITH_FAILURES"]


def test_too_large_records_of_a_job_that_was_put_off_are_told() -> None:
    dropping = state("messages")
    dropping.books = Books(read=3, oversize=1, loaded=2)
    outcome = Outcome(objects={"messages": RateLimited("Slower.", retry_after=1.0)})
    spec = PipelineSpec(source="s", destination="d")
    states = {"messages": dropping, "done": state("done", whole=True)}
    ending = judge(spec, states, outcome, interrupted=False)
    assert (ending.status, ending.exit_code) == ("DEFERRED_WITH_FAILURES", 75)


def test_failed_records_fail_a_strict_job() -> None:
    failing = state("messages", whole=True)
    failing.books = Books(read=3, oversize=1, failed=1, loaded=1)
    spec = PipelineSpec(source="s", destination="d", failure_policy="STRICT")
    ending = judge(spec, {"messages": failing}, Outcome(), interrupted=False)
    assert (ending.status, ending.exit_code) == ("FAILED", 3)
