"""The secrets that `${secret:name}` refers to: sealed in the catalog, opened only for use."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from penstock.control.master import (
    FILE_VARIABLE,
    KEY_BYTES,
    VARIABLE,
    MasterKey,
    MasterKeys,
    id_of,
    make_key,
    read_key,
    sync_folder,
)
from penstock.core.errors import ConfigError

if TYPE_CHECKING:
    from penstock.core.secrets import DataKey, SecretInfo
    from penstock.store import Catalog

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass
class Vault:
    """The secrets of one workspace. Libraries are loaded when it is used, not before.

    Args:
        catalog_url: a path or a PostgreSQL URL; the catalog is made by the first secret.
        keys: where the master key is.
        opened: values that were opened or set here, so that they can be kept off the screen.
    """

    catalog_url: str = field(repr=False)
    keys: MasterKeys
    opened: set[str] = field(default_factory=set, repr=False)

    def known(self) -> list[SecretInfo]:
        """By name, without values. Makes no catalog."""
        with self._existing() as catalog:
            return catalog.secrets.list() if catalog else []

    def get(self, name: str) -> str | None:
        """The value, None when there is no such secret.

        Raises:
            ConfigError: the master key is lost or another one, or the value was changed.
        """
        from penstock.control.envelope import NotOpened, unseal

        with self._existing() as catalog:
            kept = catalog.secrets.get(name) if catalog else None
            key = catalog.secrets.data_key() if catalog else None
        if kept is None:
            return None
        if key is None or key.id != kept.key_id:
            raise _damaged(name)
        try:
            value = unseal(self._open(key)[0], kept.sealed, _place(name)).decode()
        except NotOpened:
            raise _damaged(name) from None
        self.opened.add(value)
        return value

    def set(self, name: str, value: str) -> bool:
        """Keep a value; True when it replaces one. The first one makes the keys.

        Raises:
            ConfigError: the name cannot be one, the value is empty, or the master key is wrong.
        """
        from penstock.control.envelope import seal
        from penstock.core.secrets import SealedSecret
        from penstock.store import Catalog

        check_name(name)
        if not value:
            raise ConfigError("The value is empty.", code="secrets.value")
        self.opened.add(value)
        with closing(Catalog.open(self.catalog_url)) as catalog:
            key = catalog.secrets.data_key() or self._begin(catalog)
            sealed = seal(self._open(key)[0], value.encode(), _place(name))
            return catalog.secrets.put(name, SealedSecret(key.id, sealed))

    def remove(self, name: str) -> bool:
        """Forget a secret; False when there is none of that name. Needs no key."""
        with self._existing() as catalog:
            return catalog.secrets.remove(name) if catalog else False

    def rotate(self, file: Path | None = None) -> MasterKey:
        """Wrap the data key with another master key; the values stay as they are.

        Args:
            file: with the new key, made when it is not there; without it the key that we made
                ourselves is replaced.

        Returns:
            The key that counts from now on.

        Raises:
            ConfigError: there is nothing to wrap, or the user's own key needs a `file`.
        """
        from penstock.store.locks import wait_for_file

        with wait_for_file(self.keys.folder / "rotation.lock"), self._existing() as catalog:
            old = catalog.secrets.data_key() if catalog else None
            if catalog is None or old is None:
                raise ConfigError("There are no secrets yet.", code="secrets.none")
            data_key, current = self._open(old)
            new = self._given(file) if file else self._made(current)
            catalog.secrets.rewrap(old, _wrapped(data_key, old.id, new))
            return self._settled(new)

    def _begin(self, catalog: Catalog) -> DataKey:
        """The data key of a catalog that has none; another process may be quicker with its own."""
        made = _wrapped(secrets.token_bytes(KEY_BYTES), secrets.token_hex(8), self.keys.first())
        return catalog.secrets.keep_key(made)

    def _open(self, key: DataKey) -> tuple[bytes, MasterKey]:
        """The data key in the clear, and the master key that opens it."""
        from penstock.control.envelope import NotOpened, unseal

        found = self.keys.found()
        for master in found:
            self.opened.add(master.text)
            wrapping = master.wrapping_key(key.salt)
            if id_of(wrapping) == key.master_id:
                try:
                    return unseal(wrapping, key.wrapped, _key_place(key.id)), master
                except NotOpened:
                    raise _damaged(None) from None
        raise self._no_key(found)

    def _given(self, file: Path) -> MasterKey:
        if not file.exists():
            make_key(file)
        return read_key(file)

    def _made(self, current: MasterKey) -> MasterKey:
        """A new key beside the one that we made before."""
        if current.file is None:
            raise ConfigError(
                f"The master key comes from {current.origin}, which is yours to change.",
                hint="Name a file for the new key: penstock secrets rotate --key-file NEW. "
                f"Then let {FILE_VARIABLE} or {VARIABLE} give it.",
                code="secrets.key",
            )
        if current.file == self.keys.next_file:
            # The last rotation was cut short after the catalog had taken its key.
            current.file.replace(self.keys.own_file)
        self.keys.next_file.unlink(missing_ok=True)
        make_key(self.keys.next_file)
        return replace(read_key(self.keys.next_file), file=self.keys.next_file)

    def _settled(self, new: MasterKey) -> MasterKey:
        """Our own key in its place, now that the catalog knows it."""
        if new.file is None:
            return new
        new.file.replace(self.keys.own_file)
        sync_folder(self.keys.folder)
        return replace(new, origin=str(self.keys.own_file), file=self.keys.own_file)

    def _no_key(self, found: list[MasterKey]) -> ConfigError:
        what = (
            f"The master key from {found[0].origin} is not the one that the secrets need."
            if found
            else "The master key of the secrets is not on this machine."
        )
        return ConfigError(
            what,
            hint=f"Give the right one by {VARIABLE} or {FILE_VARIABLE}, or put it back into "
            f"{self.keys.own_file}. If it is lost, remove the secrets "
            "(`penstock secrets remove NAME`) and set them again.",
            code="secrets.key",
        )

    @contextmanager
    def _existing(self) -> Iterator[Catalog | None]:
        """The catalog, or None while there is none: looking makes no files."""
        if "://" not in self.catalog_url and not Path(self.catalog_url).exists():
            yield None
            return
        from penstock.store import Catalog

        with closing(Catalog.open(self.catalog_url)) as catalog:
            yield catalog


def check_name(name: str) -> None:
    """
    Raises:
        ConfigError: it cannot be the name of a secret. It is not shown: it may hold the value.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            "This is no name for a secret.",
            hint="A name has letters, digits, _, - and . only, and at most 128 of them. "
            "The value is asked for, or read from stdin.",
            code="secrets.name",
        )


def _wrapped(data_key: bytes, key_id: str, master: MasterKey) -> DataKey:
    from penstock.control.envelope import seal
    from penstock.core.secrets import DataKey

    salt = secrets.token_bytes(16)
    wrapping = master.wrapping_key(salt)
    return DataKey(key_id, id_of(wrapping), salt, seal(wrapping, data_key, _key_place(key_id)))


def _place(name: str) -> str:
    """A sealed value that is copied to another row does not open there."""
    return f"secret/{name}/value"


def _key_place(key_id: str) -> str:
    return f"data_key/{key_id}/wrapped"


def _damaged(name: str | None) -> ConfigError:
    what = f"The secret {name!r}" if name else "The key of the secrets"
    return ConfigError(
        f"{what} cannot be opened: somebody changed it in the catalog.",
        hint="Restore the catalog from a backup, or remove the secret and set it again.",
        code="secrets.damaged",
    )
