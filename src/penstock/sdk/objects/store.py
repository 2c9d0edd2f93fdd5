"""The few things that are asked of an object store, each with memory bounded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Final

from penstock.sdk.objects.errors import in_our_words

if TYPE_CHECKING:
    from obstore import ObjectMeta, UpdateVersion
    from obstore.store import ObjectStore

_PART_BYTES: Final = 5 << 20
"""Files above this go up in parts, two at a time. S3 takes no smaller ones.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
_AT_ONCE: Final = 2
"""Files on their way: readers close packages side by side, and memory is counted."""
_PIECE_BYTES: Final = 1 << 20


class Objects:
    """Objects below one place. Calls block; each is repeated for some time while the store is away.

    All raise the errors of `in_our_words`.
    """

    def __init__(self, store: ObjectStore, place: str) -> None:
        self._store = store
        self._turn = BoundedSemaphore(_AT_ONCE)
        self.place = place

    def upload(self, file: Path, key: str) -> None:
        """The object is there whole or not at all; one of the same key is replaced."""
        import obstore

        with self._turn, in_our_words(self.place):
            obstore.put(self._store, key, file, chunk_size=_PART_BYTES, max_concurrency=2)

    def create(self, key: str, data: bytes) -> bool:
        """Write an object that must not exist; False when another writer was first."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with in_our_words(self.place):
            try:
                obstore.put(self._store, key, data, mode="create")
            except AlreadyExistsError:
                return self._holds(key, data)
            return True

    def replace(self, key: str, seen: bytes, data: bytes) -> bool:
        """Change an object that still holds `seen`; False when another writer was there.

        Readers see the old content or the new. A folder knows no conditional write: there,
        whoever writes just between our look and our write is not noticed.
        """
        import obstore
        from obstore.exceptions import PreconditionError

        with in_our_words(self.place):
            try:
                found = obstore.get(self._store, key)
                if bytes(found.bytes()) != seen:
                    return False
                obstore.put(self._store, key, data, mode=_version(found.meta))
            except NotImplementedError:
                obstore.put(self._store, key, data)
            except PreconditionError:
                return self._holds(key, data)
            except FileNotFoundError:
                return False
            return True

    def _holds(self, key: str, data: bytes) -> bool:
        """Whether what is there is our own: of a call whose answer got lost, and repeated."""
        import obstore

        try:
            return bytes(obstore.get(self._store, key).bytes()) == data
        except FileNotFoundError:
            return False

    def read(self, key: str) -> bytes:
        import obstore

        with in_our_words(self.place, key):
            return bytes(obstore.get(self._store, key).bytes())

    def download(self, key: str, file: Path) -> int:
        """Bring an object to local disk; returns how many bytes it had."""
        import obstore

        size = 0
        with in_our_words(self.place, key):
            answer = obstore.get(self._store, key)
        with file.open("wb") as target:
            pieces = iter(answer.stream(min_chunk_size=_PIECE_BYTES))
            while True:
                with in_our_words(self.place):
                    piece = next(pieces, None)
                if piece is None:
                    return size
                size += target.write(piece)

    def list(self, prefix: str) -> dict[str, int]:
        """Keys below a prefix (whole path segments), with sizes in bytes."""
        import obstore

        with in_our_words(self.place):
            found = obstore.list(self._store, prefix)
            return {item["path"]: item["size"] for chunk in found for item in chunk}

    def copy(self, key: str, to: str) -> None:
        """Inside of the store; one that is there already is replaced."""
        import obstore

        with in_our_words(self.place, key):
            obstore.copy(self._store, key, to)

    def delete(self, keys: Iterable[str]) -> None:
        """Those that are not there do not matter."""
        import obstore

        for key_list in _thousands(keys):
            with in_our_words(self.place):
                try:
                    obstore.delete(self._store, key_list)
                except FileNotFoundError:
                    # A folder says so and stops there; S3 does not care.
                    self._delete_each(key_list)

    def _delete_each(self, keys: Iterable[str]) -> None:
        import obstore

        for key in keys:
            with in_our_words(self.place):
                try:
                    obstore.delete(self._store, key)
                except FileNotFoundError:
                    continue


def _version(meta: ObjectMeta) -> UpdateVersion:
    """What the store knows of it: an e-tag, a version, or both; the driver takes no None."""
    known: UpdateVersion = {}
    if meta["e_tag"] is not None:
        known["e_tag"] = meta["e_tag"]
    if meta["version"] is not None:
        known["version"] = meta["version"]
    return known


def _thousands(keys: Iterable[str]) -> Iterable[list[str]]:
    every = list(keys)
    return (every[start : start + 1000] for start in range(0, len(every), 1000))
