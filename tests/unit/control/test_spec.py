"""The spec: schedules, selections, what export writes."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from penstock.core.schedule import Schedule
from penstock.core.spec import PipelineSpec, Selection, WorkspaceSpec


@pytest.mark.parametrize(
    ("written", "every_s"),
    [("5m", 300), ("30m", 1800), ("1h", 3600), ("24h", 86_400), ("manual", None)],
)
def test_a_schedule_is_minutes_hours_or_by_hand(written: str, every_s: int | None) -> None:
    schedule = TypeAdapter(Schedule).validate_python(written)
    assert (schedule.every_s, str(schedule)) == (every_s, written)


@pytest.mark.parametrize("written", ["1m", "7m", "25h", "0h", "1.5h", "1d", "6", "", "hourly"])
def test_other_intervals_are_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Schedule).validate_python(written)


def test_a_cron_line_has_a_zone() -> None:
    schedule = Schedule.model_validate({"cron": "0 7 * * 1-5", "tz": "Europe/Berlin"})
    assert schedule.model_dump() == {"cron": "0 7 * * 1-5", "tz": "Europe/Berlin"}


@pytest.mark.parametrize(
    "written",
    [
        {"cron": "0 7 * *"}, {"cron": "every day"}, {"cron": "0 7 * * *", "tz": "Berlin"},
        {"cron": "0 7 * * *", "tz": "../etc/passwd"}, {"at": "7:00"},
    ],
)  # fmt: skip
def test_a_cron_line_that_cannot_work_is_refused(written: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Schedule.model_validate(written)


@pytest.mark.parametrize(
    ("include", "exclude", "taken"),
    [
        (["*"], [], ["deals", "deal_roles", "tags"]),
        (["deal*"], [], ["deals", "deal_roles"]),
        (["*"], ["deal_*"], ["deals", "tags"]),
        (["tags", "deals"], ["tags"], ["deals"]),
        ([], [], []),
    ],
)
def test_patterns_choose_objects_and_exclusions_win(
    include: list[str], exclude: list[str], taken: list[str]
) -> None:
    selection = Selection(include=tuple(include), exclude=tuple(exclude))
    assert [name for name in ("deals", "deal_roles", "tags") if selection.takes(name)] == taken


def plain(**pipeline: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "sources": {"crm": {"type": "x", "key": "${KEY}"}},
        "destinations": {"file": {"type": "y"}},
        "pipelines": {"p": {"source": "crm", "destination": "file", **pipeline}},
    }


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"schedule": "30m", "load_mode": "history", "destination_prefix": "ac"},
        {"schedule": {"cron": "0 7 * * *", "tz": "Europe/Berlin"}},
        {"objects": {"include": ["a*"], "exclude": ["ab"]}},
        {"settings": {"contacts": {"primary_key": ["id"], "load_mode": "append"}}},
        {"name_style": "snake", "infer_dates": False, "schema_policy": "BLOCK_ALL"},
        {"failure_policy": "STRICT", "json_strategy": "JSON_STRINGS", "delete_safety": 0.5},
    ],
)
def test_a_round_trip_changes_nothing(settings: dict[str, Any]) -> None:
    spec = WorkspaceSpec.model_validate(plain(**settings))
    assert spec.to_plain() == plain(**settings)
    assert WorkspaceSpec.model_validate(spec.to_plain()) == spec


def test_words_may_be_written_in_any_case() -> None:
    spec = PipelineSpec.model_validate(
        {"source": "a", "destination": "b", "load_mode": "MERGE", "failure_policy": "strict"}
    )
    assert (spec.load_mode, spec.failure_policy) == ("merge", "STRICT")


@pytest.mark.parametrize(
    "name", ["", " x", "x\n", "a\x00b", "n" * 256], ids=["empty", "space", "line", "nul", "long"]
)
def test_names_that_do_not_work_are_refused(name: str) -> None:
    raw = plain()
    raw["pipelines"] = {name: raw["pipelines"]["p"]}
    with pytest.raises(ValidationError):
        WorkspaceSpec.model_validate(raw)


def test_a_name_can_have_255_characters() -> None:
    raw = plain()
    raw["pipelines"] = {"n" * 255: raw["pipelines"]["p"]}
    assert list(WorkspaceSpec.model_validate(raw).pipelines) == ["n" * 255]
