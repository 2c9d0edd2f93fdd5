"""The server goes away in the middle of a run: what is staged waits, and is delivered first."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.engine.package import pending
from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from runs import PIPELINE, Space
from servers import PostgresServer


@pytest.mark.postgres
def test_staged_rows_wait_for_the_server_and_are_not_read_again(tmp_path: Path) -> None:
    pipeline = {"objects": {"include": ["contacts"]}, "package_rows": 200}
    with (
        PostgresServer() as server,
        Sandbox(SandboxOptions(contacts=1_200, rate_limit=None, seed=5)) as box,
    ):
        destination = {"type": "postgres", "url": server.url, "schema": "crm"}
        space = Space(tmp_path, box, destination, pipeline).write()
        box.after("/contacts", 6, server.kill)
        down = space.run()
        assert down.code == 75, (down.out, down.err)
        assert down.summary["error"]["code"] == "destination.unreachable"
        waiting = list(pending(tmp_path / ".penstock" / "staging" / PIPELINE))
        staged = sum(part.rows for package in waiting for part in package.parts)
        assert staged > 0
        known = down.object("contacts")["loaded"] + staged
        last = sorted(int(row["id"]) for row in box.rows("contacts"))[known - 1]
        before = len(box.calls)
        server.start()
        after = space.run()
        assert after.code == 0, (after.out, after.err)
        pages = [call.query for call in box.calls[before:] if "id_greater" in call.query]
        assert pages[0].endswith(f"id_greater={last}")
        assert after.object("contacts")["loaded"] >= 1_200 - known + staged
        assert space.differences(["contacts"]) == []
        assert len(space.rows("contacts")) == 1_200
        assert space.leftovers() == []
