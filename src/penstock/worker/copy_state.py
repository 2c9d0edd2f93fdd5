"""What a copy remembers while it goes on: a folder of its own, the same for the same command."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from penstock.core.errors import ConfigError


@dataclass(frozen=True)
class CopyState:
    """The folder of one copy.

    Args:
        resumed: an earlier command left it, for this one to go on from.
    """

    folder: Path
    resumed: bool

    @staticmethod
    def open(base: Path, key: str) -> CopyState:
        """Make the folder, or take the one that is there; only its owner can look into it.

        Args:
            base: may be a folder that all users share.
            key: tells copies apart.

        Raises:
            ConfigError: it cannot be made, or somebody else made one of this name.
        """
        folder = base / f"penstock-copy-{os.getuid()}-{key}"
        try:
            folder.mkdir(mode=0o700, parents=True)
        except FileExistsError:
            _check_owner(folder)
            return CopyState(folder, resumed=True)
        except OSError as error:
            raise ConfigError(
                f"The folder {folder} for the state of this copy cannot be made: {error.strerror}.",
                hint="Set TMPDIR to a folder in which you may write.",
                code="copy.state",
            ) from error
        return CopyState(folder, resumed=False)

    def remove(self) -> None:
        """Renamed first, so that whoever begins the same copy now finds none of it."""
        gone = self.folder.with_name(f"{self.folder.name}-{uuid4().hex[:8]}")
        self.folder.rename(gone)
        shutil.rmtree(gone)


def _check_owner(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ConfigError(
            f"{folder} is not a folder of yours, so the state of this copy is not safe there.",
            hint="Remove it, or set TMPDIR to another folder.",
            code="copy.state",
        )
