"""A user's script: compiled, executed once, and its errors in the user's own lines."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import Any, Final

from penstock.transforms.python.jail.guard import guarded

FILE: Final = "<script>"
MAX_BYTES: Final = 256 * 1024
"""Size of a script."""
_MAX_REASON: Final = 1000
_MODULE: Final = "transformation"


class ScriptError(Exception):
    """The script itself cannot be used: why, and where."""

    def __init__(self, reason: str, line: int | None = None, traceback: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.traceback = traceback


@dataclass(frozen=True)
class Script:
    """A script that is ready: the function to call, by event or by batch."""

    text: str
    function: Callable[[Any], Any]
    by_batch: bool


def load(text: str, extra: frozenset[str], show: Callable[[str], None]) -> Script:
    """Run the code of the module and find `transform` or `transform_batch`.

    Raises:
        ScriptError: it does not compile, its own code raises, or it has neither function.
    """
    module = ModuleType(_MODULE)
    sys.modules[_MODULE] = module
    space = vars(module)
    space["__builtins__"] = guarded(extra, show)
    empty = Script(text, len, by_batch=False)
    try:
        code = compile(text, FILE, "exec", dont_inherit=True)
        exec(code, space)  # noqa: S102
    except SyntaxError as error:
        raise ScriptError(f"SyntaxError: {error.msg}", error.lineno) from None
    except BaseException as error:  # noqa: BLE001
        _, reason, line, traceback = failure_of(error, empty)
        raise ScriptError(reason, line, traceback) from None
    for name, by_batch in (("transform", False), ("transform_batch", True)):
        if callable(space.get(name)):
            return Script(text, space[name], by_batch)
    raise ScriptError("The script has no function transform(event).")


def failure_of(error: BaseException, script: Script) -> tuple[str, str, int | None, str]:
    """Sub-code, reason, line and traceback; the last two of frames of the script alone."""
    frames = _frames(error.__traceback__)
    line = frames[-1][0] if frames else getattr(error, "lineno", None)
    if isinstance(error, MemoryError):
        return (
            "TRANSFORM_MEMORY",
            "MemoryError: the event needs more memory than there is",
            line,
            "",
        )
    lines = script.text.splitlines()
    shown = []
    for number, function in frames[-20:]:
        shown.append(f"  line {number}, in {function}")
        if 0 < number <= len(lines):
            shown.append(f"    {lines[number - 1].strip()[:200]}")
    reason = _reason(error, line)
    return "TRANSFORM_EXCEPTION", reason, line, "\n".join([*shown, reason])


def _frames(traceback: TracebackType | None) -> list[tuple[int, str]]:
    found = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename == FILE:
            found.append((traceback.tb_lineno, code.co_name))
        traceback = traceback.tb_next
    return found


def _reason(error: BaseException, line: int | None) -> str:
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001
        text = "its text cannot be shown"
    if text.startswith("ModuleNotAllowed:"):
        return f"{text} (line {line})"[:_MAX_REASON]
    return f"{type(error).__name__}: {text}"[:_MAX_REASON]
