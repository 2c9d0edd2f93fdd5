"""Failures of the database, in our words."""

import errno
import sqlite3
import subprocess
import sys

import pytest

from penstock.core.errors import ConfigError, TransientError
from penstock.store import Catalog
from penstock.store.errors import translate
from unit.store.kit import begin, failed_row, package


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("words that may change")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (sqlite_error(sqlite3.SQLITE_FULL), TransientError, "catalog.disk_full"),
        (sqlite_error(sqlite3.SQLITE_IOERR_SHMSIZE), TransientError, "catalog.disk_full"),
        (sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT), TransientError, "catalog.busy"),
        (sqlite_error(sqlite3.SQLITE_IOERR_WRITE), TransientError, "catalog.disk_error"),
        (sqlite_error(sqlite3.SQLITE_CORRUPT_INDEX), ConfigError, "catalog.damaged"),
        (sqlite_error(sqlite3.SQLITE_READONLY), ConfigError, "catalog.not_writable"),
        (OSError(errno.ENOSPC, "full"), TransientError, "catalog.disk_full"),
        (PermissionError(errno.EACCES, "no"), ConfigError, "catalog.not_writable"),
    ],
)
def test_every_failure_says_who_must_act(
    error: Exception, kind: type[Exception], code: str
) -> None:
    ours = translate(error, "place")
    assert isinstance(ours, kind)
    assert (ours.code, ours.where) == (code, {"catalog": "place"})
    assert ours.hint


def test_a_full_disk_stops_the_commit_and_leaves_the_catalog_whole(catalog: Catalog) -> None:
    job = begin(catalog)
    with catalog._database.write() as connection:
        pages = connection.exec_driver_sql("pragma page_count").scalar_one()
        connection.exec_driver_sql(f"pragma max_page_count = {pages + 2}")
    many = tuple(failed_row(n) for n in range(2000))
    with pytest.raises(TransientError) as raised:
        catalog.commit(package(job, failed=many))
    assert raised.value.code == "catalog.disk_full"
    with catalog._database.write() as connection:
        connection.exec_driver_sql("pragma max_page_count = 1000000")
    assert catalog.commit(package(job, failed=many))


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:notaport/db"])
def test_an_address_that_cannot_be_read_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Catalog.open(url)
    assert raised.value.code == "catalog.address"


def test_a_server_that_is_away_may_come_back() -> None:
    with pytest.raises(TransientError) as raised:
        Catalog.open("postgresql://user:secret@127.0.0.1:1/db")
    assert raised.value.code == "catalog.unreachable"
    assert "secret" not in str(raised.value.to_dict())


def test_looking_something_up_imports_neither_alembic_nor_arrow(catalog: Catalog, url: str) -> None:
    catalog.close()
    code = (
        "import sys; from penstock.store import Catalog\n"
        "catalog = Catalog.open(sys.argv[1], create=False)\n"
        "catalog.jobs.list(); catalog.pipelines.list(); catalog.failed.open_counts()\n"
        "heavy = {'alembic', 'pyarrow', 'sqlalchemy.orm', 'psycopg'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code, url], check=True)
