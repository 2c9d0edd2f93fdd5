"""What Penstock remembers is lost or set back: the destination's ledger brings it back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fault.matrix import change
from fault.truths import OBJECTS, States, compare
from penstock.sandbox.activecampaign import Sandbox, SandboxOptions
from runs import Space

FILE = {"type": "duckdb", "path": "warehouse.duckdb"}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(SandboxOptions(contacts=160, rate_limit=None, seed=7)) as sandbox:
        yield sandbox


def space(root: Path, box: Sandbox, mode: str) -> Space:
    pipeline = {"load_mode": mode, "objects": {"include": list(OBJECTS)}, "package_rows": 60}
    return Space(root, box, FILE, pipeline=pipeline).write()


def ids(box: Sandbox) -> dict[str, set[str]]:
    return {table: {str(row["id"]) for row in box.rows(table)} for table in OBJECTS}


def state(place: Space) -> Path:
    return place.root / ".penstock"


def test_a_lost_catalog_goes_on_from_the_ledger(tmp_path: Path, box: Sandbox) -> None:
    place, states = space(tmp_path, box, "append"), States()
    states.look(box)
    assert [place.run().code for _ in range(2)] == [0, 0]
    change(box)
    states.look(box)
    shutil.rmtree(state(place))
    ended = place.run()
    assert ended.code == 0, ended.err
    assert compare(place, "append", states) == []
    # Only the changes and the overlap of a day were read, and the user is told why.
    assert ended.object("contacts")["inserted"] == 6
    assert "--full-refresh" in " ".join(ended.summary["warnings"])
    # A reload still builds beside the table, under a generation of its own.
    assert place.run("--full-refresh").code == 0
    assert len(place.rows("contacts")) == len(box.rows("contacts"))


@pytest.mark.parametrize("torn", [False, True], ids=["alone", "with its log"])
def test_an_emptied_catalog_goes_on_from_the_ledger(
    tmp_path: Path, box: Sandbox, torn: bool
) -> None:
    """A file of no bytes is taken for a new catalog: in append mode, what it forgot must not
    come twice."""
    place, states = space(tmp_path, box, "append"), States()
    states.look(box)
    assert place.run().code == 0
    change(box)
    states.look(box)
    for companion in state(place).glob("catalog.db-*"):
        companion.unlink()
    (state(place) / "catalog.db").write_bytes(b"")
    if torn:
        (state(place) / "catalog.db-wal").write_bytes(b"\x37\x7f\x06\x82" + b"\0" * 500)
    ended = place.run()
    assert ended.code == 0, ended.err
    assert compare(place, "append", states) == []
    assert ended.object("contacts")["inserted"] == 6


def test_a_lost_catalog_does_not_trust_the_ledger_about_a_dropped_table(
    tmp_path: Path, box: Sandbox
) -> None:
    place = space(tmp_path, box, "merge")
    assert place.run().code == 0
    shutil.rmtree(state(place))
    import duckdb

    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("drop table contacts")
    assert place.run().code == 0
    assert len(place.rows("contacts")) == len(box.rows("contacts"))


def test_a_catalog_lost_with_a_package_in_staging(tmp_path: Path, box: Sandbox) -> None:
    place, states = space(tmp_path, box, "append"), States()
    states.look(box)
    assert place.run(PENSTOCK_FAILPOINT="load.after_commit:3").code < 0
    for file in state(place).glob("catalog*"):
        file.unlink()
    assert place.run().code == 0
    assert compare(place, "append", states) == []
    assert place.leftovers() == []


def test_staging_lost_after_a_load_that_the_catalog_missed(tmp_path: Path, box: Sandbox) -> None:
    place, states = space(tmp_path, box, "append"), States()
    states.look(box)
    assert place.run(PENSTOCK_FAILPOINT="load.after_commit:3").code < 0
    shutil.rmtree(state(place) / "staging")
    assert place.run().code == 0
    assert compare(place, "append", states) == []


def test_a_catalog_set_back_to_a_copy_from_before_a_reload(tmp_path: Path, box: Sandbox) -> None:
    place = space(tmp_path, box, "append")
    assert place.run().code == 0
    shutil.copytree(state(place), tmp_path / "copy")
    change(box)
    assert [place.run().code, place.run("--full-refresh").code] == [0, 0]
    shutil.rmtree(state(place))
    (tmp_path / "copy").rename(state(place))
    for added in (0, 2):
        box.add("contacts", added)
        ended = place.run()
        assert ended.code == 0, ended.err
        assert ended.object("contacts")["inserted"] == added
    # The table is the reloaded one, and nothing came twice.
    assert sorted(str(row["id"]) for row in place.rows("contacts")) == sorted(ids(box)["contacts"])
