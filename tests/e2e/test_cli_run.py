"""The program from outside: commands, output for machines, exit codes, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

import penstock
from penstock.core.records import Severity
from penstock.engine.run import Outcome
from penstock.engine.task import Task
from penstock.sandbox.activecampaign.box import Sandbox
from penstock.sandbox.activecampaign.options import SandboxOptions
from penstock.store import Catalog

FILE = """\
version: 1
sources:
  crm: {type: activecampaign, api_url: "${AC_API_URL}", api_key: "${AC_API_KEY}"}
destinations:
  warehouse: {type: duckdb, path: warehouse.duckdb}
pipelines:
  main:
    source: crm
    destination: warehouse
    destination_prefix: ac
    objects: {include: [contacts, deals, tags, tasks, stages, users]}
"""


@dataclass(frozen=True)
class Program:
    """The `penstock` program in one workspace."""

    root: Path
    environment: dict[str, str]

    def start(self, *line: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "penstock", *line], cwd=self.root, env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __call__(self, *line: str, code: int = 0) -> str:
        """Run one command; its stdout."""
        child = self.start(*line)
        out, err = child.communicate(timeout=120)
        assert child.returncode == code, err or out
        return out

    def records(self, *line: str, code: int = 0) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self(*line, "--json", code=code).splitlines()]

    def reading(self) -> duckdb.DuckDBPyConnection:
        """The warehouse, open for reading only: others may read it too, and nobody can write."""
        return duckdb.connect(str(self.root / "warehouse.duckdb"), read_only=True)

    def query(self, sql: str) -> list[Any]:
        with self.reading() as connection:
            rows: list[Any] = connection.execute(sql).fetchall()
        return rows


@pytest.fixture
def crm() -> Iterator[Sandbox]:
    with Sandbox(SandboxOptions(contacts=120, rate_limit=None)) as sandbox:
        yield sandbox


@pytest.fixture
def program(tmp_path: Path, crm: Sandbox) -> Program:
    (tmp_path / "penstock.yaml").write_text(FILE)
    (tmp_path / ".env").write_text(f"AC_API_URL={crm.url}\nAC_API_KEY={crm.token}\n")
    names = ("PENSTOCK_WORKSPACE", "PENSTOCK_HOME", "PENSTOCK_FAILPOINT")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return Program(tmp_path, kept)


def test_run_prints_json_lines_and_ends_with_the_summary(program: Program, crm: Sandbox) -> None:
    summary = program.records("run", "main")[-1]
    assert (summary["type"], summary["status"]) == ("summary", "COMPLETED")
    contacts = next(item for item in summary["objects"] if item["object"] == "contacts")
    assert contacts["table"] == "ac_contacts"
    assert contacts["loaded"] == contacts["inserted"] == len(crm.rows("contacts"))
    assert program.query("select count(*) from ac_contacts") == [(len(crm.rows("contacts")),)]


def test_a_second_run_writes_only_what_changed(program: Program, crm: Sandbox) -> None:
    program("run", "main")
    crm.add("contacts", 3)
    crm.delete("tasks", crm.rows("tasks")[0]["id"])
    summary = program.records("run", "main")[-1]
    changed = {
        item["object"]: (item["inserted"], item["updated"], item["deleted"] + item["flagged"])
        for item in summary["objects"]
        if item["inserted"] or item["updated"] or item["deleted"] or item["flagged"]
    }
    assert changed == {"contacts": (3, 0, 0), "tasks": (0, 0, 1)}


def test_people_get_a_table_and_one_sentence(program: Program) -> None:
    lines = program("run", "main").splitlines()
    assert lines[0].split()[:4] == ["object", "table", "mode", "status"]
    assert len([line for line in lines if "completed" in line]) == 6
    assert lines[-1].startswith("Done: 6 of 6 objects in ")


def test_one_object_can_be_named(program: Program) -> None:
    summary = program.records("run", "main", "--object", "tags")[-1]
    assert [item["object"] for item in summary["objects"]] == ["tags"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(("run", "mian"), "Did you mean 'main'?", id="pipeline"),
        pytest.param(("run", "main", "--object", "tag"), "Did you mean 'tags'?", id="object"),
        pytest.param(("check", "cmr"), "Did you mean 'crm'?", id="connection"),
        pytest.param(("discover", "warehouse"), "There is no source", id="source"),
        pytest.param(
            ("run", "main", "--full-refresh", "--from", "2026-01-01"),
            "--full-refresh builds the tables anew", id="window of a rebuild",
        ),
        pytest.param(
            ("run", "main", "--from", "2026-01-02", "--to", "2026-01-02T00:00:00Z"),
            "is not before --to", id="empty window",
        ),
    ],
)  # fmt: skip
def test_a_wrong_name_is_told_with_the_nearest(
    program: Program, line: tuple[str, ...], said: str
) -> None:
    child = program.start(*line)
    _, err = child.communicate(timeout=60)
    assert (child.returncode, said in err) == (2, True), err
    assert program.records("jobs") == []


def test_a_file_that_names_an_unknown_object_is_refused_with_its_place(program: Program) -> None:
    file = program.root / "penstock.yaml"
    file.write_text(file.read_text().replace("[contacts, deals,", "[contacts, dealz, x*,"))
    child = program.start("run", "main")
    _, err = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "penstock.yaml:11:35: 'crm' has no object 'dealz'. Did you mean 'deals'?" in err
    assert not (program.root / "warehouse.duckdb").exists()


def test_a_refused_key_is_the_users_to_change(program: Program) -> None:
    env = program.root / ".env"
    env.write_text(env.read_text().replace("sandbox-token", "wr0ng-t0ken"))
    child = program.start("run", "main")
    out, err = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "error: " in err
    assert "hint: " in err
    assert "wr0ng-t0ken" not in out + err


def test_an_unreachable_source_is_a_matter_of_time(program: Program) -> None:
    (program.root / ".env").write_text("AC_API_URL=http://127.0.0.1:9\nAC_API_KEY=x\n")
    child = program.start("check", "crm")
    child.communicate(timeout=120)
    assert child.returncode == 75


def test_an_object_that_is_not_offered_is_listed_and_does_not_fail_the_job(
    program: Program, crm: Sandbox
) -> None:
    crm.unavailable("tasks", 403)
    child = program.start("run", "main")
    _, err = child.communicate(timeout=60)
    assert child.returncode == 0
    assert "Not available: tasks." in err


def test_ctrl_c_stops_in_order_and_the_next_run_goes_on(program: Program, crm: Sandbox) -> None:
    crm.fail("slow", "/contacts", seconds=0.5)
    child = program.start("run", "main", "--json")
    assert child.stdout is not None
    for line in child.stdout:
        if any(item["object"] == "contacts" for item in json.loads(line).get("running", ())):
            break
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 130
    assert json.loads(out.splitlines()[-1])["status"] == "CANCELED"
    crm.clear_faults()
    assert program.records("run", "main")[-1]["status"] == "COMPLETED"
    assert program.query("select count(*) from ac_contacts") == [(len(crm.rows("contacts")),)]


def test_check_names_every_step(program: Program) -> None:
    steps = program.records("check")
    assert {step["connection"] for step in steps} == {"crm", "warehouse"}
    assert all(step["ok"] for step in steps)


def test_discover_lists_all_objects_and_the_fields_of_one(program: Program) -> None:
    objects = {item["object"]: item for item in program.records("discover", "crm")}
    assert len(objects) == 38
    assert objects["contacts"]["mode"] == "INCREMENTAL"
    fields = {item["field"] for item in program.records("discover", "crm", "--object", "tags")}
    assert {"id", "tag"} <= fields


def test_preview_and_plan_write_nothing(program: Program) -> None:
    rows = program.records("preview", "main", "--object", "tags", "-n", "3")
    assert len(rows) == 3
    assert {"id", "tag"} <= rows[0].keys()
    planned = program.records("plan", "main")
    assert len(planned) == 6
    assert all(item["table"] == f"ac_{item['object']}" for item in planned)
    assert all(item["statements"][0].startswith("CREATE TABLE ") for item in planned)
    assert not (program.root / "warehouse.duckdb").exists()
    assert not (program.root / ".penstock").exists()


def test_a_plan_after_a_run_only_reads_the_destination(program: Program) -> None:
    program("run", "main", "--object", "tags")
    with program.reading():
        planned = {item["object"]: item["statements"] for item in program.records("plan", "main")}
    assert planned["tags"] == []
    assert planned["tasks"][0].startswith("CREATE TABLE ")


def test_a_plan_names_the_columns_of_its_mode(program: Program) -> None:
    file = program.root / "penstock.yaml"
    file.write_text(file.read_text() + "    load_mode: history\n")
    planned = {item["object"]: item["statements"] for item in program.records("plan", "main")}
    assert "_ps_valid_from" in planned["tags"][0]


def test_status_and_jobs_tell_what_happened(program: Program) -> None:
    (before,) = program.records("status")
    assert before["state"] == "NEVER_RUN"
    assert not (program.root / ".penstock").exists()
    summary = program.records("run", "main")[-1]
    (after,) = program.records("status")
    assert (after["state"], after["last_job"]) == ("ACTIVE", summary["job"])
    (one,) = program.records("status", "main")
    assert {item["object"] for item in one["objects"]} >= {"contacts", "tags"}
    (job,) = program.records("jobs", "main")
    assert (job["job"], job["read"]) == (summary["job"], summary["read"])
    (shown,) = program.records("jobs", "show", summary["job"][:24])
    assert shown["read"] == summary["read"]
    assert len(shown["objects"]) == 6
    program("jobs", "cancel", summary["job"], code=2)


def test_nothing_has_failed(program: Program) -> None:
    program("run", "main", "--object", "tags")
    assert program.records("failed", "main") == []


def test_a_record_that_fails_is_kept_shown_tried_again_and_given_up(
    program: Program, crm: Sandbox
) -> None:
    crm.spoil("tags", 7, "null_id")
    summary = program.records("run", "main", "--object", "tags", code=3)[-1]
    assert (summary["status"], summary["failed"]) == ("COMPLETED_WITH_FAILURES", 1)
    (group,) = program.records("failed", "main")
    assert (group["event_type"], group["count"]) == ("tags", 1)
    (event,) = program.records("failed", "main", "show")
    assert json.loads(event["raw"])["id"] is None
    again = program.records("failed", "main", "replay", code=3)[-1]
    assert (again["failed"], program.records("status")[0]["failed_events"]) == (1, 1)
    assert program.records("failed", "main", "skip", "--yes")[0]["skipped"] == 1
    assert program.records("failed", "main") == []


def test_python_runs_the_same_job_and_reads_without_a_destination(
    program: Program, crm: Sandbox
) -> None:
    summary = penstock.open(program.root).run("main")
    assert (summary.status, summary.exit_code) == ("COMPLETED", 0)
    settings = {"api_url": crm.url, "api_key": crm.token}
    batches = list(penstock.read("activecampaign", settings, object="contacts"))
    assert sum(batch.num_rows for batch in batches) == len(crm.rows("contacts"))


def test_a_job_that_a_bug_ends_has_failed_in_the_history_too(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("penstock.worker.jobs.run", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        penstock.open(program.root).run("main")
    (job,) = program.records("jobs", "main")
    assert (job["status"], job["ended_at"] is not None) == ("FAILED", True)


def test_books_that_do_not_balance_are_no_success(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(task: Task, _splits: object) -> Outcome:
        task.states["tags"].books.read += 1
        return Outcome()

    monkeypatch.setattr("penstock.worker.jobs.run", forgetful)
    summary = penstock.open(program.root).run("main", objects=["tags"])
    assert (summary.status, summary.exit_code) == ("FAILED", 1)
    assert summary.error is not None
    assert summary.error["code"] == "internal.books"


@pytest.mark.slow
def test_a_row_below_the_limit_is_loaded_and_one_above_it_named(
    program: Program, crm: Sandbox
) -> None:
    crm.spoil("tags", 2, "oversize", field="tag", size_bytes=120_000_000)
    crm.spoil("tags", 4, "oversize", field="tag", size_bytes=128_000_001)
    told = program("run", "main", "--object", "tags", code=3)
    (job,) = program.records("jobs", "show", program.records("jobs", "main")[0]["job"])
    assert f"Too large to load; warnings name them: penstock jobs show {job['job']}" in told
    tags = len(crm.rows("tags"))
    assert (job["read"], job["oversize"], job["loaded"]) == (tags, 1, tags - 1)
    assert any("id 4 " in text for text in job["warnings"])
    longest = "SELECT id FROM ac_tags WHERE length(tag) > 119000000"
    assert program.query(longest) == [(2,)]
    with closing(Catalog.open(str(program.root / ".penstock" / "catalog.db"))) as catalog:
        (entry,) = catalog.activity.list(severity=Severity.HIGH)
    assert (entry.action, entry.details["object"]) == ("events.oversize", "tags")
    assert any("id 4 " in text for text in entry.details["warnings"])
