"""`penstock verify` as a user calls it, of an API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from runs import PIPELINE, Space


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(SandboxOptions(contacts=300, rate_limit=None)) as running:
        yield running


def test_an_api_is_compared_and_repaired(box: Sandbox, tmp_path: Path) -> None:
    objects = ("contacts", "tags", "deals")
    space = Space(
        tmp_path, box, {"type": "duckdb", "path": "out.duckdb"},
        pipeline={"objects": {"include": list(objects)}},
    ).write()  # fmt: skip
    assert space.command("verify", PIPELINE).code == 2
    assert space.command("run", PIPELINE).code == 0
    ended = space.command("verify", PIPELINE, "--json")
    assert ended.code == 0, (ended.out, ended.err)
    assert {line["object"]: line["status"] for line in ended.lines} == dict.fromkeys(
        objects, "equal"
    )
    with duckdb.connect(str(tmp_path / "out.duckdb")) as copy:
        copy.execute("update contacts set email = email || 'x' where id = 17")
        copy.execute("delete from contacts where id = 18")
        copy.execute("insert into tags by name (select 999999 as id, 'false' as tag)")
    ended = space.command("verify", PIPELINE, "--wait", "0", "--json")
    assert ended.code == 4, (ended.out, ended.err)
    found = {line["object"]: line for line in ended.lines}
    assert found["contacts"]["kinds"] == {"changed": 1, "missing": 1}
    assert found["tags"]["kinds"] == {"extra": 1}
    (column,) = found["contacts"]["keys"][0]["columns"]
    assert (column["column"], column["destination"]) == ("email", column["source"] + "x")

    ended = space.command("verify", PIPELINE, "--wait", "0", "--object", "contacts")
    assert ended.code == 4
    assert "other values" in ended.out
    assert "missing in the table" in ended.out
    assert f"penstock verify {PIPELINE} --repair" in ended.err

    ended = space.command("verify", PIPELINE, "--wait", "0", "--repair")
    assert ended.code == 0, (ended.out, ended.err)
    assert space.command("verify", PIPELINE, "--wait", "0").code == 0
    with duckdb.connect(str(tmp_path / "out.duckdb")) as copy:
        assert copy.execute("select _ps_deleted from tags where id = 999999").fetchall() == [
            (True,)
        ]
