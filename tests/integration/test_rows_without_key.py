"""Objects whose source gives no key, from a card to tables (pipelines.md 3.1)."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from loopback import Play, Request, Server, reply
from penstock.control.workspace import Workspace
from penstock.core.cards import Card, Setting
from penstock.core.errors import ConfigError
from penstock.core.progress import Progress, Summary
from penstock.core.records import FailedFilter
from penstock.core.registry import Registry
from penstock.sdk.opening import settings_model
from penstock.worker import look
from penstock.worker.jobs import run_pipeline
from penstock.worker.options import RunOptions
from penstock.worker.preview import preview
from penstock.worker.replay import show
from runs import read_table

EVENTS = [f'{{"kind": "click", "at": "2025-01-0{n}T10:00:00Z", "n": {n}}}' for n in range(1, 8)]
SPEND = [{"day": f"2025-01-0{n}", "campaign": "a", "cost": n * 10} for n in range(1, 8)]


class Quiet:
    """A watcher that looks away."""

    def progress(self, snapshot: Progress) -> None: ...

    def message(self, level: str, text: str) -> None: ...


@dataclass
class Space:
    """A workspace that reads a server's lists, which the test changes."""

    root: Path
    destination: dict[str, Any]
    events: list[str] = field(default_factory=lambda: [*EVENTS])
    spend: list[dict[str, Any]] = field(default_factory=lambda: [{**row} for row in SPEND])
    url: str = ""

    def answer(self, request: Request, _number: int) -> Play:
        if request.path == "/spend":
            return reply(json.dumps(self.spend))
        since = dict(request.params).get("since", "")
        return reply(f"[{', '.join(e for e in self.events if json.loads(e)['at'] >= since)}]")

    def open(self, **pipeline: Any) -> Workspace:
        only = {"include": ["events", "spend"]}
        plan = {"source": "feed", "destination": "warehouse", "objects": only, **pipeline}
        spec = {
            "version": 1,
            "sources": {"feed": {"type": "feed", "url": self.url}},
            "destinations": {"warehouse": self.destination},
            "pipelines": {"p": plan},
        }
        (self.root / "penstock.yaml").write_text(json.dumps(spec))
        card = Card(
            name="feed",
            title="Feed",
            role="source",
            settings={"url": Setting(type="url", label="URL", required=True)},
            rest={
                "base_url": {"setting": "url"},
                "streams": {
                    "events": {"path": "/events", "primary_key": []},
                    "spend": {"path": "/spend", "row_id": ["day", "campaign"]},
                    "changes": {
                        "path": "/changes",
                        "row_id": "payload",
                        "cursor": {"field": "at", "after": "since"},
                    },
                },
            },
            folder=self.root,
        )
        cards = {**Registry.scan().cards, ("source", "feed"): card}
        return Workspace.open(
            self.root, registry=Registry(cards), model_of=settings_model, environ={}
        )

    def run(self, options: RunOptions | None = None, **pipeline: Any) -> Summary:
        chosen = options or RunOptions()
        return run_pipeline(self.open(**pipeline), "p", chosen, Quiet(), threading.Event())

    def table(self, name: str, where: str = "") -> list[dict[str, Any]]:
        return read_table(self.destination, self.root, name, where)

    def ids(self, name: str, where: str = "") -> list[str]:
        return sorted(row["_ps_id"] for row in self.table(name, where))


def counts(summary: Summary, name: str = "events") -> dict[str, int | None]:
    books = next(item.books for item in summary.objects if item.object == name)
    assert summary.error is None
    return {
        key: value
        for key, value in books.to_dict().items()
        if value and key not in ("loaded", "bytes_read")
    }


