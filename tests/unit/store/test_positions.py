"""Positions of splits and numbers of full reloads."""

import pytest

from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import ConfigError, InternalError
from penstock.core.records import Generation, JobRecord, SavedPosition
from penstock.store import Catalog
from unit.store.kit import PIPELINE, Clock, package

HERE = Checkpoint({"after": 41}, {"udate": "2026-11-23"}, {"contacts": {"id": "p"}})


def test_nothing_is_known_before_the_first_commit(catalog: Catalog) -> None:
    assert catalog.positions.load(PIPELINE) == {}
    assert catalog.positions.load("unheard of") == {}
    assert catalog.positions.generations(PIPELINE) == {}


def test_a_position_can_be_put_somewhere(catalog: Catalog, clock: Clock) -> None:
    catalog.positions.set(PIPELINE, "deals", HERE, generation=2, pass_info={"n": 1})
    assert catalog.positions.load(PIPELINE) == {
        "deals": SavedPosition(HERE, 2, 0, {"n": 1}, clock.ms)
    }
    with pytest.raises(ConfigError):
        catalog.positions.set("unheard of", "deals", HERE)


def test_a_reset_split_starts_over_but_its_packages_count_on(
    catalog: Catalog, job: JobRecord
) -> None:
    catalog.commit(package(job, 7))
    catalog.positions.set(PIPELINE, "deals", HERE)
    assert catalog.positions.reset(PIPELINE, "contacts") == 1
    saved = catalog.positions.load(PIPELINE)
    assert saved["contacts"].checkpoint is None
    assert saved["contacts"].package_no == 7
    assert saved["deals"].checkpoint == HERE
    assert catalog.positions.reset(PIPELINE) == 2
    assert catalog.positions.load(PIPELINE)["deals"].checkpoint is None


def test_setting_a_position_keeps_generation_and_package_number(
    catalog: Catalog, job: JobRecord
) -> None:
    catalog.commit(package(job, 7))
    catalog.positions.set(PIPELINE, "contacts", HERE)
    position = catalog.positions.load(PIPELINE)["contacts"]
    assert (position.checkpoint, position.package_no) == (HERE, 7)


def test_a_reload_is_kept_until_it_is_shown(catalog: Catalog) -> None:
    positions = catalog.positions
    positions.set_generation(PIPELINE, "deals", Generation(0, 1, "history"))
    assert positions.generations(PIPELINE) == {"deals": Generation(0, 1, "history")}
    positions.publish_generation(PIPELINE, "deals", 1)
    assert positions.generations(PIPELINE) == {"deals": Generation(1, None)}


def test_an_older_reload_that_is_shown_leaves_the_newer_one_as_it_is(catalog: Catalog) -> None:
    catalog.positions.set_generation(PIPELINE, "deals", Generation(0, 2, "merge"))
    catalog.positions.publish_generation(PIPELINE, "deals", 1)
    assert catalog.positions.generations(PIPELINE) == {"deals": Generation(1, 2, "merge")}


def test_publishing_twice_is_safe_and_going_back_is_refused(catalog: Catalog) -> None:
    for _ in range(2):
        catalog.positions.publish_generation(PIPELINE, "deals", 4)
    with pytest.raises(InternalError) as raised:
        catalog.positions.publish_generation(PIPELINE, "deals", 3)
    assert raised.value.code == "generation.overtaken"
    assert catalog.positions.generations(PIPELINE) == {"deals": Generation(4, None)}


def test_a_later_generation_ends_the_reload_that_it_overtakes(catalog: Catalog) -> None:
    catalog.positions.set_generation(PIPELINE, "deals", Generation(0, 1, "merge"))
    catalog.positions.publish_generation(PIPELINE, "deals", 2)
    assert catalog.positions.generations(PIPELINE) == {"deals": Generation(2, None)}


def test_how_a_history_ended_is_kept_with_the_word_that_it_was_read(
    catalog: Catalog, clock: Clock
) -> None:
    positions, end = catalog.positions, Checkpoint({"complete": True, "snapshot": {"at": 7}})
    positions.set(PIPELINE, "deals", HERE, generation=1)
    clock.ms += 1
    positions.set(PIPELINE, "deals#again", end, generation=1)
    clock.ms += 1
    positions.set(PIPELINE, "deals#older", HERE, generation=0)
    positions.history_read(PIPELINE, "deals", 1, False)
    saved = positions.load(PIPELINE)
    assert saved["deals#"].checkpoint == end
    assert saved["deals"].checkpoint == HERE
    assert saved["deals#again"].checkpoint is None
    assert saved["deals#older"].checkpoint is None
