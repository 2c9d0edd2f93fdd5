"""Peers in environments of their own, from locks with hashes; nothing of ours is in there."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE / ".peers"
_LOCKS = HERE / "peers" / "locks"
_PATIENCE_S = 900


class NotInstalled(Exception):
    """A peer cannot be had on this machine; the text says why."""


@dataclass(frozen=True)
class Peer:
    """An environment that holds one peer."""

    name: str

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def program(self, pattern: str) -> Path:
        """The one file of the environment that the pattern names.

        Raises:
            NotInstalled: it is not there.
        """
        for path in sorted(self.folder.glob(pattern)):
            return path
        raise NotInstalled(f"its package has no {pattern}")


def install(name: str) -> Peer:
    """Make the peer's environment, or take the one that was made from the same lock.

    Raises:
        NotInstalled: pip could not install it.
    """
    peer = Peer(name)
    lock = _LOCKS / f"{name}.lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = peer.folder / "lock.sha256"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return peer
    shutil.rmtree(peer.folder, ignore_errors=True)
    print(f"installing {name}", file=sys.stderr)
    _run([sys.executable, "-m", "venv", "--without-pip", str(peer.folder)])
    pip = [sys.executable, "-m", "pip", "--python", str(peer.python), "install", "-qq"]
    _run([*pip, "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", str(lock)])
    stamp.write_text(digest, encoding="utf-8")
    return peer


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"pip took more than {_PATIENCE_S} s") from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise NotInstalled(lines[-1] if lines else f"exit code {done.returncode}")
