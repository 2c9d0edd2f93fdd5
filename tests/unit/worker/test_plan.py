"""What becomes of objects without a key (pipelines.md 4.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from penstock.core.errors import ConfigError
from penstock.core.load import WriteMode
from penstock.core.mapping import Column, Mapping
from penstock.core.records import Generation
from penstock.core.spec import PipelineSpec
from penstock.core.stream import RowId, Stream
from penstock.sdk.destination import Capabilities
from penstock.worker.plan import held_back, keyless, stream_plan, with_mapped_key

FEED = Stream("events", pa.schema([("at", pa.int64())]), row_id=RowId())
EVENTS = Stream("events", pa.schema([("at", pa.int64())]))
ALL = Capabilities(modes=frozenset(WriteMode))


def spec(mode: str, own: str | None = None) -> PipelineSpec:
    settings: dict[str, Any] = {"events": {"load_mode": own}} if own else {}
    return PipelineSpec(source="s", destination="d", load_mode=mode, settings=settings)


@pytest.mark.parametrize(
    ("mode", "own", "told"),
    [
        ("merge", None, True),
        ("append", "merge", True),
        ("append", None, False),
        ("merge", "append", False),
    ],
)
def test_an_object_without_a_key_is_appended_and_told_where_merge_was_asked(
    mode: str, own: str | None, told: bool
) -> None:
    wanted = spec(mode, own)
    plan = stream_plan(wanted, EVENTS, ALL, Generation())
    assert (plan.mode, plan.key) == (WriteMode.APPEND, ())
    assert keyless({"events": plan}, wanted) == (["events"] if told else [])


def test_history_without_a_key_is_refused() -> None:
    with pytest.raises(ConfigError) as raised:
        stream_plan(spec("history"), EVENTS, ALL, Generation())
    assert raised.value.code == "config.history_without_key"


@pytest.mark.parametrize("mode", list(WriteMode))
def test_generated_ids_are_a_key_in_every_mode(mode: WriteMode) -> None:
    plan = stream_plan(spec(mode.value), FEED, ALL, Generation())
    assert (plan.mode, plan.key) == (mode, ("_ps_id",))
    assert keyless({"events": plan}, spec(mode.value)) == []


@pytest.mark.parametrize(
    ("key", "mode"),
    [([], WriteMode.APPEND), (["at"], WriteMode.MERGE), (["_ps_id"], WriteMode.MERGE)],
)
def test_the_user_may_choose_another_key_or_none(key: list[str], mode: WriteMode) -> None:
    wanted = PipelineSpec(source="s", destination="d", settings={"events": {"primary_key": key}})
    plan = stream_plan(wanted, FEED, ALL, Generation())
    assert (plan.mode, plan.key) == (mode, tuple(key))


@pytest.mark.parametrize("key", [["_ps_id"], ["at", "_ps_id"]])
def test_rows_that_have_no_id_cannot_have_it_as_their_key(key: list[str]) -> None:
    wanted = PipelineSpec(source="s", destination="d", settings={"events": {"primary_key": key}})
    with pytest.raises(ConfigError) as raised:
        stream_plan(wanted, EVENTS, ALL, Generation())
    assert raised.value.code == "config.unknown_key"


@pytest.mark.parametrize("policy", ["ALLOW_ALL", "ALLOW_COLUMNS", "BLOCK_ALL"])
@pytest.mark.parametrize("include", [True, False, None])
def test_new_objects_are_held_back_by_the_schema_policy(policy: str, include: bool | None) -> None:
    wanted = PipelineSpec(
        source="s", destination="d", schema_policy=policy, include_new_tables=include
    )
    held = held_back(wanted, [EVENTS], ["other"], by_default=True)
    assert (held == []) is (policy == "ALLOW_ALL" and include is not False)
    assert held_back(wanted, [EVENTS], [], by_default=True) == []


PEOPLE = Stream("people", pa.schema([("id", pa.int64())]), primary_key=("id",))
BY_MAIL = Mapping(
    "people", "people", ("mail",),
    (Column("Mail", "mail", pa.field("mail", pa.string())),), auto=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("mapping", "key", "mode"),
    [
        (None, ("id",), WriteMode.MERGE),
        (BY_MAIL, ("Mail",), WriteMode.MERGE),
        (replace(BY_MAIL, key=()), (), WriteMode.APPEND),
        (replace(BY_MAIL, auto=True), ("id",), WriteMode.MERGE),
        (replace(BY_MAIL, table=""), ("id",), WriteMode.MERGE),
    ],
)
def test_a_key_that_was_chosen_by_hand_is_used(
    mapping: Mapping | None, key: tuple[str, ...], mode: WriteMode
) -> None:
    plan = stream_plan(spec("merge"), PEOPLE, ALL, Generation())
    found = with_mapped_key(plan, mapping, auto_mapping=True)
    assert (found.key, found.mode) == (key, mode)
