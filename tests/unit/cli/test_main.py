"""Command lines, errors and exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.cli import context
from penstock.cli.context import Cli
from penstock.cli.failures import crash, failure
from penstock.cli.main import execute
from penstock.cli.output import Output
from penstock.core.errors import AuthError, InternalError, TransientError

BROKEN = "version: 1\nsorces: {}\npipelines:\n  a: {source: x, destination: y}\n"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import signal

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PENSTOCK_WORKSPACE", raising=False)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(
            ["rnu"], "error: There is no command 'rnu'.\n  hint: Did you mean run? ", id="typo"
        ),
        pytest.param(["serve"], "error: There is no command 'serve'.\n", id="no such command"),
        pytest.param(["run"], "error: Missing argument 'PIPELINE'.\n", id="argument"),
        pytest.param(
            ["run", "x", "--jsn"], "error: No such option: --jsn.\n  hint: Did you mean --json? ",
            id="option",
        ),
        pytest.param(
            ["run", "x", "--from", "soon"], "error: --from 'soon' is no date", id="date"
        ),
        pytest.param(
            ["sandbox", "activecampaign", "--zone", "Mars/X"],
            "error: --zone 'Mars/X' is no time zone", id="zone",
        ),
        pytest.param(
            ["sandbox", "activecampaign", "--size", "foo=1"],
            "error: --size 'foo=1' names none of: accounts,", id="table",
        ),
        pytest.param(
            ["run", "x", "--follow", "--flush", "soon"],
            "error: --flush 'soon' says not when to load.", id="flush",
        ),
        pytest.param(
            ["run", "x", "--flush", "1s"], "error: --flush says when --follow loads", id="no follow"
        ),
        pytest.param(["jobs"], "error: There is no penstock.yaml in this", id="no workspace"),
        pytest.param(
            ["init", "--template", "activecampain"],
            "error: There is no template called 'activecampain'.\n"
            "  hint: Did you mean 'activecampaign'?",
            id="template",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_what_to_do(
    line: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(line) == 2
    assert capsys.readouterr().err.startswith(said)


def test_all_problems_of_the_file_are_printed_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "penstock.yaml").write_text(BROKEN)
    assert execute(["run", "a"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: penstock.yaml needs 3 changes.",
        "  penstock.yaml:2:1: unknown key 'sorces'. Did you mean 'sources'?",
        "  penstock.yaml:4:15: there is no source called 'x'.",
        "  penstock.yaml:4:31: there is no destination called 'y'.",
    ]
    assert not (tmp_path / ".penstock").exists()


def test_errors_are_json_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "penstock.yaml").write_text(BROKEN)
    assert execute(["run", "a", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["type"], told["error"]["code"]) == ("error", "config.file")
    assert [p["line"] for p in told["error"]["problems"]] == [2, 4, 4]


@pytest.mark.parametrize(
    ("error", "code"),
    [(AuthError("No."), 2), (TransientError("Away."), 75), (InternalError("Our fault."), 1)],
)
def test_the_class_of_an_error_decides_the_exit_code(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert crash(Cli(), error) == code
    assert capsys.readouterr().err.startswith("error: ")


def test_an_error_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    failure(
        Cli(), AuthError("The key was refused.", hint="Make a new one.", object="deals", page=3)
    )
    assert capsys.readouterr().err.splitlines() == [
        "error: The key was refused.", "  where: object deals, page 3", "  hint: Make a new one."
    ]  # fmt: skip


def test_an_unexpected_error_leaves_a_log_without_secrets_or_local_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KEY_FOR_TEST", "tops3cret")
    assert execute(["init", "--template", "activecampaign"]) == 0
    (tmp_path / ".env").write_text("AC_API_URL=https://acme.api-us1.com\nAC_API_KEY=tops3cret\n")
    cli = Cli(Output(), str(tmp_path))
    assert cli.workspace.secrets >= {"tops3cret"}
    capsys.readouterr()

    def inner(local_variable: str) -> None:
        raise ZeroDivisionError(f"with {local_variable}")

    with pytest.raises(ZeroDivisionError) as raised:
        inner("tops3cret")
    assert crash(cli, raised.value) == 1
    told = capsys.readouterr().err
    (log,) = (tmp_path / ".penstock" / "logs").iterdir()
    text = log.read_text()
    assert str(log) in told
    assert "ZeroDivisionError: with ********" in text
    assert "tops3cret" not in text + told


def test_each_error_has_a_log_of_its_own_that_only_its_owner_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for number in range(3):
        crash(Cli(), RuntimeError(f"number {number}"))
    logs = list(tmp_path.glob("penstock-error-*.log"))
    assert len(logs) == 3
    assert {log.stat().st_mode & 0o777 for log in logs} == {0o600}


def test_help_of_every_command_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    execute(["--help"])
    listing = capsys.readouterr().out.split("Commands:")[1].split("\n\n")[0]
    names = [line.split()[0] for line in listing.splitlines() if line.startswith("  ")]
    names = [n for n in names if n != "sandbox"] + ["sandbox activecampaign"]
    assert len(names) == 19
    for name in names:
        assert execute([*name.split(), "--help"]) == 0
        told = capsys.readouterr().out
        assert f"Example:\n    penstock {name}" in told
        assert all(f"--{shared}" in told for shared in ("json", "workspace", "quiet", "verbose"))


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock.cli.output import style

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert style("x", "red", Terminal()) == "\x1b[31mx\x1b[0m"  # type: ignore[arg-type]
    monkeypatch.setenv("NO_COLOR", "1")
    assert style("x", "red", Terminal()) == "x"  # type: ignore[arg-type]


def test_init_writes_a_workspace_and_never_overwrites_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["init", "mine", "--template", "activecampaign"]) == 0
    assert sorted(p.name for p in (tmp_path / "mine").iterdir()) == [
        ".env", ".gitignore", "penstock.yaml"
    ]  # fmt: skip
    assert (tmp_path / "mine" / ".env").stat().st_mode & 0o777 == 0o600
    assert ".env" in (tmp_path / "mine" / ".gitignore").read_text().splitlines()
    assert execute(["init", "mine"]) == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize("template", [[], ["--template", "activecampaign"]])
def test_what_init_writes_can_be_read(tmp_path: Path, template: list[str]) -> None:
    execute(["init", "mine", *template])
    (tmp_path / "mine" / ".env").write_text("AC_API_URL=https://a.api-us1.com\nAC_API_KEY=k\n")
    workspace = context.open_workspace(str(tmp_path / "mine"))
    assert list(workspace.spec.pipelines) == (["crm_to_warehouse"] if template else [])


def test_the_workspace_can_be_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(["init", "mine"])
    capsys.readouterr()
    monkeypatch.setenv("PENSTOCK_WORKSPACE", str(tmp_path / "mine"))
    assert execute(["export"]) == 0
    assert capsys.readouterr().out == "version: 1\n"


def test_export_reads_back_as_the_same_and_holds_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(["init", "mine", "--template", "activecampaign"])
    file = tmp_path / "mine" / "penstock.yaml"
    file.write_text(file.read_text().replace("${AC_API_KEY}", "tops3cret"))
    (tmp_path / "mine" / ".env").write_text("AC_API_URL=https://acme.api-us1.com\n")
    capsys.readouterr()
    assert execute(["export", "-w", "mine"]) == 0
    first = capsys.readouterr().out
    assert "tops3cret" not in first
    assert "api_key: ${CRM_API_KEY}\n" in first
    file.write_text(first)
    assert execute(["export", "-w", "mine"]) == 0
    assert capsys.readouterr().out == first


def test_a_reader_that_goes_away_is_no_error() -> None:
    import subprocess

    command = f"{sys.executable} -m penstock --help | true"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, env=dict(os.environ), check=False
    )
    assert done.stderr == ""
