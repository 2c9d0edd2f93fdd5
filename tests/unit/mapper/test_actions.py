"""Actions on event types: who qualifies, and what is told (pipelines.md 12.5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.core.mapping import Mapping
from penstock.core.records import MappingStatus
from penstock.mapper.actions import Action, act
from unit.mapper.kit import DEALS, NEW

AUTO = replace(DEALS, event_type="AUTO_MAPPED")
BY_HAND = replace(DEALS, event_type="MAPPED", auto=False)
SKIPPED = replace(DEALS, event_type="SKIPPED", skipped=True)
UNMAPPED = replace(NEW, event_type="UNMAPPED")
ALL = {item.event_type: item for item in (AUTO, BY_HAND, SKIPPED, UNMAPPED)}


def test_the_status_follows_from_what_a_mapping_holds() -> None:
    assert {name: str(item.status(by_default=True)) for name, item in ALL.items()} == {
        name: name for name in ALL
    }
    assert AUTO.status(by_default=False) is MappingStatus.MAPPED
    assert replace(AUTO, auto=True).status(by_default=False) is MappingStatus.AUTO_MAPPED


@pytest.mark.parametrize(
    ("action", "valid"),
    [
        (Action.SKIP, ["MAPPED", "AUTO_MAPPED", "UNMAPPED"]),
        (Action.INCLUDE, ["SKIPPED"]),
        (Action.UNMAP, ["MAPPED"]),
        (Action.RESET, ["MAPPED", "AUTO_MAPPED", "UNMAPPED", "SKIPPED"]),
        (Action.DELETE, ["MAPPED", "AUTO_MAPPED", "SKIPPED"]),
        (Action.AUTO_OFF, ["AUTO_MAPPED", "UNMAPPED", "SKIPPED"]),
        (Action.AUTO_ON, ["MAPPED", "AUTO_MAPPED", "UNMAPPED", "SKIPPED"]),
    ],
)
def test_an_action_is_for_these(action: Action, valid: list[str]) -> None:
    done = act(action, ALL, ALL, auto_mapping=True)
    assert {item.event_type for item in done.changed} == {*valid}
    assert {item.event_type for item in done.ineligible} == ALL.keys() - {*valid}


def test_five_to_skip_of_which_one_is_skipped() -> None:
    mappings = {f"t{n}": replace(AUTO, event_type=f"t{n}", skipped=n == 3) for n in range(5)}
    done = act(Action.SKIP, mappings, [*mappings, "t0"], auto_mapping=True)
    assert done.sentence == "skipped 4, not eligible 1"
    assert [(item.event_type, item.why) for item in done.ineligible] == [("t3", "it is SKIPPED")]
    assert all(item.skipped and item.version == 1 for item in done.changed)


def test_an_event_type_nobody_knows_is_told() -> None:
    done = act(Action.SKIP, ALL, ["nobody"], auto_mapping=True)
    assert (done.changed, done.ineligible[0].why) == ((), "there is no such event type")


def only(action: Action, mapping: Mapping) -> Mapping:
    (after,) = act(action, {"x": mapping}, ["x"], auto_mapping=True).changed
    return after


def test_unmapping_and_deleting_keep_what_is_known_of_the_fields() -> None:
    for action, before in ((Action.UNMAP, BY_HAND), (Action.DELETE, AUTO)):
        after = only(action, before)
        assert (after.table, after.key, after.columns) == ("", (), ())
        assert {item.field for item in after.left} == {"id", "title", "value", "Net Worth"}


def test_a_reset_forgets_the_fields_and_keeps_the_switches() -> None:
    after = only(Action.RESET, replace(BY_HAND, skipped=True))
    assert (after.table, after.columns, after.left) == ("", (), ())
    assert (after.auto, after.skipped) == (False, True)


def test_auto_mapping_takes_up_the_fields_that_waited_but_none_that_is_ignored() -> None:
    left = (*DEALS.left, replace(DEALS.left[0], field="secret", ignored=True))
    after = only(Action.AUTO_ON, replace(BY_HAND, left=left))
    assert ([item.field for item in after.left], after.auto) == (["secret"], True)
