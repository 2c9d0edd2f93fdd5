"""A transformation in jobs of a log, in process: deploys, events that come again, verify."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

import duckdb
import pytest

from penstock.core.errors import ConfigError
from penstock.core.records import FailedFilter, Method
from penstock.engine.verify.result import Status
from penstock.store import Catalog
from penstock.worker.drafts import NO_DRAFT, findings, read_draft
from penstock.worker.events import ReplaySource
from penstock.worker.preview import preview
from penstock.worker.transformation import deploy, history, rollback
from penstock.worker.verify import VerifyOptions, verify
from unit.worker.log_space import Space

FOLK = 'transform: {blocks: [{id: b1, type: RENAME_EVENTS, settings: {mode: TO, value: "folk"}}]}'
LOUD = (
    "transform: {blocks: [{id: b1, type: TEXT_CASE, settings: {casing: UPPER}, "
    "filters: {field: [{on: FIELD_NAME, op: EQ, value: name}]}}]}"
)
STRICT = (
    "transform: {blocks: [{id: b1, type: PARSE_NUMBER, settings: {}, "
    "filters: {field: [{on: FIELD_NAME, op: EQ, value: body}]}}, "
    "{id: b2, type: RENAME_EVENTS, settings: {mode: TO, value: folk}}]}"
)


@pytest.fixture
def space(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Space:
    return Space(tmp_path, monkeypatch)


def _tables(space: Space) -> set[str]:
    with closing(duckdb.connect(str(space.root / "w.duckdb"), read_only=True)) as connection:
        return {row[0] for row in connection.execute("show tables").fetchall()}


def test_history_and_changes_of_a_log_go_to_the_renamed_table(space: Space) -> None:
    space.choose("*", more=FOLK)
    for number in (1, 2, 3):
        space.database.insert("people", number, f"n{number}")
    assert space.run().exit_code == 0
    space.database.update("people", 1, name="changed")
    space.database.delete("people", 2)
    space.database.move("people", 3, 33)
    done = space.run()
    assert done.exit_code == 0
    assert space.rows("folk") == space.database.rows("people")
    assert "people" not in _tables(space)
    (people,) = done.objects
    assert (people.table, people.event_type) == ("folk", "folk")
    (made,) = done.to_dict()["objects"][0]["event_types"]
    assert (made["event_type"], made["table"], made["loaded"]) == ("folk", "folk", 4)


def test_the_first_job_deploys_and_later_texts_wait_for_a_deploy(space: Space) -> None:
    space.choose("*", more=FOLK)
    space.database.insert("people", 1, "a")
    space.run()
    space.choose("*", more=LOUD)
    space.database.insert("people", 2, "b")
    done = space.run()
    assert any("not the one in force" in text for text in done.warnings)
    assert len(space.rows("folk")) == 2
    assert deploy(space.workspace, "p").version.version == 2
    assert not deploy(space.workspace, "p").changed
    space.database.insert("people", 3, "c")
    space.run()
    assert space.rows("people") == [(3, "C", "b")]
    back = rollback(space.workspace, "p")
    assert (back.version, back.comment) == (3, "as version 1")
    assert [v.status for v in history(space.workspace, "p")] == [
        "DEPLOYED", "SUPERSEDED", "SUPERSEDED",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="no version 9"):
        rollback(space.workspace, "p", 9)


def test_a_job_that_follows_ends_for_a_version_that_was_deployed(space: Space) -> None:
    space.choose("*", more=FOLK)
    space.database.insert("people", 1, "a")

    def deployed() -> None:
        space.choose("*", more=LOUD)
        deploy(space.workspace, "p")

    def jobs() -> int:
        with closing(Catalog.open(space.workspace.catalog_url)) as catalog:
            return len(catalog.jobs.list("p"))

    def loaded() -> int:
        with closing(Catalog.open(space.workspace.catalog_url)) as catalog:
            return sum(job.totals.loaded for job in catalog.jobs.list("p"))

    first = space.when(lambda: bool(history(space.workspace, "p")), deployed)
    next_one = space.when(lambda: jobs() > 1, lambda: space.database.insert("people", 2, "b"))
    last = space.when(lambda: not next_one.is_alive() and loaded() == 2, space.cancel.set)
    done = space.follow()
    for thread in (first, next_one, last):
        thread.join()
    assert space.rows("people") == [(2, "B", "b")]
    assert len(done) > 1, "the job ended for the new version"


def test_a_full_refresh_builds_the_tables_of_what_is_made_anew(space: Space) -> None:
    space.choose("*", more=FOLK)
    space.database.insert("people", 1, "a")
    space.database.insert("people", 2, "b")
    space.run()
    with space.database.lock:
        del space.database.tables["people"][2]
    space.run(full_refresh=True)
    assert space.rows("folk") == [(1, "a", "b")]
    assert space.generation() > 0


def test_refused_events_come_through_again_once_the_blocks_are_mended(space: Space) -> None:
    space.choose("*", more=STRICT)
    space.database.insert("people", 1, "a", "12")
    space.database.insert("people", 2, "b", "twelve")
    done = space.run()
    assert done.exit_code == 3
    assert done.totals.failed == 1
    space.choose("*", more=FOLK)
    deploy(space.workspace, "p")
    again = space.run(replay=FailedFilter())
    assert again.exit_code == 0
    assert sorted(row[0] for row in space.rows("folk")) == [1, 2]


def test_an_event_that_a_transformation_made_is_replayed_from_the_mapper_on(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, bool]] = []
    given = ReplaySource.read

    def read(self: ReplaySource, *words: Any) -> Any:
        for batch in given(self, *words):
            seen.append((batch.event_type, batch.shaped))
            yield batch

    monkeypatch.setattr(ReplaySource, "read", read)
    more = f"schema_policy: BLOCK_ALL, {STRICT}"
    space.choose("*", more=more)
    space.database.insert("people", 1, "a", "12")
    space.run()
    space.choose("*", more=f"schema_policy: BLOCK_ALL, {FOLK}")
    deploy(space.workspace, "p")
    space.database.insert("people", 2, "b", "no number for a column of numbers")
    assert space.run().totals.failed == 1
    space.run(replay=FailedFilter())
    assert seen == [("folk", True)]


def test_tables_of_what_was_made_are_not_compared(space: Space) -> None:
    space.choose("*", more=FOLK)
    space.database.insert("people", 1, "a")
    space.run()
    (result,) = verify(space.workspace, "p", VerifyOptions(), threading.Event())
    assert result.status is Status.NOT_COMPARED


def test_preview_shows_what_the_file_would_make(space: Space) -> None:
    space.choose("*", more=LOUD)
    space.database.insert("people", 1, "a")
    shown = preview(space.workspace, "p", "people", 5)
    assert shown["people"].column("name").to_pylist() == ["A"]


class TestDrafts:
    def test_a_pipeline_without_one_has_none(self, space: Space) -> None:
        assert read_draft(space.workspace, "p") == NO_DRAFT

    def test_a_flow_may_be_in_a_file_of_its_own(self, space: Space) -> None:
        space.choose("*", more="transform: flow.yaml")
        (space.root / "flow.yaml").write_text("- {id: b1, type: DROP_EVENTS}\n")
        draft = read_draft(space.workspace, "p")
        assert draft.method is Method.BLOCKS
        from penstock.transforms.deploying import Known

        (warning,) = findings(draft, Known())
        assert warning.warning

    def test_a_file_that_is_not_there_is_named(self, space: Space) -> None:
        space.choose("*", more="transform: gone.py")
        with pytest.raises(ConfigError, match=r"gone\.py"):
            read_draft(space.workspace, "p")
