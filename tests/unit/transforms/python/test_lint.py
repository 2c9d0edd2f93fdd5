"""What is said of a script before it may be deployed."""

from __future__ import annotations

import pytest

from penstock.transforms.python.lint import lint

GOOD = "def transform(event):\n    return event\n"


def found(text: str) -> list[tuple[str, int | None, bool]]:
    return [(problem.code, problem.line, problem.error) for problem in lint(text)]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (GOOD, []),
        ("def transform_batch(batch):\n    return batch\n", []),
        ("x = 1", [("NO_TRANSFORM", None, True)]),
        ("transform = lambda event: event", []),
        (f"import socket\n{GOOD}", [("MODULE_NOT_ALLOWED", 1, True)]),
        (f"from os import path\n{GOOD}", [("MODULE_NOT_ALLOWED", 1, True)]),
        (f"from . import x\n{GOOD}", [("MODULE_NOT_ALLOWED", 1, True)]),
        (f"{GOOD}\nd = {{}}\nd.has_key('a')", [("PY2_DICT", 5, False)]),
        (f"{GOOD}\nd = {{}}\nd.iteritems()", [("PY2_DICT", 5, False)]),
        (f"{GOOD}\nx = 3 / 2", [("PY2_DIVISION", 4, False)]),
        (f"{GOOD}\nx = len('a') / (2 + 1)", [("PY2_DIVISION", 4, False)]),
        (f"{GOOD}\nx = 3.0 / 2", []),
        (f"import string\n{GOOD}\nstring.letters", [("PY2_STRING", 5, False)]),
        (f"import urllib\n{GOOD}\nurllib.quote('x')", [("PY2_URLLIB", 5, False)]),
        (f"{GOOD}\nUtils.isDikt(1)", [("UNKNOWN_FUNCTION", 4, True)]),
        ("x" * (256 * 1024 + 1), [("SIZE", None, True)]),
        ("(" * 500, [("SYNTAX", 1, True)]),
    ],
)  # fmt: skip
def test_problems(text: str, problems: list[tuple[str, int | None, bool]]) -> None:
    assert found(text) == problems


def test_a_denied_import_reads_as_the_editor_shows_it() -> None:
    assert lint(f"\n\nimport socket\n{GOOD}")[0].message == "ModuleNotAllowed: socket (line 3)"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("print 'x'", "print is a function"),
        ("try: pass\nexcept ValueError, e: pass", "except Error as name"),
        ("exec 'x'", "exec is not available"),
        ("x = `1`", "repr"),
        ("x = 1 <> 2", "!="),
        ("x = 0777", "0o777"),
        ("x = ur'a'", "r''"),
    ],
)
def test_syntax_of_python_2_gets_a_hint(line: str, hint: str) -> None:
    (problem,) = lint(f"{line}\n{GOOD}")
    assert problem.code == "SYNTAX"
    assert hint in problem.message
