"""The locks: whole, hashed, without addresses, and what pyproject.toml asks for."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


def entries(path: Path) -> list[str]:
    """One text per package: its requirement line and its hashes."""
    body = re.sub(r"^#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [entry for entry in re.split(r"\n(?=\S)", body.strip()) if entry]


def pins(name: str) -> dict[str, str]:
    """Version by normal name."""
    found = {}
    for entry in entries(ROOT / "requirements" / f"{name}.lock"):
        requirement = Requirement(entry.splitlines()[0].rstrip(" \\"))
        found[requirement.name] = next(iter(requirement.specifier)).version
    return found


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def wanted(name: str) -> list[str]:
    """What pyproject.toml asks of a lock."""
    raw = project()
    base: list[str] = raw["project"]["dependencies"]
    extras: dict[str, list[str]] = raw["project"]["optional-dependencies"]
    build = (ROOT / "requirements" / "build.in").read_text(encoding="utf-8").splitlines()
    tools = [line for line in build if line and not line.startswith("#")]
    return {
        "base": base,
        "build": tools,
        "mysql": base + extras["mysql"],
        "postgres": base + extras["postgres"],
        "dev": base + tools + list(chain(*extras.values())) + raw["dependency-groups"]["dev"],
    }[name]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_every_package_has_one_version_and_hashes(path: Path) -> None:
    for entry in entries(path):
        head, *rest = entry.splitlines()
        assert re.match(r"[a-z0-9-]+==[^ ;]+( ; .+)? \\$", head), head
        assert rest, f"{head} has no hash"
        assert all(re.match(r"    --hash=sha256:[0-9a-f]{64}( \\)?$", line) for line in rest), head


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_no_lock_names_a_place_to_download_from(path: Path) -> None:
    assert not re.search(r"://|--index|--extra-index|--find-links", path.read_text("utf-8"))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_a_lock_satisfies_the_project(path: Path) -> None:
    locked = pins(path.stem)
    missing = [
        str(requirement)
        for requirement in map(Requirement, wanted(path.stem))
        if not requirement.specifier.contains(locked.get(requirement.name, "0"), prereleases=True)
    ]
    assert missing == [], "run `make locks`"


def test_the_locks_agree_with_each_other() -> None:
    everything = pins("dev")
    for path in LOCKS:
        assert pins(path.stem).items() <= everything.items(), path.name


def test_the_base_install_stays_small() -> None:
    assert len(pins("base")) <= 45


def imported(folder: Path) -> set[str]:
    """Names of the packages that the modules below a folder import, but the standard ones."""
    nodes = [
        node
        for path in folder.rglob("*.py")
        if "tests" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]
    names = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom) and not n.level}
    tops = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"penstock"}
    return {packages_distributions().get(top, [top])[0].lower().replace("_", "-") for top in tops}


def test_what_is_imported_is_asked_for_and_what_is_asked_for_is_imported() -> None:
    # DuckDB imports pytz when it hands out times with a zone, and does not ask for it. Pydantic
    # pins its own core. The suites for authors of connectors are run by their pytest. Modules for
    # scripts of users are loaded by name.
    told = project()["project"]
    lines = [*told["dependencies"], *chain(*told["optional-dependencies"].values())]
    scripts = {"pytz", "python-dateutil", "ua-parser", "user-agents"}
    asked = {Requirement(line).name for line in lines} - scripts
    assert imported(ROOT / "src" / "penstock") - {"pydantic-core", "pytest"} == asked
