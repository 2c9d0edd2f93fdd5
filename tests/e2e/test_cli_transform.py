"""Transformations as their author meets them: test, deploy, run, mend, replay, go back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from runs import Ended, Space

SCRIPT = """
from io.hevo.api import Event, TimeUtils, Utils

def transform(event):
    props = event.getProperties()
    if event.getEventName() == 'tags':
        return None
    print('contact', props['id'])
    props['domain'] = props['email'].split('@')[1]
    if props['id'] % 7 == 0:
        raise ValueError('sevens')
    event.rename('people')
    link = Event('domains', {'domain': props['domain']})
    link.setPrimaryKeys(['domain'])
    return [event, link]
"""
MASKED = {
    "blocks": [
        {
            "id": "b1",
            "type": "HASH_FIELDS",
            "filters": {
                "event": [{"on": "EVENT_TYPE", "op": "EQ", "value": "contacts"}],
                "field": [{"on": "FIELD_NAME", "op": "EQ", "value": "email"}],
            },
            "settings": {"algorithm": "SHA256", "salt": "${PEPPER}"},
        },
        {
            "id": "b2",
            "type": "RENAME_EVENTS",
            "filters": {"event": [{"on": "EVENT_TYPE", "op": "EQ", "value": "tags"}]},
            "settings": {"mode": "PREFIX", "value": "crm_"},
        },
    ]
}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(SandboxOptions(contacts=40, rate_limit=None, seed=3)) as box:
        yield box


def _space(root: Path, box: Sandbox, transform: object) -> Space:
    pipeline = {"transform": transform, "objects": {"include": ["contacts", "tags"]}}
    return Space(root, box, {"type": "duckdb", "path": "w.duckdb"}, pipeline=pipeline).write()


def _balanced(ended: Ended) -> bool:
    books = ended.summary
    gone = ("filtered", "collapsed", "oversize", "failed", "loaded")
    return bool(books["read"] + books["created"] == sum(books[name] for name in gone))


def test_a_script_is_tested_deployed_mended_and_its_failures_replayed(
    tmp_path: Path, box: Sandbox
) -> None:
    space = _space(tmp_path, box, "shape.py")
    (tmp_path / "shape.py").write_text(SCRIPT)
    tried = space.command(
        "transform", "test", "crm", "--object", "contacts", "--sample", "7", "--json"
    )
    events = [line for line in tried.lines if line["type"] == "event"]
    assert [made["event_name"] for made in events[0]["outputs"]] == ["people", "domains"]
    assert events[0]["console"] == [f"contact {events[0]['before']['id']}"]
    failed = [event["error"] for event in events if event["error"]]
    assert [(e["code"], e["type"], e["line"]) for e in failed] == [
        ("TRANSFORM_ERROR", "TRANSFORM_EXCEPTION", 11)
    ]
    (people,) = [s for s in tried.lines if s["type"] == "schema" and s["event_type"] == "people"]
    assert people["added"]["domain"] == "STRING"
    assert not (tmp_path / "w.duckdb").exists(), "a test loads nothing"
    deployed = space.command("transform", "deploy", "crm", "--comment", "first", "--json").lines[0]
    assert (deployed["version"], deployed["tested"], deployed["changed"]) == (1, True, True)

    ended = space.run()
    contacts, tags = len(box.rows("contacts")), len(box.rows("tags"))
    sevens = sum(int(row["id"]) % 7 == 0 for row in box.rows("contacts"))
    assert ended.code == 3, ended.err
    assert _balanced(ended)
    assert (ended.summary["filtered"], ended.summary["failed"]) == (tags, sevens)
    assert ended.summary["created"] == contacts - sevens
    assert len(space.rows("people")) == contacts - sevens
    domains = {row["email"].split("@")[1] for row in box.rows("contacts") if int(row["id"]) % 7}
    assert {row["domain"] for row in space.rows("domains")} == domains
    shown = space.command("failed", "crm", "show", "--json").lines[0]
    assert (shown["stage"], shown["sub_code"], shown["line"]) == (
        "TRANSFORMATION", "TRANSFORM_EXCEPTION", 11,
    )  # fmt: skip

    (tmp_path / "shape.py").write_text(SCRIPT.replace("raise ValueError('sevens')", "pass"))
    before = space.run()
    assert "not the one in force" in before.out, "a file that is not deployed changes nothing"
    assert space.command("transform", "deploy", "crm").code == 0
    waiting = sum(group["count"] for group in space.command("failed", "crm", "--json").lines)
    again = space.command("failed", "crm", "replay", "--json")
    assert again.code == 0, again.err
    assert again.summary["created"] == waiting >= sevens
    assert _balanced(again)
    assert len(space.rows("people")) == contacts


def test_a_block_flow_is_checked_run_and_rolled_back(tmp_path: Path, box: Sandbox) -> None:
    wrong = {"blocks": [{"id": "b1", "type": "HASH_FIELDS", "settings": {"algorithm": "ROT13"}}]}
    space = _space(tmp_path, box, wrong)
    refused = space.run()
    assert refused.code == 2
    assert "b1" in refused.out + refused.err
    assert space.command("plan", "crm").code == 2
    space = _space(tmp_path, box, MASKED)
    planned = space.command("plan", "crm", "--json", PEPPER="salt").lines
    assert "crm_tags" in [line.get("table") for line in planned]
    ended = space.run(PEPPER="salt")
    assert ended.code == 0, ended.err
    assert all(len(row["email"]) == 64 for row in space.rows("contacts"))
    assert len(space.rows("crm_tags")) == len(box.rows("tags"))
    catalog = (tmp_path / ".penstock" / "catalog.db").read_bytes()
    assert b"PEPPER" in catalog, "the reference is kept"
    history = space.command("transform", "history", "crm", "--json").lines
    assert [(v["version"], v["status"]) for v in history] == [(1, "DEPLOYED")]

    space = _space(tmp_path, box, None)
    assert space.command("transform", "deploy", "crm").code == 0
    plain = space.run("--full-refresh")
    assert plain.code == 0, plain.err
    assert all("@" in row["email"] for row in space.rows("contacts"))
    back = space.command("transform", "rollback", "crm", "--json").lines[0]
    assert (back["version"], back["method"], back["comment"]) == (3, "BLOCKS", "as version 1")


def test_a_script_that_breaks_at_run_fails_every_event_and_the_run_goes_on(
    tmp_path: Path, box: Sandbox
) -> None:
    space = _space(tmp_path, box, "shape.py")
    (tmp_path / "shape.py").write_text(
        "import time\n\ndef transform(event):\n    return event\n\n"
        "assert time.time() < float('inf')\n"
    )
    assert space.command("transform", "deploy", "crm").code == 0
    catalog = tmp_path / ".penstock" / "catalog.db"
    _break(catalog)
    ended = space.run()
    assert ended.code == 3, ended.err
    assert ended.summary["loaded"] == 0
    assert ended.summary["failed"] == ended.summary["read"] > 0
    assert _balanced(ended)
    groups = space.command("failed", "crm", "--json").lines
    assert {group["code"] for group in groups} == {"TRANSFORM_ERROR"}
    assert len({group["reason"] for group in groups}) == 1
    assert "cannot run" in ended.out


def _break(catalog: Path) -> None:
    """As an upgrade might: the code of the module does not run any more."""
    import sqlite3

    with sqlite3.connect(catalog) as connection:
        connection.execute(
            "update transformation_version set body = replace(body, 'float(''inf'')', '0')"
        )


def test_without_a_layer_of_the_sandbox_no_script_runs(
    tmp_path: Path, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = _space(tmp_path, box, "shape.py")
    (tmp_path / "shape.py").write_text(SCRIPT)
    (tmp_path / "sitecustomize.py").write_text(
        "from penstock.transforms.python import host\nhost.LAYERS = (*host.LAYERS, 'moat')\n"
    )
    refused = space.run(PYTHONPATH=str(tmp_path))
    assert refused.code == 2
    assert "moat" in refused.err + refused.out
    assert not (tmp_path / "w.duckdb").exists()
    checked = space.command("check", PYTHONPATH=str(tmp_path))
    assert checked.code == 2
    assert "moat" in checked.out
    allowed = space.run(PYTHONPATH=str(tmp_path), PENSTOCK_SANDBOX="weaker")
    assert allowed.code == 3, allowed.err
    assert allowed.summary["loaded"] > 0
