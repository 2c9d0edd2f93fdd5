"""SIGKILL around every call to the store, and the disk lost as well: exact, and nothing left."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import duckdb
import pytest

from fault.matrix import change
from fault.truths import States, compare
from penstock.core.failpoints import STORE_NAMES
from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from runs import PIPELINE, Ended, Space
from stores import SECRET, Bucket, refusing

FILE = {"type": "duckdb", "path": "warehouse.duckdb"}
OBJECTS = ("contacts", "deals", "tags", "brandings")
LATER = ("stage.between_uploads:3", "discard.halfway:2")
MODES = ("merge", "append", "history")


class Cloud:
    """A workspace of which only catalog, store and warehouse outlive a machine."""

    def __init__(self, root: Path, box: Sandbox, bucket: Bucket, catalog: str, mode: str) -> None:
        self.bucket = bucket
        self.space = Space(
            root,
            box,
            FILE,
            pipeline={
                "load_mode": mode,
                "objects": {"include": list(OBJECTS)},
                "package_rows": 60,
            },
            state={"catalog": catalog, "staging": f"s3://{bucket.name}/pen stock"},
        ).write()

    def run(self, *words: str, **env: str) -> Ended:
        return self.space.run(*words, **self.bucket.variables, **env)

    def lose_the_disk(self) -> None:
        shutil.rmtree(self.space.root / ".penstock")

    def left(self) -> list[str]:
        return [key for key in self.bucket.listed() if "/failed/" not in key]


@pytest.fixture
def box() -> Sandbox:
    with Sandbox(SandboxOptions(contacts=160, rate_limit=None, seed=7)) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("place", "mode"),
    [(name, MODES[at % 3]) for at, name in enumerate((*STORE_NAMES, *LATER))],
)
def test_a_kill_and_a_lost_disk_neither_lose_nor_double(
    place: str, mode: str, tmp_path: Path, box: Sandbox, bucket: Bucket, postgres_url: str
) -> None:
    cloud, states = Cloud(tmp_path / "space", box, bucket, postgres_url, mode), States()
    states.look(box)
    if place.startswith("fetch."):
        assert cloud.run(PENSTOCK_FAILPOINT="load.after_commit:2").code == -signal.SIGKILL
        cloud.lose_the_disk()
    assert cloud.run(PENSTOCK_FAILPOINT=place).code == -signal.SIGKILL
    cloud.lose_the_disk()
    ended = cloud.run()
    assert ended.code == 0, ended.err
    assert compare(cloud.space, mode, states) == []
    assert cloud.left() == []


def test_changes_are_read_on_a_machine_that_knows_nothing(
    tmp_path: Path, box: Sandbox, bucket: Bucket, postgres_url: str
) -> None:
    cloud, states = Cloud(tmp_path / "space", box, bucket, postgres_url, "append"), States()
    states.look(box)
    assert cloud.run().code == 0
    cloud.lose_the_disk()
    change(box)
    states.look(box)
    assert cloud.run(PENSTOCK_FAILPOINT="keys.dropped").code == -signal.SIGKILL
    cloud.lose_the_disk()
    assert cloud.run().code == 0
    assert compare(cloud.space, "append", states) == []
    assert cloud.left() == []


def test_failed_events_are_shown_and_replayed_on_another_machine(
    tmp_path: Path, box: Sandbox, bucket: Bucket, postgres_url: str
) -> None:
    cloud = Cloud(tmp_path / "space", box, bucket, postgres_url, "merge")
    assert cloud.run().code == 0
    warehouse = tmp_path / "space" / "warehouse.duckdb"
    bad = box.rows("tags")[1]["id"]
    box.update("tags", bad, tag="refused")
    with duckdb.connect(str(warehouse)) as connection:
        rule(connection, "check (tag <> 'refused')")
    ended = cloud.run()
    assert ended.object("tags")["failed"] == 1, ended.err
    assert len(bucket.listed()) == 1
    cloud.lose_the_disk()
    shown = cloud.space.command("failed", PIPELINE, "show", "--json", **bucket.variables)
    assert "refused" in shown.lines[0]["raw"]
    with duckdb.connect(str(warehouse)) as connection:
        rule(connection, "")
    again = cloud.space.command("failed", PIPELINE, "replay", "--json", **bucket.variables)
    assert again.code == 0, again.err
    assert [row["tag"] for row in cloud.space.rows("tags", f"id = {bad}")] == ["refused"]
    assert cloud.run().code == 0
    assert bucket.listed() == []


def rule(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    """Make the table anew with a rule; DuckDB cannot add one to a table."""
    columns = connection.sql("select name, type from pragma_table_info('tags')").fetchall()
    names = ", ".join(f'"{name}" {kind}' for name, kind in columns)
    connection.execute("create temp table kept as from tags; drop table tags")
    connection.execute(f"create table tags ({names}{', ' + text if text else ''})")
    connection.execute("insert into tags from kept; drop table kept")


def test_the_secret_of_the_store_is_nowhere(
    tmp_path: Path, box: Sandbox, bucket: Bucket, postgres_url: str
) -> None:
    cloud = Cloud(tmp_path / "space", box, bucket, postgres_url, "merge")
    (cloud.space.root / ".env").write_text(
        "".join(f"{name}={value}\n" for name, value in bucket.variables.items())
    )
    with refusing(403, "SignatureDoesNotMatch") as url:
        ended = cloud.space.run("-v", AWS_ENDPOINT_URL=url, PENSTOCK_LOG_LEVEL="DEBUG")
    assert ended.code == 2
    assert ended.summary["error"]["code"] == "staging.auth"
    said = ended.out + ended.err
    files = (tmp_path / "space" / ".penstock").rglob("*")
    said += "".join(file.read_text(errors="replace") for file in files if file.is_file())
    assert SECRET not in said
