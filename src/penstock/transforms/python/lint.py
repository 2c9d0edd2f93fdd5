"""What can be said of a script without running it: syntax, imports, habits of Python 2."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from penstock.transforms.python.api import Event, TimeUtils, Utils
from penstock.transforms.python.api.helpful import unknown
from penstock.transforms.python.jail.modules import allowed
from penstock.transforms.python.script import FILE, MAX_BYTES


@dataclass(frozen=True)
class Problem:
    """One finding.

    Args:
        code: SYNTAX, SIZE, NO_TRANSFORM, MODULE_NOT_ALLOWED, UNKNOWN_FUNCTION, SCRIPT (its own
            code raised), or one of the warnings PY2_DICT, PY2_DIVISION, PY2_STRING, PY2_URLLIB.
        error: whether the script cannot be deployed with it.
    """

    code: str
    message: str
    line: int | None = None
    error: bool = True


_PYTHON2: Final = (
    (re.compile(r"^\s*print\s+[^(=\s]"), "print is a function: print(...)"),
    (re.compile(r"^\s*except\s+[\w.]+\s*,\s*\w+"), "write: except Error as name"),
    (re.compile(r"^\s*exec\s+['\"]"), "exec is not available"),
    (re.compile(r"`[^`]+`"), "write repr(...) instead of backticks"),
    (re.compile(r"<>"), "write != instead of <>"),
    (re.compile(r"(?<![\w.])0\d+\b"), "write octal numbers as 0o777"),
    (re.compile(r"\bur['\"]"), "write r'' instead of ur''"),
)
_DICT: Final = {"has_key", "iteritems", "iterkeys", "itervalues"}
_STRING: Final = {"letters", "lowercase", "uppercase", "maketrans", "join", "replace"}
_URLLIB: Final = {"quote", "unquote", "urlencode", "quote_plus", "unquote_plus", "urlopen"}
_INTEGRAL: Final = {"len", "int", "ord", "round", "sum"}


def lint(script: str, extra: frozenset[str] = frozenset()) -> list[Problem]:
    """Problems in order of their lines; `extra` is what the installation allows to import."""
    if len(script.encode(errors="replace")) > MAX_BYTES:
        return [Problem("SIZE", f"The script is larger than {MAX_BYTES // 1024} KiB.")]
    try:
        tree = ast.parse(script, FILE)
    except SyntaxError as error:
        return [_syntax(script, error)]
    except (ValueError, RecursionError, MemoryError) as error:
        return [Problem("SYNTAX", f"The script cannot be read: {error}")]
    found = [problem for node in ast.walk(tree) for problem in _of(node, extra)]
    if not any(_defines(node) for node in tree.body):
        found.append(Problem("NO_TRANSFORM", "The script has no function transform(event)."))
    return sorted(found, key=lambda problem: problem.line or 0)


def _syntax(script: str, error: SyntaxError) -> Problem:
    line = error.lineno
    lines = script.splitlines()
    text = lines[line - 1] if line is not None and 0 < line <= len(lines) else ""
    hints = [hint for pattern, hint in _PYTHON2 if pattern.search(text)]
    words = f"{error.msg} (line {line})"
    return Problem("SYNTAX", f"{words}; Python 3: {hints[0]}" if hints else words, line)


def _defines(node: ast.stmt) -> bool:
    names = {"transform", "transform_batch"}
    if isinstance(node, ast.FunctionDef):
        return node.name in names
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id in names for target in node.targets)
    if isinstance(node, ast.ImportFrom | ast.Import):
        return any((alias.asname or alias.name) in names for alias in node.names)
    if isinstance(node, ast.If | ast.Try):
        return any(_defines(inner) for inner in [*node.body, *node.orelse])
    return False


def _of(node: ast.AST, extra: frozenset[str]) -> Iterator[Problem]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield from _import(alias.name, node.lineno, extra)
    elif isinstance(node, ast.ImportFrom):
        yield from _import(node.module or ".", node.lineno, extra)
    elif isinstance(node, ast.Attribute):
        yield from _attribute(node)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield from _division(node)


def _import(name: str, line: int, extra: frozenset[str]) -> Iterator[Problem]:
    if not allowed(name, extra):
        yield Problem("MODULE_NOT_ALLOWED", f"ModuleNotAllowed: {name} (line {line})", line)


def _division(node: ast.BinOp) -> Iterator[Problem]:
    if _integral(node.left) and _integral(node.right):
        text = "In Python 3 dividing integers by / gives a fraction; // gives a whole number."
        yield Problem("PY2_DIVISION", text, node.lineno, error=False)


def _attribute(node: ast.Attribute) -> Iterator[Problem]:
    owner = node.value.id if isinstance(node.value, ast.Name) else ""
    if node.attr in _DICT:
        text = f"{node.attr} exists on properties and nested objects, not on a plain dict."
        yield Problem("PY2_DICT", text, node.lineno, error=False)
    elif owner == "string" and node.attr in _STRING:
        text = f"string.{node.attr} is of Python 2."
        yield Problem("PY2_STRING", text, node.lineno, error=False)
    elif owner == "urllib" and node.attr in _URLLIB:
        text = f"urllib.{node.attr} is in urllib.parse since Python 3."
        yield Problem("PY2_URLLIB", text, node.lineno, error=False)
    elif owner in _CLASSES and not hasattr(_CLASSES[owner], node.attr):
        known = [name for name in dir(_CLASSES[owner]) if not name.startswith("_")]
        yield Problem("UNKNOWN_FUNCTION", str(unknown(owner, node.attr, known)), node.lineno)


_CLASSES: Final[dict[str, type]] = {"Event": Event, "TimeUtils": TimeUtils, "Utils": Utils}


def _integral(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) is int
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.FloorDiv) or (
            not isinstance(node.op, ast.Div) and _integral(node.left) and _integral(node.right)
        )
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _INTEGRAL
    )
