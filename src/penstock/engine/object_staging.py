"""The staging area in an object store: files first, the card last and only once.

Below the pipeline's prefix:

    packages/SPLIT/NUMBER/package.json       the card; without it the package does not exist
    packages/SPLIT/NUMBER/PACKAGE/FILE       its files; a writer that lost cannot touch them
    packages/SPLIT/keys/STREAM/PASS/PACKAGE  keys of a complete read that goes on
    failed/LOAD                              failed events

Local disk holds the open packages, and those that this job closed or fetched: at its start
the closed ones are removed, for the store alone says what exists. A package that was open when
its job died can be closed by the next one on the same machine; elsewhere its rows are read again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from penstock.core.errors import InternalError
from penstock.core.failpoints import hit
from penstock.core.load import LoadPackage, PackagePart
from penstock.engine.folders import KEYS, safe_name, split_folder
from penstock.engine.package import BUILDING, CARD, card_of, disk_error, package_of
from penstock.engine.waiting import Waiting, sorted_out
from penstock.sdk.objects import Objects, damaged


@dataclass
class ObjectStaging:
    """One pipeline's part of an object store.

    Args:
        objects: the store.
        prefix: of the pipeline, in one catalog: whoever holds its lock is alone here.
        folder: on local disk, of this pipeline alone; what is in it may be lost.
        failed: where failed events lay before the staging area moved into the store.
    """

    objects: Objects
    prefix: str
    folder: Path
    failed: Path
    _held: dict[str, _Held] = field(default_factory=dict)

    def close(self, building: Path, package: LoadPackage) -> LoadPackage:
        hit("stage.before_close")
        at = self._at(package)
        sizes = {name: (building / name).stat().st_size for name in _files_of(package)}
        for name in sizes:
            hit("stage.before_upload")
            self.objects.upload(building / name, _key(at, package.id, name))
            hit("stage.between_uploads")
        hit("stage.before_card")
        card = _card(package, sizes)
        if not self.objects.create(f"{at}/{CARD}", card):
            raise _overtaken(package)
        hit("stage.after_card")
        building.rename(package.folder)
        self._held[at] = _Held(package, sizes, card)
        hit("stage.after_close")
        return package

    def rewrite(self, package: LoadPackage) -> None:
        at = self._at(package)
        held = self._held[at]
        fresh = [name for name in _files_of(package) if name not in held.sizes]
        for name in fresh:
            hit("stage.before_upload")
            self.objects.upload(package.folder / name, _key(at, package.id, name))
            held.sizes[name] = (package.folder / name).stat().st_size
            hit("stage.between_uploads")
        hit("stage.before_card")
        sizes = {name: held.sizes[name] for name in _files_of(package)}
        card = _card(package, sizes)
        # A newer job may have loaded and removed the package meanwhile: its card must not return.
        if not self.objects.replace(f"{at}/{CARD}", held.card, card):
            raise _overtaken(package)
        hit("stage.after_card")
        held.package, held.card = package, card

    def pending(self) -> Iterator[LoadPackage]:
        for entry in self.folder.glob("*/*"):
            if not entry.name.startswith(BUILDING):
                shutil.rmtree(entry, ignore_errors=True)
        found, lost = sorted_out(self.objects, f"{self.prefix}/packages")
        self.objects.delete(lost)
        for item in found:
            package = package_of(item.card, self._local(item))
            self._held[item.at] = _Held(
                package, dict(item.card["sizes"]), item.raw, set(item.objects)
            )
        for item in found:
            self._fetch(item)
            yield self._held[item.at].package

    def discard(self, package: LoadPackage) -> None:
        hit("discard.before")
        at = self._at(package)
        self.objects.delete([f"{at}/{CARD}"])
        hit("discard.halfway")
        held = self._held.pop(at)
        names = held.others.union(map(safe_name, held.sizes))
        self.objects.delete(f"{at}/{package.id}/{name}" for name in names)
        hit("discard.remote")
        shutil.rmtree(package.folder, ignore_errors=True)
        hit("discard.after")

    def waiting_rows(self) -> int:
        held = list(self._held.values())
        return sum(part.rows for item in held for part in item.package.parts)

    def holds(self, split: str) -> bool:
        below = f"{self.prefix}/packages/{safe_name(split)}"
        return any(key.endswith(f"/{CARD}") for key in self.objects.list(below))

    def pass_keys(self, package: LoadPackage, part: PackagePart, pass_id: str) -> dict[str, Path]:
        """They are brought into the package's folder, and go with it."""
        folder = package.folder / KEYS / safe_name(part.name)
        files: dict[str, Path] = {}
        for key, size in self.objects.list(self._pass(package, part, pass_id)).items():
            file = folder / key.rpartition("/")[2]
            self._bring(key, file, size)
            files[file.name] = file
        return files

    def keep_keys(self, package: LoadPackage, part: PackagePart, pass_id: str) -> None:
        if part.keys_file is None:
            return
        own = self._pass(package, part, pass_id)
        others = self.objects.list(own.rpartition("/")[0])
        self.objects.delete(key for key in others if not key.startswith(f"{own}/"))
        source = _key(self._at(package), package.id, part.keys_file)
        self.objects.copy(source, f"{own}/{package.id}.parquet")
        hit("keys.kept")

    def drop_keys(self, package: LoadPackage, part: PackagePart, pass_id: str) -> None:
        every = self._pass(package, part, pass_id).rpartition("/")[0]
        self.objects.delete(self.objects.list(every))
        hit("keys.dropped")

    def keep_failed(self, package: LoadPackage, part: PackagePart) -> str:
        name = f"{part.load_id}.parquet"
        assert part.failed_file is not None
        source = _key(self._at(package), package.id, part.failed_file)
        self.objects.copy(source, f"{self.prefix}/failed/{name}")
        return name

    @contextmanager
    def open_failed(self, name: str) -> Iterator[Path]:
        if (self.failed / name).exists():
            yield self.failed / name
            return
        with TemporaryDirectory(prefix="penstock-failed-") as folder:
            file = Path(folder) / "events.parquet"
            self.objects.download(f"{self.prefix}/failed/{name}", file)
            yield file

    def forget_failed(self, names: Iterable[str]) -> None:
        wanted = {f"{self.prefix}/failed/{name}" for name in names}
        if wanted:
            self.objects.delete(wanted & self.objects.list(f"{self.prefix}/failed").keys())

    def _fetch(self, item: Waiting) -> None:
        """The files of a waiting package, with the sizes that its card names."""
        folder = self._local(item)
        for name, size in item.card["sizes"].items():
            key = _key(item.at, item.card["id"], name)
            if item.objects.get(safe_name(name)) != size:
                raise damaged(self.objects.place, key)
            self._bring(key, folder / name, size)
            hit("fetch.between_files")

    def _bring(self, key: str, file: Path, size: int) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            brought = self.objects.download(key, file)
        except OSError as error:
            raise disk_error(error, file.parent) from error
        if brought != size:
            raise damaged(self.objects.place, key)

    def _at(self, package: LoadPackage) -> str:
        split, number = safe_name(package.split), f"{package.package_no:012d}"
        return f"{self.prefix}/packages/{split}/{number}"

    def _local(self, item: Waiting) -> Path:
        return split_folder(self.folder, item.card["split"]) / item.at.rpartition("/")[2]

    def _pass(self, package: LoadPackage, part: PackagePart, pass_id: str) -> str:
        names = (package.split, KEYS, part.name, pass_id)
        return "/".join([f"{self.prefix}/packages", *map(safe_name, names)])


@dataclass
class _Held:
    """A closed package, and what of it is in the store.

    Args:
        sizes: of the files that its card names, or will name.
        card: what the store holds as its card.
        others: last parts of keys below the package that an earlier job wrote.
    """

    package: LoadPackage
    sizes: dict[str, int]
    card: bytes
    others: set[str] = field(default_factory=set)


def _overtaken(package: LoadPackage) -> InternalError:
    return InternalError(
        "A newer job of this pipeline has begun, so this one may not save anything.",
        hint="Nothing is lost: the newer job reads these rows too.",
        code="job.fenced",
        pipeline=package.pipeline,
        job=package.job,
    )


def _key(at: str, package_id: str, name: str) -> str:
    """Names of files hold names of events; a key has no characters that a store must escape."""
    return f"{at}/{package_id}/{safe_name(name)}"


def _files_of(package: LoadPackage) -> list[str]:
    """Names of all files that the package's parts speak of."""
    names: list[str] = []
    for part in package.parts:
        names += [*part.files, *filter(None, (part.keys_file, part.failed_file))]
    return names


def _card(package: LoadPackage, sizes: dict[str, int]) -> bytes:
    return json.dumps({**card_of(package), "sizes": sizes}).encode()