def id_of(record: str) -> str:
    plain = json.dumps(json.loads(record), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def space(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Space]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    destination = {"type": "duckdb", "path": str(tmp_path / "w.duckdb")}
    if request.param == "postgres":
        destination = {"type": "postgres", "url": request.getfixturevalue("postgres_url")}
    made = Space(tmp_path, destination)
    with Server(made.answer) as server:
        made.url = server.url
        yield made


def test_rows_are_merged_by_what_they_hold(space: Space) -> None:
    space.events.append(EVENTS[0])
    assert counts(space.run()) == {"read": 8, "collapsed": 1, "inserted": 7}
    assert space.ids("events") == sorted(map(id_of, EVENTS))
    # Written in another way, the same record.
    space.events[1] = '{"n":2.0,"at":"2025-01-02T10:00:00Z","kind":"\\u0063lick"}'
    assert counts(space.run()) == {"read": 8, "collapsed": 1, "unchanged": 7}
    # One changes: the old row is gone from the source, and the new one is another.
    space.events = [*EVENTS[:-1], EVENTS[-1].replace("click", "view")]
    changed = counts(space.run())
    assert changed == {"read": 7, "inserted": 1, "unchanged": 6, "flagged": 1}
    assert space.ids("events", "not _ps_deleted") == sorted(map(id_of, space.events))
    space.events = [*EVENTS]
    again = counts(space.run())
    assert again == {"read": 7, "updated": 1, "unchanged": 6, "flagged": 1}
    assert space.ids("events", "not _ps_deleted") == sorted(map(id_of, EVENTS))


def test_a_report_is_merged_by_its_dimensions(space: Space) -> None:
    assert counts(space.run(), "spend") == {"read": 7, "inserted": 7}
    space.spend[2]["cost"] = 99
    space.spend[3]["clicks"] = 5
    assert counts(space.run(), "spend") == {"read": 7, "updated": 2, "unchanged": 5}
    third = id_of('{"day": "2025-01-03", "campaign": "a"}')
    assert [row["cost"] for row in space.table("spend", f"_ps_id = '{third}'")] == [99]


def test_changed_rows_are_others_and_a_sweep_of_ids_finds_the_old_ones(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.sdk.rest.source.duration_ms", lambda _: 0)  # due at each run

    def run() -> dict[str, int | None]:
        return counts(space.run(objects={"include": ["changes"]}), "changes")

    assert run() == {"read": 7, "inserted": 7}
    # The last row is read again, for rows may share its time.
    assert run() == {"read": 1, "unchanged": 1}
    space.events[1] = EVENTS[1].replace("2025-01-02", "2025-01-08")
    assert run() == {"read": 2, "inserted": 1, "unchanged": 1, "flagged": 1}
    assert space.ids("changes", "not _ps_deleted") == sorted(map(id_of, space.events))


def test_append_keeps_every_reading_with_its_id(space: Space) -> None:
    for _ in range(2):
        assert counts(space.run(load_mode="append")) == {"read": 7, "inserted": 7}
    assert space.ids("events") == sorted([*map(id_of, EVENTS)] * 2)


def test_history_keeps_versions_by_id(space: Space) -> None:
    space.run(load_mode="history")
    assert counts(space.run(load_mode="history")) == {"read": 7, "unchanged": 7}
    space.spend[0]["cost"] = 11
    gone = space.events.pop()
    ended = space.run(load_mode="history")
    assert counts(ended) == {"read": 6, "unchanged": 6, "flagged": 1}
    assert counts(ended, "spend") == {"read": 7, "updated": 1, "unchanged": 6}
    assert space.ids("events", "not _ps_is_active") == [id_of(gone)]
    first = id_of('{"day": "2025-01-01", "campaign": "a"}')
    versions = space.table("spend", f"_ps_id = '{first}'")
    assert {(row["cost"], row["_ps_is_active"]) for row in versions} == {(10, False), (11, True)}


def test_a_failed_row_comes_back_under_the_id_it_was_read_with(space: Space) -> None:
    space.run(schema_policy="BLOCK_ALL")
    odd = '{"kind": "click", "at": "2025-01-08T10:00:00Z", "n": "many", "new": {"b": 1.50}}'
    space.events.append(odd)
    assert counts(space.run(schema_policy="BLOCK_ALL"))["failed"] == 1
    [event] = show(space.open(), "p", 10, {})
    assert (event["code"], event["key"]) == ("INCOMPATIBLE_TYPE", id_of(odd))
    replayed = counts(space.run(RunOptions(replay=FailedFilter())))
    assert replayed == {"read": 1, "inserted": 1}
    assert id_of(odd) in space.ids("events")
    assert "inserted" not in counts(space.run())


def test_a_user_may_do_without_the_id_or_choose_a_key(space: Space) -> None:
    settings = {"events": {"primary_key": []}, "spend": {"primary_key": ["day"]}}
    ended = [space.run(settings=settings) for _ in range(2)]
    assert len(space.table("events")) == 14
    assert len(space.table("spend")) == 7
    assert not {"_ps_id"} & {*space.table("events")[0], *space.table("spend")[0]}
    assert [text for text in ended[1].warnings if "has no key" in text]
    assert not [text for text in ended[1].warnings if "PRIMARY_KEY_CHANGED" in text]


def test_a_table_from_before_the_ids_goes_on_until_it_is_made_anew(space: Space) -> None:
    before = {"events": {"primary_key": []}}
    space.run(settings=before)
    told = space.run()
    assert len(space.table("events")) == 14
    assert [text for text in told.warnings if "--full-refresh" in text and "_ps_id" in text]
    with pytest.raises(ConfigError) as refused:
        look.plan(space.open(load_mode="history"), None)
    assert refused.value.code == "config.mode_switch"
    stopped = run_pipeline(
        space.open(load_mode="history"), "p", RunOptions(), Quiet(), threading.Event()
    )
    assert (stopped.exit_code, len(space.table("events"))) == (2, 14)
    space.run(RunOptions(full_refresh=True))
    assert space.ids("events") == sorted(map(id_of, EVENTS))
    last = space.run()
    assert counts(last) == {"read": 7, "unchanged": 7}
    assert not [text for text in last.warnings if "PRIMARY_KEY_CHANGED" in text]


def test_plan_and_preview_show_the_key(space: Space) -> None:
    planned = {item.object: item for _, item in look.plan(space.open(), None)}
    assert planned["events"].key == planned["spend"].key == ("_ps_id",)
    assert '"_ps_id"' in planned["events"].statements[0]
    shown = preview(space.open(), "p", "events", 3)["events"]
    assert shown.column("_ps_id").to_pylist() == [id_of(text) for text in EVENTS[:3]]
    assert [stream.key for stream in look.discover(space.open(), "feed")] == [("_ps_id",)] * 3
