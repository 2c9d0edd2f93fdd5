"""`penstock demo`: works, works again, and what it says to type next works too."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import psutil


def start(folder: Path, *line: str) -> subprocess.Popen[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PENSTOCK_")}
    return subprocess.Popen(
        line, cwd=folder, env=kept,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def penstock(folder: Path, *line: str) -> subprocess.Popen[str]:
    return start(folder, sys.executable, "-m", "penstock", *line)


def said(folder: Path, *line: str) -> tuple[str, str]:
    child = penstock(folder, *line)
    out, err = child.communicate(timeout=240)
    assert child.returncode == 0, err or out
    return out, err


def shell(folder: Path, line: str) -> str:
    child = start(folder, "sh", "-c", line)
    out, err = child.communicate(timeout=240)
    assert child.returncode == 0, err or out
    return out


def test_the_demo_can_be_repeated_and_its_advice_works(tmp_path: Path) -> None:
    out, err = said(tmp_path, "demo")
    assert out.count("Done: 38 of 38 objects") == 2
    assert "3. Ask the warehouse" in err
    again, told = said(tmp_path, "demo")
    assert again.count("Done: 38 of 38 objects") == 2
    assert "of an earlier demo" in told

    # Typed as they are printed, in the shell that the demo was started from.
    status, sandbox, run = re.findall(r"^   (\S.*)$", told.split("Try next")[1], re.MULTILINE)
    assert "active" in shell(tmp_path, status)
    server = start(tmp_path, *shlex.split(sandbox))
    try:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("url ")
        assert "Done: 38 of 38 objects" in shell(tmp_path, run)
    finally:
        server.terminate()
        server.communicate(timeout=30)
    assert server.returncode == 0


def test_ctrl_c_leaves_no_sandbox_behind(tmp_path: Path) -> None:
    child = penstock(tmp_path, "demo")
    assert child.stderr is not None
    while "1. Load everything" not in child.stderr.readline():
        pass
    children = psutil.Process(child.pid).children(recursive=True)
    assert len(children) == 1
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode == 130
    assert not any(each.is_running() for each in children)


def test_a_workspace_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "penstock.yaml").write_text("version: 1\n")
    child = penstock(tmp_path, "demo", "--dir", "mine")
    _, err = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "--dir" in err
    assert (tmp_path / "mine" / "penstock.yaml").read_text() == "version: 1\n"


def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    child = penstock(tmp_path, "demo", "--dir", "file/within")
    _, err = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "No workspace can be made in file/within: Not a directory." in err
