"""Bringing a catalog to the shape this program knows."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from penstock.core.errors import ConfigError, InternalError
from penstock.store.engine import Database, sqlite_engine
from penstock.store.errors import translate
from penstock.store.locks import wait_for_file
from penstock.store.tables import NAMING, VERSION, VERSION_TABLE, metadata

# One advisory lock per database, for those who open a new catalog at the same moment.
_MIGRATION_LOCK: Final = 0x50656E73746F636B


@dataclass(frozen=True)
class Migrations:
    """The version this program works with, and the folders of scripts that lead there.

    A new catalog is made at once from the tables the code uses, which tests hold equal to where
    the scripts lead; with `step_by_step` it goes through all versions too.
    """

    head: str = VERSION
    folders: tuple[Path, ...] = (Path(__file__).parent / "migrations" / "versions",)
    step_by_step: bool = False


def bring_up(database: Database, migrations: Migrations, *, create: bool) -> None:
    """Create or migrate the catalog when it is behind; safe when many processes do so at once.

    Raises:
        ConfigError: there is no catalog and none may be created, or a newer program made it.
    """
    path = database.place.path
    if path is None:
        _bring_up(database, migrations, create=create)
        return
    if not path.exists() and not create:
        raise _missing(str(path))
    with _errors(database):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Also for an existing file: whoever switches it to WAL must be alone with it.
        with wait_for_file(path.parent / "locks" / "catalog.lock"):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            _bring_up(database, migrations, create=create)


def _bring_up(database: Database, migrations: Migrations, *, create: bool) -> None:
    with database.read() as connection:
        found = _version(connection)
    if found == migrations.head:
        return
    _refuse_newer(found, migrations.head, str(database.place))
    if found is None and not create:
        raise _missing(str(database.place))
    path = database.place.path
    if path is not None and found is not None:
        _back_up(path, found)
    with _migrating(database) as connection:
        _migrate(connection, migrations)


def _version(connection: sa.Connection) -> str | None:
    """The catalog's version, None for an empty database."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    statement = sa.text(f"select version_num from {VERSION_TABLE}")  # noqa: S608 (a constant)
    found = connection.execute(statement).scalar_one_or_none()
    return str(found) if found is not None else None


def _refuse_newer(found: str | None, head: str, place: str) -> None:
    # Versions are numbers of four digits, so that text sorts as they do.
    if found is not None and found > head:
        raise ConfigError(
            f"The catalog has version {found}, and this program knows {head} at most.",
            hint="Install the newer version of penstock that last opened it.",
            code="catalog.newer",
            catalog=place,
        )


@contextmanager
def _migrating(database: Database) -> Iterator[sa.Connection]:
    """A transaction for migrations alone: all of them are applied, or none."""
    if not database.is_sqlite:
        with database.write() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            yield connection
        return
    # Tables are rebuilt to change them; enforced, foreign keys would delete what points there.
    engine = sqlite_engine(database.place.url, foreign_keys=False)
    try:
        with engine.begin() as connection:
            yield connection
            if broken := connection.exec_driver_sql("pragma foreign_key_check").fetchall():
                raise InternalError(
                    f"A migration of the catalog left {len(broken)} rows that point nowhere.",
                    hint="Nothing was changed. Please report this.",
                    code="catalog.migration",
                )
    finally:
        engine.dispose()


def _migrate(connection: sa.Connection, migrations: Migrations) -> None:
    # Read again under the lock: another process may have been here a moment ago.
    found = _version(connection)
    if found is None and migrations.head == VERSION and not migrations.step_by_step:
        _make(connection)
    elif found != migrations.head:
        _walk(connection, migrations)


def _make(connection: sa.Connection) -> None:
    metadata.create_all(connection)
    version = sa.Table(
        VERSION_TABLE,
        sa.MetaData(),
        sa.Column("version_num", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
    )
    version.create(connection)
    connection.execute(version.insert().values(version_num=VERSION))


def _walk(connection: sa.Connection, migrations: Migrations) -> None:
    # Imported here: alembic costs more than most commands take.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(
        str(Path(__file__).parent / "migrations"),
        version_locations=[str(folder) for folder in migrations.folders],
    )

    def steps(revision: str, _context: MigrationContext) -> list[object]:
        return list(scripts._upgrade_revs(migrations.head, revision))

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(
            connection=connection,
            version_table=VERSION_TABLE,
            target_metadata=sa.MetaData(naming_convention=NAMING),
            render_as_batch=True,
        )
        environment.run_migrations()


def _back_up(path: Path, version: str) -> None:
    """Copy the file beside itself; a copy cut short never bears the final name."""
    target = path.with_name(f"{path.name}.before-migration-from-{version}")
    half = target.with_name(f"{target.name}.part")
    half.unlink(missing_ok=True)
    os.close(os.open(half, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(half)) as copy:
        source.backup(copy)
        copy.execute("pragma journal_mode=DELETE")  # one file, with no companions to forget
    half.replace(target)


@contextmanager
def _errors(database: Database) -> Iterator[None]:
    place = str(database.place)
    try:
        yield
    except (sqlite3.Error, sa.exc.DBAPIError, OSError) as error:
        raise translate(error, place) from error


def _missing(place: str) -> ConfigError:
    return ConfigError(
        "There is no catalog here yet.",
        hint="It is made by the first `penstock run`.",
        code="catalog.missing",
        catalog=place,
    )
