"""The master key: from the environment, or from a file that we make at first use."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from penstock.core.errors import ConfigError

VARIABLE: Final = "PENSTOCK_SECRET_KEY"
FILE_VARIABLE: Final = "PENSTOCK_SECRET_KEY_FILE"
KEY_BYTES: Final = 32
_SHORTEST: Final = 8
# OWASP's password storage cheat sheet for scrypt: 16 MiB, five times over.
_SCRYPT: Final = {"n": 2**14, "r": 8, "p": 5, "maxmem": 64 * 1024**2, "dklen": KEY_BYTES}


@dataclass(frozen=True)
class MasterKey:
    """A master key and where it comes from.

    Args:
        text: base64 of 32 random bytes, or a phrase.
        origin: for people: a variable or a path.
        file: of the key that we made ourselves; None when the user gives the key.
    """

    text: str = field(repr=False)
    origin: str
    file: Path | None = None

    def wrapping_key(self, salt: bytes) -> bytes:
        """32 bytes. Random bytes are used as they are; a phrase is stretched, since it may be
        guessed."""
        with suppress(binascii.Error, ValueError):
            raw = base64.b64decode(self.text, altchars=b"-_", validate=True)
            if len(raw) == KEY_BYTES:
                return raw
        return hashlib.scrypt(self.text.encode("utf-8", "surrogateescape"), salt=salt, **_SCRYPT)


def id_of(wrapping_key: bytes) -> str:
    """Names a key without telling anything about it."""
    return hashlib.sha256(b"penstock master key\0" + wrapping_key).hexdigest()[:16]


@dataclass(frozen=True)
class MasterKeys:
    """Where this machine has its master key.

    Args:
        root: paths of the environment are relative to it.
        folder: of the keys that we make.
        variables: the environment, with `.env` behind it.
    """

    root: Path
    folder: Path
    variables: Mapping[str, str] = field(repr=False)

    @property
    def own_file(self) -> Path:
        return self.folder / "secrets.key"

    @property
    def next_file(self) -> Path:
        """Of a rotation that has not ended, or was cut short."""
        return self.folder / "secrets.key.next"

    def given(self) -> set[str]:
        """What the environment gives as a key, if it does; it must not be shown."""
        return {text} if (text := self.variables.get(VARIABLE, "").strip()) else set()

    def found(self) -> list[MasterKey]:
        """The keys that may be right, the likeliest first; two only after a broken rotation.

        Raises:
            ConfigError: the key that the environment names cannot be used.
        """
        if given := self.given():
            return [_checked(MasterKey(text, VARIABLE)) for text in given]
        if name := self.variables.get(FILE_VARIABLE):
            return [read_key(self.root / Path(name).expanduser())]
        files = [file for file in (self.own_file, self.next_file) if file.exists()]
        return [MasterKey(read_key(file).text, str(file), file) for file in files]

    def first(self) -> MasterKey:
        """The key to begin with; made when there is none."""
        found = self.found()
        if found:
            return found[0]
        make_key(self.own_file)
        return self.found()[0]


def read_key(path: Path) -> MasterKey:
    """
    Raises:
        ConfigError: it cannot be read, or holds no key.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The master key in {path} cannot be read: "
            f"{getattr(error, 'strerror', None) or 'it is not text'}.",
            hint=f"Put the key back there, or correct {FILE_VARIABLE}.",
            code="secrets.key_file",
        ) from None
    return _checked(MasterKey(text, str(path)))


def make_key(path: Path) -> None:
    """Write a new key for the owner alone; whoever comes second leaves the first one's.

    It is whole and on the disk before it has its name: what is sealed with a key that is lost
    in a power cut never opens again.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_key(path)
    except OSError as error:
        raise ConfigError(
            f"The master key cannot be written to {path}: {error.strerror}.",
            hint="Check who owns the folder and that the disk is not full.",
            code="secrets.key_file",
        ) from error


def _write_key(path: Path) -> None:
    text = base64.b64encode(secrets.token_bytes(KEY_BYTES))
    half = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, text + b"\n")
        os.fsync(handle)
        with suppress(FileExistsError):
            os.link(half, path)
    finally:
        os.close(handle)
        half.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names in a folder last through a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _checked(key: MasterKey) -> MasterKey:
    if len(key.text) < _SHORTEST:
        raise ConfigError(
            f"The master key from {key.origin} is too short.",
            hint="Make a good one with: head -c 32 /dev/urandom | base64",
            code="secrets.key_file",
        )
    return key
