"""Mapping by hand, from outside: events wait for a table, get one, and come back by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from runs import PIPELINE, Space

DUCK = {"type": "duckdb", "path": "warehouse.duckdb"}
OBJECTS = {"objects": {"include": ["contacts", "deals", "tags"]}, "destination_prefix": "ac"}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(SandboxOptions(contacts=60, rate_limit=None)) as sandbox:
        yield sandbox


@pytest.fixture
def by_hand(tmp_path: Path, box: Sandbox) -> Space:
    return Space(tmp_path / "w", box, DUCK, {**OBJECTS, "auto_mapping": False}).write()


def mapping(space: Space, *words: str, code: int = 0) -> list[dict[str, Any]]:
    done = space.command("mapping", *words, "--json")
    assert done.code == code, done.err or done.out
    return done.lines


def statuses(space: Space) -> dict[str, tuple[str, str | None]]:
    return {
        row["event_type"]: (row["status"], row["table"]) for row in mapping(space, "list", PIPELINE)
    }


def test_events_wait_until_their_type_is_mapped_and_come_back_by_themselves(
    by_hand: Space, box: Sandbox
) -> None:
    first = by_hand.run()
    contacts = len(box.rows("contacts"))
    assert first.object("contacts")["failed"] == contacts
    assert statuses(by_hand)["contacts"] == ("UNMAPPED", "")
    nothing = by_hand.command("preview", PIPELINE, "--object", "contacts")
    assert (nothing.code, "penstock mapping map crm contacts" in nothing.err) == (2, True)
    planned = mapping(by_hand, "map", PIPELINE, "contacts", "--dry-run")
    assert planned[0]["table"] == "ac_contacts"
    assert planned[0]["statements"][0].startswith('CREATE TABLE "main"."ac_contacts"')
    done = mapping(by_hand, "map", PIPELINE, "contacts", "tags", "--yes")
    assert (done[-1]["type"], done[-1]["status"]) == ("summary", "COMPLETED")
    assert statuses(by_hand)["contacts"] == ("MAPPED", "ac_contacts")
    assert by_hand.differences(["contacts", "tags"], prefix="ac_") == []
    groups = by_hand.command("failed", PIPELINE, "--json").lines
    assert {group["event_type"] for group in groups} == {"deals"}
    (mixed,) = mapping(by_hand, "map", PIPELINE, "deals", "--table", "ac_tags", "--dry-run")
    assert mixed["also_filled_by"] == [f"{PIPELINE}.tags"]
    assert not mixed["statements"][0].startswith("CREATE")
    # The next run goes on as if nothing had been.
    assert by_hand.run().object("contacts")["failed"] == 0
    assert by_hand.leftovers() == []


def test_a_file_maps_and_the_next_run_replays(by_hand: Space, box: Sandbox) -> None:
    by_hand.run()
    shown = by_hand.command("mapping", "show", PIPELINE).out
    plain = yaml.safe_load(shown)
    tags = plain["event_types"]["tags"]
    tags["table"] = "labels"
    tags["key"] = ["label"]
    tags["fields"] = {
        name: {"column": "label" if name == "tag" else name} for name in ("id", "tag")
    } | {name: "ignored" for name in tags["fields"] if name not in ("id", "tag")}
    file = by_hand.root / "mapping.yaml"
    file.write_text(yaml.safe_dump(plain))
    mapping(by_hand, "apply", PIPELINE, str(file), "--yes", "--no-replay")
    assert by_hand.rows("labels") == []
    waiting = by_hand.command("failed", PIPELINE, "--object", "tags")
    count = len(box.rows("tags"))
    assert f"The next run loads {count} events whose cause was mended." in waiting.err
    second = by_hand.run()
    assert second.object("tags")["failed"] == 0
    stored = {row["id"]: row["label"] for row in by_hand.rows("labels")}
    assert stored == {int(row["id"]): row["tag"] for row in box.rows("tags")}
    # The key that was chosen holds: what is read again replaces what is there.
    assert by_hand.run("--object", "tags").code == 0
    assert len(by_hand.rows("labels")) == len(stored)
    assert not {"description", "Description"} & by_hand.rows("labels")[0].keys()
    # What was written is what is shown, and applying it again changes nothing.
    shown = by_hand.command("mapping", "show", PIPELINE).out
    file.write_text(shown)
    again = by_hand.command("mapping", "apply", PIPELINE, str(file))
    assert (again.code, again.err) == (0, "Nothing was changed.\n")


def test_skipped_event_types_are_dropped_and_included_again(tmp_path: Path, box: Sandbox) -> None:
    space = Space(tmp_path / "w", box, DUCK, OBJECTS).write()
    assert space.run().code == 0
    (done,) = mapping(space, "skip", PIPELINE, "tags", "deals", "tagz")
    assert done["result"] == "skipped 2, not eligible 1"
    assert done["not_eligible"] == [{"event_type": "tagz", "why": "there is no such event type"}]
    skipped = space.run("--full-refresh")
    assert skipped.code == 0, skipped.err
    books = skipped.object("tags")
    assert (books["loaded"], books["failed"], books["filtered"]) == (0, 0, len(box.rows("tags")))
    assert space.differences(["contacts", "tags", "deals"], prefix="ac_") == []
    mapping(space, "include", PIPELINE, "tags", "deals")
    assert space.run("--full-refresh").object("tags")["loaded"] == len(box.rows("tags"))
    assert space.differences(["contacts", "tags", "deals"], prefix="ac_") == []


@pytest.mark.slow
def test_a_table_is_dropped_when_its_name_is_confirmed(tmp_path: Path, box: Sandbox) -> None:
    space = Space(tmp_path / "w", box, DUCK, OBJECTS).write()
    space.run()
    refused = space.command("mapping", "delete", PIPELINE, "tags")
    assert (refused.code, "ac_tags" in refused.err) == (2, True)
    mapping(space, "delete", PIPELINE, "tags", "--yes")
    assert statuses(space)["tags"] == ("UNMAPPED", "")
    # With auto mapping it is made again.
    assert space.run("--full-refresh").code == 0
    assert space.differences(["tags"], prefix="ac_") == []
