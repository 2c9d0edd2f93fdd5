"""Secrets at rest: sealed values and their wrapped key. Nothing here can open them."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from penstock.core.clock import NowMs
from penstock.core.errors import TransientError
from penstock.core.secrets import DataKey, SealedSecret, SecretInfo
from penstock.store import tables as t
from penstock.store.engine import Database

_PURPOSE: Final = "secrets"


class Secrets:
    """The secrets of one catalog."""

    def __init__(self, database: Database, now: NowMs) -> None:
        self._database = database
        self._now = now

    def list(self) -> list[SecretInfo]:
        """By name."""
        rows = t.secret.c
        query = sa.select(rows.name, rows.created_at, rows.updated_at).order_by(rows.name)
        with self._database.read() as connection:
            return [SecretInfo(*row) for row in connection.execute(query)]

    def get(self, name: str) -> SealedSecret | None:
        rows = t.secret.c
        query = sa.select(rows.key_id, rows.sealed).where(rows.name == name)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return SealedSecret(row.key_id, row.sealed) if row else None

    def data_key(self) -> DataKey | None:
        with self._database.read() as connection:
            return _data_key(connection)

    def keep_key(self, key: DataKey) -> DataKey:
        """Save the key unless there is one already; returns the one that counts from now on."""
        row = {"purpose": _PURPOSE, **vars(key), "created_at": self._now()}
        with self._database.write() as connection:
            connection.execute(self._database.insert_new(t.data_key, row))
            kept = _data_key(connection)
        assert kept is not None
        return kept

    def put(self, name: str, value: SealedSecret) -> bool:
        """Save a value; True when it replaces one.

        Raises:
            TransientError: the data key changed since the value was sealed.
        """
        now = self._now()
        row = {
            "name": name, "key_id": value.key_id, "sealed": value.sealed,
            "created_at": now, "updated_at": now,
        }  # fmt: skip
        known = sa.select(t.secret.c.name).where(t.secret.c.name == name)
        with self._database.write() as connection:
            key = _data_key(connection, lock=True)
            if key is None or key.id != value.key_id:
                raise _changed()
            replaced = connection.execute(known).one_or_none() is not None
            update = ["key_id", "sealed", "updated_at"]
            connection.execute(self._database.upsert(t.secret, row, update))
        return replaced

    def remove(self, name: str) -> bool:
        """Forget a value; with the last one the data key goes too, and with it its master key."""
        with self._database.write() as connection:
            _data_key(connection, lock=True)
            gone = connection.execute(sa.delete(t.secret).where(t.secret.c.name == name)).rowcount
            if not connection.execute(sa.select(sa.func.count()).select_from(t.secret)).scalar():
                connection.execute(sa.delete(t.data_key).where(t.data_key.c.purpose == _PURPOSE))
        return bool(gone)

    def rewrap(self, old: DataKey, new: DataKey) -> None:
        """Put the same data key under another master key.

        Raises:
            TransientError: somebody else did so meanwhile; nothing is changed then.
        """
        rows = t.data_key
        statement = (
            sa.update(rows)
            .where(rows.c.id == old.id, rows.c.master_id == old.master_id)
            .values(master_id=new.master_id, salt=new.salt, wrapped=new.wrapped)
        )
        with self._database.write() as connection:
            if connection.execute(statement).rowcount != 1:
                raise _changed()


def _data_key(connection: sa.Connection, *, lock: bool = False) -> DataKey | None:
    rows = t.data_key.c
    query = sa.select(rows.id, rows.master_id, rows.salt, rows.wrapped, rows.created_at)
    query = query.where(rows.purpose == _PURPOSE)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return DataKey(*row) if row else None


def _changed() -> TransientError:
    return TransientError(
        "Somebody else changed the secrets at the same moment.",
        hint="Nothing was changed here: run the command again.",
        code="secrets.busy",
    )
