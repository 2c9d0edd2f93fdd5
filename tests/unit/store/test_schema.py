"""Making, migrating and refusing catalogs."""

import re
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from penstock.core.errors import ConfigError, PenstockError
from penstock.store import Catalog
from penstock.store.engine import Database, Place
from penstock.store.schema import Migrations, bring_up
from penstock.store.tables import VERSION_TABLE, metadata
from unit.store.kit import PIPELINE, Clock, begin, package

NOW = Migrations()
STEPS = replace(NOW, step_by_step=True)
LATER = replace(NOW, head="9999", folders=(*NOW.folders, Path(__file__).parent / "later"))


def migrate(url: str, migrations: Migrations) -> None:
    with closing(Database(Place.of(url))) as database:
        bring_up(database, migrations, create=True)


def columns(url: str, table: str) -> set[str]:
    with closing(Database(Place.of(url))) as database, database.read() as connection:
        if not sa.inspect(connection).has_table(table):
            return set()
        return {column["name"] for column in sa.inspect(connection).get_columns(table)}


@pytest.mark.parametrize("way", [NOW, STEPS], ids=["at once", "step by step"])
def test_both_ways_to_a_new_catalog_lead_to_the_tables_that_the_code_uses(
    url: str, way: Migrations
) -> None:
    migrate(url, way)
    with closing(Database(Place.of(url))) as database, database.read() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_a_new_sqlite_catalog_has_the_same_statements_as_one_that_was_migrated(
    tmp_path: Path,
) -> None:
    """Constraints may stand in another order, so the words of each statement are compared."""
    found = []
    for name, way in (("at-once", NOW), ("step-by-step", STEPS)):
        migrate(str(tmp_path / name), way)
        with closing(sqlite3.connect(tmp_path / name)) as made:
            rows = made.execute("select type, name, sql from sqlite_master").fetchall()
        found.append(
            {(kind, name): sorted(re.findall(r"\w+", sql or "")) for kind, name, sql in rows}
        )
    assert found[0] == found[1]


def test_every_constraint_has_a_name() -> None:
    for table in metadata.tables.values():
        named = [
            item.name for item in table.constraints if not isinstance(item, sa.CheckConstraint)
        ]
        assert all(named), table.name


def test_without_leave_to_create_nothing_is_made(url: str) -> None:
    for _ in range(2):
        with pytest.raises(ConfigError) as raised:
            Catalog.open(url, create=False)
        assert raised.value.code == "catalog.missing"


def test_what_was_saved_is_there_after_opening_again(url: str, catalog: Catalog) -> None:
    job = begin(catalog)
    catalog.commit(package(job))
    before = catalog.jobs.get(job.id), catalog.positions.load(PIPELINE)
    catalog.close()
    with Catalog.open(url, create=False) as again:
        assert (again.jobs.get(job.id), again.positions.load(PIPELINE)) == before


def test_a_migration_keeps_the_rows_even_of_tables_that_point_at_the_changed_one(
    url: str, catalog: Catalog
) -> None:
    job = begin(catalog)
    catalog.commit(package(job))
    before = catalog.jobs.get(job.id), catalog.positions.load(PIPELINE)
    migrate(url, LATER)
    assert "team" in columns(url, "pipeline")
    assert (catalog.jobs.get(job.id), catalog.positions.load(PIPELINE)) == before


def test_an_empty_catalog_goes_through_all_versions(url: str) -> None:
    migrate(url, LATER)
    assert "team" in columns(url, "pipeline")
    assert columns(url, "label") == {"name"}


