"""Text in the user's own editor."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from penstock.core.errors import ConfigError


def edit_text(text: str) -> str:
    """The text as it is after $VISUAL or $EDITOR (else vi) has ended.

    Raises:
        ConfigError: there is no such program, or it ended with a fault (code usage.editor).
    """
    program = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
        file = Path(folder, "mapping.yaml")
        file.write_text(text, encoding="utf-8")
        try:
            # The program is the user's own choice, and no shell reads the words.
            done = subprocess.run([*shlex.split(program), str(file)], check=False)  # noqa: S603
        except (OSError, ValueError) as error:
            raise _no_editor(program, str(error)) from None
        if done.returncode:
            raise _no_editor(program, f"it ended with {done.returncode}")
        return file.read_text(encoding="utf-8")


def _no_editor(program: str, why: str) -> ConfigError:
    return ConfigError(
        f"The editor {program} did not work: {why}.",
        hint="Set $EDITOR to a program that waits until you close the file.",
        code="usage.editor",
    )
