"""Errors as people and programs see them, and their exit codes."""

from __future__ import annotations

import re
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.cli.output import print_line, style
from penstock.core.errors import InternalError, Interrupted, PenstockError

if TYPE_CHECKING:
    from penstock.cli.context import Cli

INTERRUPTED = Interrupted(
    "Interrupted.", hint="The state is consistent; run the command again to go on."
)
_REPORT = "It is our mistake, not yours. Please report it with this log file: {path}"
_LEFT_OUT = frozenset({"file"})


def failure(cli: Cli, error: PenstockError) -> int:
    """Print an error of ours; gives its exit code."""
    shown = cleaned(cli, error.to_dict())
    if cli.out.json:
        cli.out.record({"type": "error", "error": shown})
    else:
        print_error(shown, lines=[clean(cli, line) for line in getattr(error, "lines", [])])
    return error.exit_code


def print_error(error: Mapping[str, Any], lines: list[str] | None = None) -> None:
    """`error: ...`, the place, the lines of a file with problems, and what to do."""
    print_line(f"{style('error:', 'red', sys.stderr)} {error['message']}", sys.stderr)
    lines = lines or [_line(error, problem) for problem in error.get("problems", ())]
    for line in lines:
        print_line(f"  {line}", sys.stderr)
    where = {k: v for k, v in (error.get("where") or {}).items() if not (lines and k in _LEFT_OUT)}
    if where:
        places = ", ".join(f"{name} {value}" for name, value in where.items())
        print_line(f"  where: {places}", sys.stderr)
    if error.get("hint"):
        print_line(f"  hint: {error['hint']}", sys.stderr)


def _line(error: Mapping[str, Any], problem: Mapping[str, Any]) -> str:
    """A problem of a file, of an error that is a record already."""
    return f"{error['where']['file']}:{problem['line']}:{problem['column']}: {problem['message']}"


def misuse(cli: Cli, error: Exception) -> int:
    """A command line that cannot be understood."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "penstock"
    said = getattr(error, "format_message", lambda: str(error))().removeprefix("Invalid value: ")
    if said.startswith("Usage:"):
        print_line(said, sys.stderr)
        return _Misuse.exit_code
    message, hint = _in_our_words(said, path)
    return failure(cli, _Misuse(message, hint=hint))


class _Misuse(PenstockError):
    default_code = "usage"
    exit_code = 2


def _in_our_words(said: str, path: str) -> tuple[str, str]:
    """One sentence and a hint from the parser's message."""
    first, _, rest = said.replace("(Possible options:", "Did you mean").partition("Did you mean")
    near = re.findall(r"[-\w]+", rest)
    found = re.match(r"No such command '(.*)'", first)
    message = f"There is no command {found[1]!r}." if found else first.strip().rstrip(".") + "."
    close = f"Did you mean {near[0]}? " if near else ""
    return message, f"{close}`{path} --help` shows what there is."


def crash(cli: Cli, error: Exception) -> int:
    """Print any error; one that is our fault goes into a log file, which is named."""
    if not isinstance(error, PenstockError):
        what = f"Something unexpected happened inside Penstock ({type(error).__name__})."
        path = _write_log(cli, error)
        return failure(cli, InternalError(what, hint=_REPORT.format(path=path)))
    if error.exit_code == InternalError.exit_code:
        path = _write_log(cli, error)
        error.hint = " ".join(filter(None, [error.hint, _REPORT.format(path=path)]))
    return failure(cli, error)


def _write_log(cli: Cli, error: Exception) -> Path:
    """The traceback, without local variables and without secrets."""
    workspace = cli.loaded
    folder = workspace.logs_dir if workspace else Path(tempfile.gettempdir())
    folder.mkdir(parents=True, exist_ok=True)
    name = time.strftime("penstock-error-%Y%m%d-%H%M%S-")
    text = "".join(traceback.format_exception(error))
    # A new file that only its owner reads: the folder may be one that all users share.
    handle, path = tempfile.mkstemp(prefix=name, suffix=".log", dir=folder)
    with open(handle, "w", encoding="utf-8", errors="backslashreplace") as file:  # noqa: PTH123
        file.write(clean(cli, f"{' '.join(sys.argv)}\n{sys.version}\n{text}"))
    return Path(path)


def clean(cli: Cli, text: str) -> str:
    """The text without the secrets of the workspace and what looks like one."""
    from penstock.control.secrets import redact

    return redact(text, cli.loaded.secrets if cli.loaded else ())


def cleaned(cli: Cli, value: Any) -> Any:
    """The same for every text inside a record."""
    from penstock.control.secrets import redacted

    return redacted(value, cli.loaded.secrets if cli.loaded else ())
