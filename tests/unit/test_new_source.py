"""`make new-source`: what it makes passes its own tests as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The parts of this repository that a new source needs, in a folder of their own."""
    clutter = shutil.ignore_patterns("__pycache__", "tests")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=clutter)
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=clutter)
    (tmp_path / "tests").mkdir()
    for name in ("tests/loopback.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(folder: Path, *line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *line],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
    )  # fmt: skip


def test_a_new_source_is_listed_and_passes_its_tests(copy: Path) -> None:
    made = run(copy, "tools/new_source.py", "harbour_gauges")
    assert made.returncode == 0, made.stdout + made.stderr
    listed = run(copy, "-m", "penstock", "connectors", "harbour_gauges")
    assert "Harbour Gauges (source)" in listed.stdout, listed.stderr
    tested = run(copy, "-m", "pytest", "-q", "src/penstock/connectors/sources/harbour_gauges")
    assert tested.returncode == 0, tested.stdout
    assert " passed" in tested.stdout
    assert "failed" not in tested.stdout


def test_mistakes_in_a_new_card_are_named_with_their_place(copy: Path) -> None:
    assert run(copy, "tools/new_source.py", "harbour_gauges").returncode == 0
    folder = copy / "src/penstock/connectors/sources/harbour_gauges"
    streams = folder / "streams.yaml"
    lines = streams.read_text(encoding="utf-8").splitlines()
    at = next(n for n, line in enumerate(lines) if line.strip().startswith("primary_key:"))
    lines[at] = lines[at].replace("primary_key", "primary_kay")
    streams.write_text("\n".join(lines), encoding="utf-8")
    shown = run(copy, "-m", "penstock", "connectors", "harbour_gauges")
    assert shown.returncode == 2
    assert f"streams.yaml:{at + 1}:" in shown.stderr
    assert "did you mean 'primary_key'?" in shown.stderr


def test_a_card_without_a_name_does_not_pass_for_our_mistake(copy: Path) -> None:
    assert run(copy, "tools/new_source.py", "harbour_gauges").returncode == 0
    card = copy / "src/penstock/connectors/sources/harbour_gauges/connector.yaml"
    for text, words in [("title: x", "name, role missing"), ("- x", "no mapping"), ("{", "flow")]:
        card.write_text(text, encoding="utf-8")
        listed = run(copy, "-m", "penstock", "connectors")
        assert (listed.returncode, words in listed.stderr) == (2, True), listed.stderr
        assert "harbour_gauges/connector.yaml" in listed.stderr


@pytest.mark.parametrize("name", ["Tides", "1tide", "a-b", "../x", ""])
def test_a_name_that_cannot_be_a_type_is_refused(copy: Path, name: str) -> None:
    before = sorted((copy / "src/penstock/connectors/sources").iterdir())
    assert run(copy, "tools/new_source.py", name).returncode == 2
    assert sorted((copy / "src/penstock/connectors/sources").iterdir()) == before


def test_a_source_that_is_there_is_not_overwritten(copy: Path) -> None:
    done = run(copy, "tools/new_source.py", "activecampaign")
    assert done.returncode == 2
    assert "already" in done.stdout
