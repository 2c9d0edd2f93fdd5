"""Where words go: results to stdout, everything else to stderr, colour where it helps."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TextIO

from penstock.cli.table import Column, render
from penstock.core.errors import TransientError

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


@dataclass(frozen=True)
class Output:
    """How one command talks.

    Args:
        json: results are JSON, one object per line.
        quiet: only results and errors.
        verbose: more messages.
    """

    json: bool = False
    quiet: bool = False
    verbose: bool = False

    @property
    def width(self) -> int | None:
        """Columns of the terminal that results go to; None for files and pipes."""
        return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else None

    def record(self, value: Mapping[str, Any]) -> None:
        """One JSON object on a line of its own."""
        print_line(json.dumps(value, ensure_ascii=False, default=str), sys.stdout)

    def say(self, text: str = "") -> None:
        """A result for people."""
        print_line(text, sys.stdout)

    def note(self, text: str) -> None:
        """Something on the way, for people."""
        if not self.quiet:
            print_line(text, sys.stderr)

    def warn(self, text: str) -> None:
        if not self.quiet:
            print_line(f"{style('warning:', 'yellow', sys.stderr)} {text}", sys.stderr)

    def table(self, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> None:
        """Aligned columns for people; with `json`, the rows as they are."""
        if self.json:
            for row in rows:
                self.record(row)
            return
        for number, line in enumerate(render(columns, rows, self.width)):
            self.say(style(line, "bold", sys.stdout) if number == 0 else line)


def print_line(text: str, stream: TextIO) -> None:
    """Write a line at once, even where the terminal cannot show every character.

    Raises:
        BrokenPipeError: whoever read our results has gone (`penstock jobs | head`).
        TransientError: results cannot be written, e.g. to a full disk. Messages that cannot
            be written stop nothing.
    """
    try:
        try:
            stream.write(text + "\n")
        except UnicodeEncodeError:
            plain = text.encode(stream.encoding or "ascii", "replace")
            stream.write(plain.decode(stream.encoding or "ascii") + "\n")
        stream.flush()
    except OSError as error:
        let_go(stream)
        if stream is sys.stderr:
            return
        if isinstance(error, BrokenPipeError):
            raise
        raise TransientError(
            f"The results cannot be written: {error.strerror}.",
            hint="Look at where stdout leads, then run the command again.",
            code="output.failed",
        ) from error


def let_go(stream: TextIO) -> None:
    """Send what is still to come to nowhere, also what Python flushes at its end."""
    with suppress(OSError, ValueError):  # no real file, as in tests
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def style(text: str, name: str, stream: TextIO) -> str:
    """The text in a style, where the stream is a terminal that may have colours."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return text
    return f"\x1b[{_STYLES[name]}m{text}\x1b[0m"
