"""`import penstock`: reading that is given up, and jobs in several threads of one process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest

import penstock
from penstock.core.errors import TransientError
from penstock.sandbox.activecampaign.box import Sandbox
from penstock.sandbox.activecampaign.options import SandboxOptions

CONTACTS = 12_000
ONLY = "{include: [contacts]}"
FILE = """\
version: 1
sources:
  crm: {{type: activecampaign, api_url: "{url}", api_key: "{token}", rate_limit: null}}
destinations:
  warehouse: {{type: duckdb, path: warehouse.duckdb}}
pipelines:
  a: {{source: crm, destination: warehouse, destination_prefix: a, objects: {only}}}
  b: {{source: crm, destination: warehouse, destination_prefix: b, objects: {only}}}
"""


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(SandboxOptions(contacts=CONTACTS, rate_limit=None)) as sandbox:
        yield sandbox


@pytest.fixture
def root(tmp_path: Path, box: Sandbox) -> Path:
    (tmp_path / "penstock.yaml").write_text(FILE.format(url=box.url, token=box.token, only=ONLY))
    return tmp_path


def test_reading_that_is_given_up_ends_its_threads_and_calls(box: Sandbox) -> None:
    settings: dict[str, Any] = {"api_url": box.url, "api_key": box.token, "rate_limit": None}
    before = set(threading.enumerate())
    rows = penstock.read("activecampaign", settings, object="contacts")
    assert 0 < next(rows).num_rows < CONTACTS
    rows.close()  # type: ignore[attr-defined]
    assert set(threading.enumerate()) <= before
    assert list(rows) == []
    # Nothing is in the way of reading once more, to the end.
    again = penstock.read("activecampaign", settings, object="contacts")
    assert sum(batch.num_rows for batch in again) == CONTACTS


@pytest.mark.parametrize("shared", [True, False], ids=["one workspace", "two of one folder"])
def test_one_pipeline_started_in_two_threads_has_one_writer(root: Path, shared: bool) -> None:
    first = penstock.open(root)
    opened = [first, first if shared else penstock.open(root)]
    together = threading.Barrier(2)

    def run(number: int) -> str:
        together.wait(30)
        try:
            return str(opened[number].run("a").status)
        except TransientError as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        ended = sorted(pool.map(run, range(2)))
    # The second is refused; or it came so late that the first had ended.
    assert ended in (["COMPLETED", "job.running"], ["COMPLETED", "COMPLETED"])
    assert counted(root, "a_contacts") == (CONTACTS, CONTACTS)


def test_two_pipelines_run_in_two_threads_into_one_file(root: Path) -> None:
    workspace = penstock.open(root)
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(workspace.run, ["a", "b"]))
    assert [(summary.status, summary.totals.loaded) for summary in ended] == [
        ("COMPLETED", CONTACTS)
    ] * 2
    assert counted(root, "a_contacts") == counted(root, "b_contacts") == (CONTACTS, CONTACTS)


def counted(root: Path, table: str) -> tuple[int, int]:
    with duckdb.connect(str(root / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.execute(f"SELECT count(*), count(DISTINCT id) FROM {table}").fetchone()
    assert found is not None
    return found[0], found[1]
