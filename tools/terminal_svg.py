"""Draw what a command prints as a picture: terminal_svg.py docs/images/demo.svg penstock demo"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COLUMNS, LINES = 108, 50
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-HJKfhlnsu]|\x1b[()][A-Z0-9]|\x1b[=>78]")
_UP = re.compile(r"\x1b\[(\d*)A")


def main() -> None:
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    target, command = Path(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory(prefix="penstock-picture-") as folder:
        printed = in_terminal(command, folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    draw(screen(printed), " ".join(command), target)
    print(f"Wrote {target}.")


def in_terminal(command: list[str], folder: str) -> str:
    """What a command prints when it is started in a terminal of this width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environ
    )
    os.close(theirs)
    parts = []
    while part := _read(ours):
        parts.append(part)
    printed = b"".join(parts).decode(errors="replace")
    if process.wait() != 0:
        raise SystemExit(f"{printed[-1000:]}\n{command[0]} ended with {process.returncode}.")
    return printed


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux answers so once the other end has gone
        return b""


def screen(printed: str) -> list[str]:
    """The lines that remain: what was drawn over by moving up or back is gone."""
    lines = [""]
    at = 0
    for part in re.split(r"(\r?\n|\r|\x1b\[\d*A|\x1b\[\d?K)", printed):
        if up := _UP.fullmatch(part):
            at = max(0, at - int(up[1] or 1))
        elif part.endswith("\n"):
            at += 1
            if at == len(lines):
                lines.append("")
        elif part == "\r" or (part.startswith("\x1b[") and part.endswith("K")):
            lines[at] = ""
        else:
            lines[at] += _CONTROL.sub("", part)
    return lines


def draw(lines: list[str], title: str, target: Path) -> None:
    """An SVG whose text can be selected; the same lines give the same file."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        console.print(Text("$ " + title, style="bold"))
        for line in lines:
            console.print(Text.from_ansi(line), soft_wrap=True)
        svg = console.export_svg(title="penstock", theme=MONOKAI, unique_id="penstock")
    # The picture uses the reader's own monospaced font: nothing is fetched.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")
    target.write_text(re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE), encoding="utf-8")


if __name__ == "__main__":
    main()