def test_a_failed_migration_changes_nothing_and_can_be_repeated(
    url: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = begin(catalog)
    monkeypatch.setenv("MIGRATION_MUST_FAIL", "1")
    for _ in range(2):
        with pytest.raises(PenstockError):
            migrate(url, LATER)
        assert columns(url, "label") == set()
        assert "team" not in columns(url, "pipeline")
    catalog.commit(package(job))
    monkeypatch.delenv("MIGRATION_MUST_FAIL")
    migrate(url, LATER)
    assert catalog.jobs.get(job.id).totals.loaded == 10


def test_a_catalog_of_a_newer_program_is_refused(url: str) -> None:
    migrate(url, LATER)
    with pytest.raises(ConfigError) as raised:
        Catalog.open(url)
    assert raised.value.code == "catalog.newer"


def test_many_may_open_a_new_catalog_at_once(url: str) -> None:
    def open_and_add(number: int) -> int:
        with closing(Catalog.open(url)) as catalog:
            return catalog.pipelines.ensure(f"p{number % 4}", "a", "b").id

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(open_and_add, range(16)))
    assert len(set(ids)) == 4


def test_many_may_migrate_an_old_catalog_at_once(url: str, catalog: Catalog) -> None:
    job = begin(catalog)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: migrate(url, LATER), range(8)))
    assert "team" in columns(url, "pipeline")
    assert catalog.jobs.get(job.id).id == job.id


def test_processes_may_open_a_new_catalog_at_once(url: str) -> None:
    code = "import sys; from penstock.store import Catalog; Catalog.open(sys.argv[1]).close()"
    children = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", code, url]) for _ in range(4)
    ]
    assert [child.wait() for child in children] == [0] * 4


class TestSqliteFile:
    """What holds for the file of a SQLite catalog only."""

    def test_only_its_owner_may_read_it_and_its_companions(
        self, url: str, catalog: Catalog
    ) -> None:
        begin(catalog)
        files = [file for file in Path(url).parent.rglob("*") if file.is_file()]
        assert {file.name for file in files} >= {"catalog.db", "catalog.db-wal"}
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}

    def test_a_copy_is_made_before_an_existing_catalog_is_migrated(
        self, url: str, catalog: Catalog
    ) -> None:
        job = begin(catalog)
        migrate(url, LATER)
        (copy,) = Path(url).parent.glob("catalog.db.before-migration-from-*")
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        with Catalog.open(copy) as kept:
            assert kept.jobs.get(job.id).id == job.id

    def test_no_copy_is_made_of_a_new_catalog(self, url: str) -> None:
        migrate(url, LATER)
        assert not list(Path(url).parent.glob("*before*"))

    def test_an_empty_file_becomes_a_catalog(self, url: str) -> None:
        Path(url).parent.mkdir()
        Path(url).touch()
        Catalog.open(url).close()
        assert "id" in columns(url, "job")

    def test_it_is_in_wal_mode(self, url: str, catalog: Catalog) -> None:
        with closing(sqlite3.connect(url)) as connection:
            assert connection.execute("pragma journal_mode").fetchone() == ("wal",)

    def test_a_file_that_is_no_catalog_is_named_and_left_alone(self, url: str) -> None:
        Path(url).parent.mkdir()
        Path(url).write_bytes(b"letter to my aunt " * 100)
        with pytest.raises(ConfigError) as raised:
            Catalog.open(url)
        assert raised.value.code == "catalog.damaged"
        assert "backup" in (raised.value.hint or "")
        assert Path(url).read_bytes() == b"letter to my aunt " * 100

    def test_damage_inside_the_file_is_named(self, url: str, catalog: Catalog) -> None:
        job = begin(catalog)
        catalog.commit(package(job))
        catalog.close()
        whole = Path(url).read_bytes()
        Path(url).write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
        with pytest.raises(ConfigError) as raised, Catalog.open(url) as opened:
            opened.jobs.list()
        assert raised.value.code == "catalog.damaged"

    def test_a_folder_that_cannot_be_made_is_the_users_to_mend(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ConfigError) as raised:
            Catalog.open(tmp_path / "file" / "catalog.db")
        assert raised.value.code == "catalog.not_writable"

    def test_locks_are_kept_beside_the_file(self, url: str, clock: Clock) -> None:
        with Catalog.open(f"sqlite:///{url}", now=clock) as catalog:
            catalog.pipelines.ensure(PIPELINE, "a", "b")
            begin(catalog)
        assert len(list((Path(url).parent / "locks").glob("*.lock"))) == 2
