"""Load packages on disk: written once, made visible by one rename, named for ever."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from penstock.core.books import Books
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import ConfigError, TransientError
from penstock.core.failpoints import hit
from penstock.core.load import LoadPackage, PackagePart, WriteMode

CARD = "package.json"
BUILDING = "building-"


def close_package(building: Path, package: LoadPackage) -> LoadPackage:
    """Make the files of `building` a package: card written and synced, then one rename.

    Before the rename nothing happened; after it the package is there with all its bytes.
    """
    hit("stage.before_close")
    for file in building.iterdir():
        sync(file)
    _write_card(building, package)
    hit("stage.after_files")
    sync(building)
    building.rename(package.folder)
    sync(package.folder.parent)
    hit("stage.after_close")
    return package


def rewrite_card(package: LoadPackage) -> None:
    """Replace the card in one step; for packages whose refused rows were taken out."""
    _write_card(package.folder, package)
    sync(package.folder)


def pending(folder: Path) -> Iterator[LoadPackage]:
    """Closed packages below a pipeline's staging folder, oldest first in each split.

    Folders that were never closed are left alone (see `recovery`).
    """
    if not folder.is_dir():
        return
    packages = []
    for split in sorted(folder.iterdir()):
        for entry in sorted(split.iterdir()) if split.is_dir() else ():
            if entry.name.startswith(BUILDING):
                continue
            if (entry / CARD).is_file():
                packages.append(read_package(entry))
            elif entry.name.isdigit():
                # A discard was cut short after the card went: the rest may go too.
                shutil.rmtree(entry, ignore_errors=True)
    yield from sorted(packages, key=lambda item: (item.split, item.package_no))


def discard(package: LoadPackage) -> None:
    """Remove a delivered package, its card first: a half removed one is not delivered again."""
    hit("discard.before")
    (package.folder / CARD).unlink(missing_ok=True)
    hit("discard.halfway")
    shutil.rmtree(package.folder, ignore_errors=True)
    hit("discard.after")


def read_package(folder: Path) -> LoadPackage:
    return package_of(json.loads((folder / CARD).read_text(encoding="utf-8")), folder)


def package_of(raw: Mapping[str, Any], folder: Path) -> LoadPackage:
    """The package that a card tells of, with its files in `folder`."""
    checkpoint = raw["checkpoint"]
    return LoadPackage(
        id=raw["id"],
        pipeline=raw["pipeline"],
        split=raw["split"],
        package_no=raw["package_no"],
        job=raw["job"],
        folder=folder,
        parts=tuple(_part(item) for item in raw["parts"]),
        checkpoint=Checkpoint.from_json(checkpoint) if checkpoint else None,
        ingested_at=raw["ingested_at"],
        fence=raw["fence"],
        warnings=tuple(raw["warnings"]),
        resolved=tuple(raw["resolved"]),
    )


def _part(raw: dict[str, object]) -> PackagePart:
    values = dict(raw)
    values["key"] = tuple(values["key"])  # type: ignore[arg-type]
    values["files"] = tuple(values["files"])  # type: ignore[arg-type]
    values["mode"] = WriteMode(str(values["mode"]))
    values["books"] = Books(**values["books"])  # type: ignore[arg-type]
    return PackagePart(**values)  # type: ignore[arg-type]


def card_of(package: LoadPackage) -> dict[str, Any]:
    """What the card says, as plain values for JSON."""
    return {
        "id": package.id,
        "pipeline": package.pipeline,
        "split": package.split,
        "package_no": package.package_no,
        "job": package.job,
        "parts": [asdict(part) for part in package.parts],
        "checkpoint": package.checkpoint.to_json() if package.checkpoint else None,
        "ingested_at": package.ingested_at,
        "fence": package.fence,
        "warnings": list(package.warnings),
        "resolved": list(package.resolved),
    }


def _write_card(folder: Path, package: LoadPackage) -> None:
    temporary = folder / (CARD + ".new")
    temporary.write_text(json.dumps(card_of(package)), encoding="utf-8")
    sync(temporary)
    temporary.replace(folder / CARD)


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def disk_error(error: OSError, folder: Path) -> TransientError | ConfigError:
    """What a failed write to the staging area means for the user."""
    if error.errno in (28, 122):  # ENOSPC, EDQUOT
        return TransientError(
            "The disk of the staging area is full.",
            hint="Free some space and run again: nothing is lost, reading goes on where it was.",
            code="staging.disk_full",
            folder=folder,
        )
    return ConfigError(
        f"The staging area cannot be written: {error.strerror or error}.",
        hint="Check that the folder exists and that you may write to it.",
        code="staging.not_writable",
        folder=folder,
    )
