"""A file system of a few MB that can really be filled, in a mount namespace of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_SIZE = "24m"
_HOLD = 'mount -t tmpfs -o size=$1 none "$0" && echo ready && exec cat'


@dataclass(frozen=True)
class SmallDisk:
    """`folder` is empty from outside; commands with `prefix` see the small disk there."""

    folder: Path
    prefix: tuple[str, ...]

    def run(self, *words: str) -> None:
        subprocess.run([*self.prefix, *words], check=True, capture_output=True)

    def fill(self, left_kib: int) -> None:
        """Take all room except for this much."""
        write = 'dd if=/dev/zero of="$0" bs=1k count="$1"; dd if=/dev/zero of="$2" bs=4k'
        cushion, filler = str(self.folder / "cushion"), str(self.folder / "filler")
        subprocess.run(
            [*self.prefix, "sh", "-c", write, cushion, str(left_kib), filler],
            check=False,
            capture_output=True,
        )
        self.run("rm", cushion)

    def free(self) -> None:
        self.run("rm", str(self.folder / "filler"))


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount one at `folder`; the test is skipped where this machine does not allow it."""
    folder.mkdir(parents=True)
    user = () if os.geteuid() == 0 else ("-r",)
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        pytest.skip("a full disk needs the programs unshare and nsenter of util-linux")
    holder = subprocess.Popen(
        ["unshare", "-m", *user, "sh", "-c", _HOLD, str(folder), _SIZE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        if holder.stdout.readline() != b"ready\n":
            _, reason = holder.communicate()
            pytest.skip(f"no file system can be mounted here: {reason.decode().strip()}")
        yield SmallDisk(folder, _enter(holder.pid, folder.parent, own_user=bool(user)))
    finally:
        # The mount goes with the last process of its namespace.
        holder.communicate()


def _enter(pid: int, start: Path, *, own_user: bool) -> tuple[str, ...]:
    """Words before a command. It starts in `start`, found anew behind the mount."""
    user = ("-U", "--preserve-credentials") if own_user else ()
    change = 'cd "$0" && exec "$@"'
    return ("nsenter", "-t", str(pid), "-m", *user, "sh", "-c", change, str(start))
