"""Documentation under test: what there is, is explained; what is explained, there is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from penstock.core.cards import Card
from penstock.core.failpoints import NAMES
from penstock.core.registry import Registry
from penstock.core.spec import ObjectSettings, PipelineSpec, Selection, StateSpec, WorkspaceSpec

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "penstock").rglob("*.py"))
DOTTED = re.compile(r"[a-z]+\.[a-z_]+")
FAILED_EVENT = re.compile(r"[A-Z]+(_[A-Z]+)+")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def first_cells(page: str) -> set[str]:
    """What stands in backticks in the first column of a page's tables."""
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])}


def codes() -> set[str]:
    """Every code that an error or a failed event can have, from the syntax of the sources."""
    return {
        code
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for code in (*given(node), *default(node))
    }


def given(node: ast.AST) -> Iterator[str]:
    """Of `code=...`, and of failed events, whose code has a place of its own."""
    if isinstance(node, ast.Call):
        named = [word.value for word in node.keywords if word.arg == "code"]
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        if re.search(r"fail|refus", name, re.IGNORECASE):
            yield from (code for part in node.args for code in texts(part, FAILED_EVENT))
        for part in named:
            yield from texts(part, DOTTED)
            yield from texts(part, FAILED_EVENT)


def default(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "default_code":
        yield from texts(node, DOTTED)
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "default_code":
        yield from texts(node, DOTTED)


def texts(node: ast.AST, pattern: re.Pattern[str]) -> Iterator[str]:
    for part in ast.walk(node):
        value = part.value if isinstance(part, ast.Constant) else None
        if isinstance(value, str) and pattern.fullmatch(value):
            yield value


STAGES = {"SCHEMA_MAPPING"}


def test_every_error_code_is_explained() -> None:
    assert sorted(codes() - STAGES - first_cells(text("docs/errors.md"))) == []


def test_no_error_code_is_explained_that_there_is_not() -> None:
    whole = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    explained = first_cells(text("docs/errors.md"))
    assert sorted(code for code in explained if f'"{code}"' not in whole) == []


@pytest.mark.parametrize(
    ("model", "title"),
    [
        pytest.param(WorkspaceSpec, "The file", id="the file"),
        pytest.param(PipelineSpec, "A pipeline", id="a pipeline"),
        pytest.param(Selection, "`objects` of a pipeline", id="objects"),
        pytest.param(ObjectSettings, "`settings` of one object", id="settings of an object"),
        pytest.param(StateSpec, "`state`", id="state"),
    ],
)
def test_the_keys_of_the_workspace_file_are_those_that_are_documented(
    model: type[BaseModel], title: str
) -> None:
    page = text("docs/configuration.md")
    part = re.split(r"^#+ ", page.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    assert first_cells(part) == set(model.model_fields)


def test_the_variables_of_the_environment_are_documented() -> None:
    used = {
        name
        for path in SOURCES
        for name in re.findall(r'"(PENSTOCK_[A-Z_]+)"', path.read_text(encoding="utf-8"))
    }
    documented = {n for n in first_cells(text("docs/configuration.md")) if n.startswith("PENSTOCK")}
    assert used == documented


def test_every_place_where_a_run_is_killed_is_in_the_table() -> None:
    assert sorted(set(NAMES) - places_of_the_table()) == []


def places_of_the_table() -> set[str]:
    rows = [line for line in text("docs/reliability.md").splitlines() if line.startswith("| ")]
    return {row.split("|")[1].strip().strip("`") for row in rows}


def test_the_reference_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "make_docs.py", "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.parametrize("card", list(Registry.scan()), ids=lambda card: f"{card.role} {card.name}")
def test_every_connector_says_what_it_is_and_explains_its_settings(card: Card) -> None:
    page = text(f"docs/reference/{card.role}s/{card.name}.md")
    settings = page.split("## Settings")[1].split("\n## ")[0]
    rows = [line.split(" | ") for line in settings.splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows if not row[-1].strip("| ")] == []
    assert card.summary
    assert (card.folder / "README.md").is_file()


def tracked() -> list[Path]:
    """Files of the repository, and those that would be added to it."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    names = done.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def plain(paths: list[Path]) -> Iterator[tuple[str, str]]:
    """Name and text of each file that is text."""
    for path in paths:
        try:
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


# Written in parts, so that this file does not find itself.
PLACES = {
    "a package of somebody else as ours": re.compile("pip install" + r" ['\"]?penstock"),
    "the address of a package registry": re.compile(
        r"(pypi|pythonhosted|npmjs|crates|rubygems|debian|ubuntu|golang)" + r"\.(org|io|com)\b"
    ),
    "a path of one machine": re.compile(r"(?<![\w.~:/-])/" + r"(home|root|Users|work|tmp)/"),
    "the folder of this checkout": re.compile(re.escape(f"{ROOT}/")),
}


@pytest.mark.parametrize("what", PLACES)
def test_no_file_of_the_repository_names(what: str) -> None:
    found = [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, whole in plain(tracked())
        for number, line in enumerate(whole.splitlines(), 1)
        if PLACES[what].search(line)
    ]
    assert found == []


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{name}: {target}"
        for name, whole in plain([path for path in tracked() if path.suffix == ".md"])
        for target in LINK.findall(whole)
        if "://" not in target and not (ROOT / name).parent.joinpath(target).exists()
    ]
    assert broken == []


def test_a_decision_has_its_four_parts() -> None:
    wanted = ["Situation", "Choice", "Rejected, and why", "What would change our mind"]
    parts = {
        path.name: re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        for path in sorted((ROOT / "docs" / "decisions").glob("0*.md"))
    }
    assert {name: found for name, found in parts.items() if found != wanted} == {}
    assert len(parts) >= 7
