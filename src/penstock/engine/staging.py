"""Where closed packages wait, with the keys of complete reads and failed events: one small seam."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from penstock.core.load import LoadPackage, PackagePart
from penstock.engine.folders import pass_folder, split_folder
from penstock.engine.package import (
    CARD,
    close_package,
    discard,
    pending,
    rewrite_card,
    sync,
)


class Staging(Protocol):
    """The staging area of one pipeline, used under the pipeline's lock.

    Readers call `close`, each for its own split and perhaps at once; everything else is called
    by the thread that loads. For one package the order is: `close` (or `pending`, in a later
    job), any number of `rewrite`, `keep_failed`, then the catalog's commit, then `keep_keys` or
    `drop_keys`, then `discard`. Each can be repeated after a crash.
    """

    @property
    def folder(self) -> Path:
        """Where open packages are built, on local disk."""

    def close(self, building: Path, package: LoadPackage) -> LoadPackage:
        """Make the files of `building` a package that survives this process."""

    def rewrite(self, package: LoadPackage) -> None:
        """Take over changed parts, whose new files lie in the package's folder, in one step."""

    def pending(self) -> Iterator[LoadPackage]:
        """Closed packages with their files on local disk, oldest first in each split.

        What was only half discarded is removed first; open packages are left alone.
        """

    def discard(self, package: LoadPackage) -> None:
        """Remove a delivered package, its card first: a half removed one is not delivered again."""

    def waiting_rows(self) -> int:
        """Rows of packages that are closed and not discarded, as far as this job knows."""

    def holds(self, split: str) -> bool:
        """Whether a closed package of the split waits."""

    def pass_keys(self, package: LoadPackage, part: PackagePart, pass_id: str) -> dict[str, Path]:
        """Key files that earlier packages left for a complete read, by name."""

    def keep_keys(self, package: LoadPackage, part: PackagePart, pass_id: str) -> None:
        """Keep the part's key file for the end of its complete read; forget other reads."""

    def drop_keys(self, package: LoadPackage, part: PackagePart, pass_id: str) -> None:
        """Forget the keys of the part's stream: its complete read has ended."""

    def keep_failed(self, package: LoadPackage, part: PackagePart) -> str:
        """Keep the part's failed events beyond the package; returns the name to ask for."""

    def open_failed(self, name: str) -> AbstractContextManager[Path]:
        """A file of failed events on local disk, for as long as it is needed."""

    def forget_failed(self, names: Iterable[str]) -> None:
        """Remove files of failed events; those that are gone do not matter."""


@dataclass(frozen=True)
class LocalStaging:
    """Folders on a disk of this machine: written, synced, made visible by one rename.

    Args:
        folder: of the pipeline's packages.
        failed: of the pipeline's failed events.
    """

    folder: Path
    failed: Path

    def close(self, building: Path, package: LoadPackage) -> LoadPackage:
        return close_package(building, package)

    def rewrite(self, package: LoadPackage) -> None:
        rewrite_card(package)

    def pending(self) -> Iterator[LoadPackage]:
        return pending(self.folder)

    def discard(self, package: LoadPackage) -> None:
        discard(package)

    def waiting_rows(self) -> int:
        return sum(part.rows for package in self.pending() for part in package.parts)

    def holds(self, split: str) -> bool:
        return any(split_folder(self.folder, split).glob(f"*/{CARD}"))

    def pass_keys(self, package: LoadPackage, part: PackagePart, pass_id: str) -> dict[str, Path]:
        folder = pass_folder(self.folder, package.split, part.name, pass_id)
        return {file.name: file for file in folder.glob("*.parquet")} if folder.is_dir() else {}

    def keep_keys(self, package: LoadPackage, part: PackagePart, pass_id: str) -> None:
        if part.keys_file is None or not (package.folder / part.keys_file).exists():
            return
        folder = pass_folder(self.folder, package.split, part.name, pass_id)
        for other in folder.parent.iterdir() if folder.parent.is_dir() else ():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        (package.folder / part.keys_file).replace(folder / f"{package.id}.parquet")

    def drop_keys(self, package: LoadPackage, part: PackagePart, pass_id: str) -> None:
        folder = pass_folder(self.folder, package.split, part.name, pass_id)
        shutil.rmtree(folder.parent, ignore_errors=True)

    def keep_failed(self, package: LoadPackage, part: PackagePart) -> str:
        assert part.failed_file is not None
        self.failed.mkdir(parents=True, exist_ok=True)
        target = self.failed / f"{part.load_id}.parquet"
        temporary = target.with_suffix(".new")
        shutil.copyfile(package.folder / part.failed_file, temporary)
        sync(temporary)
        temporary.replace(target)
        return target.name

    def open_failed(self, name: str) -> AbstractContextManager[Path]:
        return nullcontext(self.failed / name)

    def forget_failed(self, names: Iterable[str]) -> None:
        for name in names:
            (self.failed / name).unlink(missing_ok=True)
