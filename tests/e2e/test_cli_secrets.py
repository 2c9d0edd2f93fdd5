"""`penstock secrets` from outside, and a run that needs one."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.cli.main import execute
from penstock.sandbox.activecampaign.box import Sandbox
from penstock.sandbox.activecampaign.options import SandboxOptions

CANARY = "k3y-c4nary-0f-the-catal0g"
FILE = """\
version: 1
sources:
  crm:
    type: activecampaign
    api_url: {url}
    api_key: ${{secret:crm_key}}
destinations:
  warehouse: {{type: duckdb, path: warehouse.duckdb}}
pipelines:
  main:
    source: crm
    destination: warehouse
    objects: {{include: [tags, users]}}
"""


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(SandboxOptions(contacts=20, rate_limit=None, token=CANARY)) as sandbox:
        yield sandbox


@pytest.fixture
def root(tmp_path: Path, box: Sandbox) -> Path:
    (tmp_path / "penstock.yaml").write_text(FILE.format(url=box.url))
    return tmp_path


def program(
    root: Path, *line: str, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PENSTOCK_")}
    return subprocess.run(
        [sys.executable, "-m", "penstock", *line], cwd=root, env={**clean, **environment},
        input=stdin, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_run_uses_the_secret_and_leaves_no_trace_of_it(root: Path) -> None:
    said = [
        program(root, "secrets", "set", "crm_key", "--json", stdin=f"{CANARY}\n"),
        program(root, "check"),
        program(root, "run", "main", "--json", "-v", PENSTOCK_LOG_LEVEL="DEBUG"),
        program(root, "secrets", "--json"),
        program(root, "secrets", "rotate"),
        program(root, "run", "main", "--json"),
        program(root, "export"),
    ]
    assert [done.returncode for done in said] == [0] * len(said), said
    for done in said:
        assert CANARY not in done.stdout + done.stderr
    assert json.loads(said[0].stdout) == {"secret": "crm_key", "action": "set"}
    assert json.loads(said[3].stdout).keys() == {"name", "created_at", "updated_at"}
    assert "${secret:crm_key}" in said[6].stdout
    for file in root.rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file


def test_a_server_that_echoes_the_secret_is_not_quoted(root: Path) -> None:
    """A value opened only now joins what is struck out of errors."""
    wrong = "wr0ng-c4nary-0f-the-catal0g"
    program(root, "secrets", "set", "crm_key", stdin=wrong)
    done = program(root, "run", "main", "--json")
    assert done.returncode == 2
    assert wrong not in done.stdout + done.stderr


def test_a_secret_that_is_not_there_is_told_with_place_and_nearest_name(root: Path) -> None:
    program(root, "secrets", "set", "crm_kee", stdin=CANARY)
    done = program(root, "run", "main", "--json")
    assert done.returncode == 2
    problem = json.loads(done.stdout.splitlines()[-1])["error"]["problems"][0]
    assert (problem["line"], problem["column"]) == (6, 14)
    assert "'crm_key'" in problem["message"]
    assert "Did you mean 'crm_kee'?" in problem["message"]


@pytest.mark.parametrize("line", [["run", "main"], ["check", "crm"], ["secrets", "rotate"]])
def test_a_wrong_master_key_is_the_users_to_change(root: Path, line: list[str]) -> None:
    program(root, "secrets", "set", "crm_key", stdin=CANARY, PENSTOCK_SECRET_KEY="a right phrase")
    wrong = "an0ther phrase"
    done = program(root, *line, PENSTOCK_SECRET_KEY=wrong)
    assert done.returncode == 2
    said = done.stdout + done.stderr
    assert "PENSTOCK_SECRET_KEY" in said
    assert wrong not in said
    assert program(root, "status", PENSTOCK_SECRET_KEY=wrong).returncode == 0


@pytest.mark.parametrize(
    ("line", "stdin"),
    [
        pytest.param(["set", "crm_key", CANARY], "", id="on the command line"),
        pytest.param(["set", f"crm_key={CANARY}"], "", id="in the name"),
        pytest.param([CANARY], "", id="in place of the verb"),
        pytest.param(["set", "crm_key"], "", id="empty"),
        pytest.param(["set", "crm_key"], "x" * 1_000_001, id="far too long"),
        pytest.param(["set"], CANARY, id="no name"),
        pytest.param(["remove", "crm_key"], "", id="not there"),
        pytest.param(["rotate"], "", id="nothing to rotate"),
        pytest.param(["list", "crm_key"], "", id="a name too many"),
        pytest.param(["set", "a", "--key-file", "b"], CANARY, id="an option too many"),
    ],
)
def test_misuse_is_refused_and_shows_no_value(
    root: Path,
    line: list[str],
    stdin: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert execute(["secrets", *line, "--workspace", str(root)]) == 2
    said = capsys.readouterr()
    assert "error: " in said.err
    assert CANARY not in said.out + said.err
    assert not (root / ".penstock" / "catalog.db").exists()


def test_removing_takes_the_secret_away(root: Path) -> None:
    program(root, "secrets", "set", "crm_key", stdin=CANARY)
    done = program(root, "secrets", "remove", "crm_key", "--json")
    assert json.loads(done.stdout) == {"secret": "crm_key", "action": "removed"}
    assert program(root, "check", "crm").returncode == 2


def test_on_a_terminal_the_value_is_asked_for_without_showing_it(root: Path) -> None:
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "penstock", "secrets", "set", "crm_key"], cwd=root,
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: os.ttyname(0) and os.close(os.open(os.ttyname(0), os.O_RDWR)),
    )  # fmt: skip
    os.close(theirs)
    said = b""
    while not said.endswith(b": "):
        said += os.read(ours, 1000)
    os.write(ours, CANARY.encode() + b"\n")
    try:
        while piece := os.read(ours, 1000):
            said += piece
    except OSError:
        pass  # the terminal's other end is closed: the program has ended
    assert child.wait(30) == 0
    os.close(ours)
    assert re.search(rb"crm_key is set", said)
    assert CANARY.encode() not in said
    assert program(root, "check", "crm").returncode == 0
