"""Connections to the catalog's database: one engine that writes, one that only reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from penstock.core.errors import ConfigError
from penstock.store.errors import translate

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

_BUSY_S = 15.0


@dataclass(frozen=True)
class Place:
    """Where a catalog is: a SQLite file or a PostgreSQL database."""

    url: sa.URL
    path: Path | None

    @staticmethod
    def of(url_or_path: str | Path) -> Place:
        text = str(url_or_path)
        if text.startswith(("postgresql:", "postgres:", "postgresql+psycopg:")):
            try:
                url = sa.make_url(text).set(drivername="postgresql+psycopg")
            except (sa.exc.ArgumentError, ValueError) as error:
                raise ConfigError(
                    "The address of the catalog cannot be read.",
                    hint="It looks like postgresql://user:password@host:5432/database.",
                    code="catalog.address",
                ) from error
            return Place(url, None)
        path = Path(text.removeprefix("sqlite:///")).absolute()
        return Place(sa.URL.create("sqlite", database=str(path)), path)

    def __str__(self) -> str:
        return str(self.path or self.url.render_as_string(hide_password=True))


class Database:
    """Short transactions on one catalog, with the driver's errors in our words."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.is_sqlite = place.path is not None
        self._writer = sqlite_engine(place.url) if self.is_sqlite else _postgres_engine(place)
        self._reader = sqlite_engine(place.url, write=False) if self.is_sqlite else self._writer

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction, committed at the end; SQLite takes its write lock at the start."""
        with self.in_our_words(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent view that never waits for writers."""
        with self.in_our_words(), self._reader.connect() as connection:
            yield connection

    def session(self) -> sa.Connection:
        """A connection kept for its session, outside of any transaction; the caller closes it."""
        with self.in_our_words():
            return self._writer.connect().execution_options(isolation_level="AUTOCOMMIT")

    def close(self) -> None:
        self._reader.dispose()
        self._writer.dispose()

    @contextmanager
    def in_our_words(self) -> Iterator[None]:
        """Turn what the driver raises inside into errors of ours."""
        try:
            yield
        except (sa.exc.DBAPIError, sa.exc.TimeoutError, sqlite3.Error) as error:
            raise translate(error, str(self.place)) from error

    def insert_new(self, table: sa.Table, values: Mapping[str, Any]) -> sa.Executable:
        """Insert a row unless one with the same key is there."""
        return self._insert(table).values(**values).on_conflict_do_nothing()

    def upsert(
        self, table: sa.Table, values: Mapping[str, Any], update: Sequence[str] | Mapping[str, Any]
    ) -> sa.Executable:
        """Insert a row, or change the one with the same primary key.

        `update` names the columns that take the new values, or gives expressions for them.
        """
        statement = self._insert(table).values(**values)
        if not isinstance(update, Mapping):
            update = {name: statement.excluded[name] for name in update}
        keys = [column.name for column in table.primary_key]
        return statement.on_conflict_do_update(index_elements=keys, set_=update)

    def _insert(self, table: sa.Table) -> SqliteInsert | PostgresInsert:
        # Each dialect is loaded only where it is used.
        if self.is_sqlite:
            from sqlalchemy.dialects import sqlite

            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)


def sqlite_engine(url: sa.URL, *, write: bool = True, foreign_keys: bool = True) -> sa.Engine:
    """An engine whose transactions begin when we say so.

    A writer begins with BEGIN IMMEDIATE: a transaction that reads first cannot wait for its
    upgrade, and fails at once with "database is locked", whatever the time-out.
    """
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_S}, hide_parameters=True)
    pragmas = ["journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={int(_BUSY_S * 1000)}"]
    pragmas.append(f"foreign_keys={'ON' if foreign_keys else 'OFF'}")
    if not write:
        pragmas = [*pragmas[2:], "query_only=ON"]

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we begin; the driver must not
        for pragma in pragmas:
            connection.execute(f"pragma {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgres_engine(place: Place) -> sa.Engine:
    try:
        return sa.create_engine(place.url, pool_pre_ping=True, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise ConfigError(
            "The catalog is on PostgreSQL, and its driver is not installed.",
            hint="Install it: pip install 'psycopg[binary]'",
            code="catalog.no_driver",
        ) from error
