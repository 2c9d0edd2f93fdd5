"""An account's limiter state in a small file that all processes of the machine share."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import math
import os
import stat
import struct
import tempfile
import threading
import uuid
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from penstock.core.errors import ConfigError
from penstock.sdk.limiter.pace import Head

_MAGIC = b"PSLIMIT1"
# magic, boot id, stamps, then the fields of Head; a CRC of all that follows it.
_HEAD = struct.Struct("<8s16sQQddddQQ")
_CRC = struct.Struct("<I")
_STAMP = struct.Struct("<d")
_STAMPS_AT = 128
_SANE_S = 7 * 86_400.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


_SHARED = Path("/tmp")  # noqa: S108 (our folder in it is ours alone, which is checked)


def default_folder(environ: Mapping[str, str] | None = None, shared: Path = _SHARED) -> Path:
    """Where the limits of this user's accounts are kept; it does not outlive a reboot.

    All processes of a user have to find the same place. XDG_RUNTIME_DIR as a login sets it is
    not: a scheduled job has none, and the folder goes when the login ends.
    """
    user = f"penstock-{os.getuid()}"
    login = f"/run/user/{os.getuid()}"
    chosen = (os.environ if environ is None else environ).get("XDG_RUNTIME_DIR")
    places = [Path(chosen)] if chosen and chosen != login else []
    places += [shared, Path(login), Path(tempfile.gettempdir())]
    base = next((place for place in places if _usable(place, place / user)), places[-1])
    return base / user / "limits"


def _usable(place: Path, ours: Path) -> bool:
    if not os.access(place, os.W_OK | os.X_OK):
        return False
    try:
        found = ours.lstat()
    except FileNotFoundError:
        return True
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def state_name(key: str) -> str:
    """File name of an account's state; the key may hold what must not be seen."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


class OpenBook:
    """The state while its lock is held; see `Book`."""

    def __init__(self, fd: int, head: Head, capacity: int) -> None:
        self._fd = fd
        self.head = head
        self.capacity = capacity

    def stamp(self, slot: int) -> float:
        if slot < 0:
            return 0.0
        raw = os.pread(self._fd, _STAMP.size, self._place(slot))
        (at,) = _STAMP.unpack(raw) if len(raw) == _STAMP.size else (0.0,)
        return at if math.isfinite(at) and at < self.head.last + _SANE_S else 0.0

    def set_stamp(self, slot: int, at: float) -> None:
        os.pwrite(self._fd, _STAMP.pack(at), self._place(slot))

    def grow(self, capacity: int) -> None:
        """Make room for more stamps; those of another rate stay."""
        newest = range(max(0, self.head.seq - self.capacity), self.head.seq)
        stamps = [(slot, self.stamp(slot)) for slot in newest]
        os.ftruncate(self._fd, _STAMPS_AT)
        os.ftruncate(self._fd, _STAMPS_AT + capacity * _STAMP.size)
        self.capacity = capacity
        for slot, at in stamps:
            self.set_stamp(slot, at)

    def _place(self, slot: int) -> int:
        return _STAMPS_AT + slot % self.capacity * _STAMP.size


class StateFile:
    """One account's file: opened at first use, locked for microseconds, remade when damaged."""

    def __init__(self, folder: Path, key: str, boot: bytes | None = None) -> None:
        self._path = folder / state_name(key)
        self._mutex = threading.Lock()  # the file lock excludes processes, not our own threads
        self._fd = -1
        self._pid = 0
        self._boot = boot or _boot_id()

    @contextmanager
    def locked(self, now: float, capacity: int = 1) -> Iterator[OpenBook]:
        """The state, alone; the caller says with `save` when it changed the head."""
        with self._mutex:
            fd = self._lock()
            try:
                book = self._load(fd, now)
                if capacity > book.capacity:
                    book.grow(capacity)
                    self.save(book)
                yield book
            finally:
                fcntl.flock(fd, fcntl.LOCK_UN)

    def peek(self, now: float) -> Head:
        """The head without waiting for the lock; it may be changed the moment after."""
        with self._mutex:
            if self._pid == os.getpid() and os.fstat(self._fd).st_nlink:
                # The checksum tells a head that is being written from a whole one.
                read = _parse(os.pread(self._fd, _CRC.size + _HEAD.size, 0), self._boot, now)
                if read:
                    return read[0]
        with self.locked(now) as book:
            return book.head

    def save(self, book: OpenBook) -> None:
        head = book.head
        packed = _HEAD.pack(
            _MAGIC,
            self._boot,
            book.capacity,
            head.seq,
            head.last,
            head.paused_until,
            head.slowed_at,
            head.factor,
            head.streak,
            head.level,
        )
        os.pwrite(self._fd, _CRC.pack(zlib.crc32(packed)) + packed, 0)

    def close(self) -> None:
        with self._mutex:
            self._drop()

    def _lock(self) -> int:
        while True:
            if self._pid != os.getpid():
                # A forked child shares the parent's lock with the descriptor: open our own.
                self._fd = _open(self._path)
                self._pid = os.getpid()
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            if os.fstat(self._fd).st_nlink:
                return self._fd
            self._drop()  # a cleaner of temporary files took it away; others use a new one

    def _drop(self) -> None:
        if self._pid == os.getpid():
            os.close(self._fd)
        self._fd, self._pid = -1, 0

    def _load(self, fd: int, now: float) -> OpenBook:
        raw = os.pread(fd, _CRC.size + _HEAD.size, 0)
        read = _parse(raw, self._boot, now)
        if read:
            return OpenBook(fd, *read)
        os.ftruncate(fd, 0)
        os.ftruncate(fd, _STAMPS_AT + _STAMP.size)
        book = OpenBook(fd, Head(), 1)
        self.save(book)
        return book


def _parse(raw: bytes, boot: bytes, now: float) -> tuple[Head, int] | None:
    """Head and capacity, or None for a new, damaged or outdated (rebooted) file."""
    if len(raw) < _CRC.size + _HEAD.size:
        return None
    (crc,) = _CRC.unpack_from(raw)
    packed = raw[_CRC.size :]
    magic, of_boot, capacity, seq, *rest = _HEAD.unpack(packed)
    if crc != zlib.crc32(packed) or magic != _MAGIC or of_boot != boot or not capacity:
        return None
    head = Head(seq, *rest)
    if max(head.last, head.paused_until, head.slowed_at) > now + _SANE_S:
        return None
    return head, capacity


def _boot_id() -> bytes:
    try:
        return uuid.UUID(_BOOT_ID.read_text().strip()).bytes
    except (OSError, ValueError):
        return bytes(16)


def _open(path: Path) -> int:
    try:
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _refuse_foreign(folder)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise ConfigError(
            "The folder for the shared rate limits cannot be used.",
            hint="Set XDG_RUNTIME_DIR to a folder that this user may write to.",
            folder=str(path.parent),
            reason=error.strerror,
        ) from error


def _refuse_foreign(folder: Path) -> None:
    # The temporary folder is open to all users: somebody may have taken our name there.
    owner = folder.stat().st_uid
    if owner not in (0, os.getuid()):
        raise PermissionError(errno.EPERM, f"it belongs to user {owner}", str(folder))
