"""How the ActiveCampaign source meets refusals, faults and spoilt rows."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from activecampaign_reads import calls, ids, opened, read, same_rows, split_of
from penstock.core.errors import (
    AuthError,
    ConfigError,
    ObjectFailed,
    PenstockError,
    TransientError,
    Unavailable,
)
from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from penstock.sdk.source import ReadContext

PASSING = [
    "html_page",
    "empty_body",
    "cut_json",
    "array_body",
    "reset_before",
    "reset_within",
    "cut_body",
    "cut_chunks",
    429,
    500,
    502,
    503,
    504,
    520,
]


def sandbox(contacts: int = 250, **options: Any) -> Sandbox:
    return Sandbox(SandboxOptions(contacts=contacts, rate_limit=None, **options))


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("table", ["contacts", "accounts"])
def test_a_passing_fault_loses_nothing(fault: Any, table: str) -> None:
    with sandbox(sizes={"accounts": 250}) as box, opened(box) as source:
        box.fail(fault, f"/{table}", nth=(2,), retry_after=0) if fault == 429 else box.fail(
            fault, f"/{table}", nth=(2,)
        )
        got = read(source, table)
        assert same_rows(got.ids, ids(box, table))
        assert got.verified is True
        assert source.stats.retries == 1


def test_one_fault_in_twenty_calls_loses_nothing() -> None:
    with sandbox(contacts=600, fault_rate=0.05, retry_after=0) as box, opened(box) as source:
        for split in source.plan(source.discover()):
            got = read(source, split.name)
            assert same_rows(got.ids, ids(box, split.name)), split.name
            assert got.verified is True, split.name


@pytest.mark.parametrize("status", [403, 404])
def test_an_object_that_is_not_offered_is_unavailable(status: int) -> None:
    with sandbox() as box, opened(box) as source:
        box.unavailable("segments", status)
        with pytest.raises(Unavailable) as raised:
            read(source, "segments")
        assert raised.value.where["object"] == "segments"
        assert len(read(source, "lists").ids) == len(ids(box, "lists"))


def test_a_single_403_is_not_believed() -> None:
    with sandbox() as box, opened(box) as source:
        box.fail(403, "/lists", times=1)
        assert same_rows(read(source, "lists").ids, ids(box, "lists"))


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_stops_and_says_where_the_right_one_is(status: int) -> None:
    with sandbox(bad_token_status=status) as box:
        with opened(box, api_key="not-the-token") as source:
            for table in ("contacts", "lists"):
                with pytest.raises(AuthError) as raised:
                    read(source, table)
                assert "Settings > Developer" in str(raised.value.hint)
                assert raised.value.exit_code == 2
            assert len(box.calls) <= 3
            steps = list(source.check())
        assert [step.name for step in steps][-1] == "login"
        assert not steps[-1].ok
        assert "Settings > Developer" in str(steps[-1].hint)


def test_a_key_withdrawn_while_reading_stops_the_job() -> None:
    with sandbox() as box, opened(box) as source:
        read(source, "tags")
        box.fail(403, "*")
        with pytest.raises(AuthError) as raised:
            read(source, "lists")
        assert "Settings > Developer" in str(raised.value.hint)


def test_an_unpaid_account_stops_the_job() -> None:
    with sandbox() as box, opened(box) as source:
        box.plan_inactive()
        with pytest.raises(ConfigError) as raised:
            read(source, "lists")
        assert raised.value.code == "account.inactive"


def test_a_server_that_is_not_the_api_is_a_mistake_in_the_settings() -> None:
    with (
        sandbox() as box,
        opened(box, api_url=f"{box.url}/elsewhere") as source,
        pytest.raises(ConfigError),
    ):
        read(source, "lists")


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("shape", ["message", "errors"])
def test_a_refused_call_fails_the_object_in_the_words_of_the_api(status: int, shape: Any) -> None:
    with sandbox() as box, opened(box) as source:
        box.fail(status, "/lists", shape=shape)
        with pytest.raises(ObjectFailed) as raised:
            read(source, "lists")
        assert str(status) in raised.value.message
        assert raised.value.where["object"] == "lists"


@pytest.mark.parametrize("fault", ["no_envelope", "envelope_object", "envelope_null"])
def test_an_answer_without_its_rows_is_no_empty_object(fault: Any) -> None:
    with sandbox() as box, opened(box) as source:
        box.fail(fault, "/lists")
        with pytest.raises(ObjectFailed):
            read(source, "lists")
        assert calls(box, "/lists") == 3


@pytest.mark.parametrize("fault", [500, "html_page", "cut_json", "empty_body"])
def test_a_fault_that_stays_is_for_later_and_keeps_what_came(fault: Any) -> None:
    with sandbox() as box:
        with opened(box) as source:
            rule = box.fail(fault, "/contacts", nth=tuple(range(3, 90)))
            reading = source.read(split_of("contacts"), None, ReadContext())
            batches = [next(reading)]
            with pytest.raises(TransientError):
                next(reading)
        assert rule.fired == 6
        box.clear_faults()
        found = [key for b in batches for key in b.rows.column("id").to_pylist()]
        with opened(box) as source:
            rest = read(source, "contacts", batches[-1].checkpoint)
        assert same_rows(found + rest.fresh, ids(box, "contacts"))
        assert rest.verified is True


def test_rows_that_are_no_rows_are_set_aside_and_flag_nothing() -> None:
    with sandbox() as box, opened(box) as source:
        box.spoil("accounts", 7, "not_object")
        got = read(source, "accounts")
        failed = [event for batch in got.batches for event in batch.failed]
        assert [(e.object, e.stage, e.code) for e in failed] == [
            ("accounts", "INGESTION", "PARSE_ERROR")
        ]
        assert same_rows([*got.ids, 7], ids(box, "accounts"))
        assert got.verified is False


@pytest.mark.parametrize("kind", ["no_id", "null_id"])
@pytest.mark.parametrize("table", ["contacts", "accounts"])
def test_a_row_without_id_goes_on_for_the_engine_to_set_aside(kind: Any, table: str) -> None:
    with sandbox(sizes={"accounts": 250}) as box, opened(box) as source:
        # In the middle of a page, and on the border of two.
        spoilt = [ids(box, table)[at] for at in (6, 99)]
        for row_id in spoilt:
            box.spoil(table, row_id, kind)
        got = read(source, table)
        assert got.ids.count(None) == 2
        wanted = [row_id for row_id in ids(box, table) if row_id not in spoilt]
        assert same_rows([row_id for row_id in got.ids if row_id], wanted)


def test_a_server_that_cannot_be_reached_is_named_by_its_step() -> None:
    with sandbox() as box:
        url = box.url
    with sandbox() as box, opened(box, api_url=url) as source:
        steps = list(source.check())
    assert [step.name for step in steps] == ["settings", "DNS", "TCP"]
    assert not steps[-1].ok


def test_the_key_is_nowhere_to_be_seen(caplog: pytest.LogCaptureFixture) -> None:
    key = "c0ffee00deadbeef"
    caplog.set_level(logging.DEBUG)
    with (
        sandbox() as box,
        opened(box, api_key=key) as source,
        pytest.raises(PenstockError) as raised,
    ):
        read(source, "lists")
    error = raised.value
    assert key not in f"{error!r} {error.to_dict()} {source!r} {caplog.text}"


@pytest.mark.parametrize("fault", ["no_envelope", "envelope_object", "envelope_null"])
def test_one_answer_without_its_rows_is_not_believed(fault: Any) -> None:
    with sandbox() as box, opened(box) as source:
        box.fail(fault, "/tags", nth=(1,))
        assert same_rows(read(source, "tags").ids, ids(box, "tags"))


def test_a_login_that_keeps_failing_is_tried_once_for_all_objects() -> None:
    with sandbox() as box, opened(box) as source:
        box.fail(503, "/users/me")
        for table in ("contacts", "deals", "tags"):
            with pytest.raises(TransientError):
                read(source, table)
        assert calls(box, "/users/me") == 6
        assert {call.path for call in box.calls} == {"/users/me"}


@pytest.mark.parametrize("fault", ["html_page", "empty_body"])
def test_a_login_answered_by_no_api_is_tried_again(fault: Any) -> None:
    with sandbox() as box, opened(box) as source:
        box.fail(fault, "/users/me", nth=(1,))
        assert same_rows(read(source, "tags").ids, ids(box, "tags"))
        assert calls(box, "/users/me") == 2
