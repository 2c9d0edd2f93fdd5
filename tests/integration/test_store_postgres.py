"""The tests of the store once more, with the catalog on PostgreSQL."""

from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest

from penstock.core.errors import ConfigError, InternalError
from penstock.store import Catalog
from unit.store.kit import PIPELINE, begin, catalog, clock, job, package
from unit.store.server import postgres
from unit.store.test_activity import *  # noqa: F403
from unit.store.test_commit import *  # noqa: F403
from unit.store.test_failed import *  # noqa: F403
from unit.store.test_jobs import *  # noqa: F403
from unit.store.test_many_writers import *  # noqa: F403
from unit.store.test_mappings import *  # noqa: F403
from unit.store.test_objects import *  # noqa: F403
from unit.store.test_pipelines import *  # noqa: F403
from unit.store.test_positions import *  # noqa: F403
from unit.store.test_schema import *  # noqa: F403
from unit.store.test_secrets import *  # noqa: F403

del TestSqliteFile  # noqa: F821 (there is no file here)

__all__ = ["catalog", "clock", "job"]
pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def url(server: str) -> Iterator[str]:
    """A schema of its own for each test."""
    schema = f"s{uuid4().hex}"
    with closing(psycopg.connect(server, autocommit=True)) as connection:
        connection.execute(f"create schema {schema}")
        yield f"{server}?options={quote(f'-csearch_path={schema}')}"
        connection.execute(f"drop schema {schema} cascade")


def test_a_lost_session_frees_the_lock_and_the_fence_stops_the_old_job(
    catalog: Catalog, url: str
) -> None:
    with catalog.pipelines.lock(PIPELINE):
        old = catalog.pipelines.begin_job(PIPELINE, "INCREMENTAL", "INCREMENTAL")
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            connection.execute(
                "select pg_terminate_backend(pid, 5000) from pg_locks"
                " where locktype = 'advisory' and database = (select oid from pg_database"
                " where datname = current_database())"
            )
        with closing(Catalog.open(url)) as other:
            new = begin(other)
        with pytest.raises(InternalError) as raised:
            catalog.commit(package(old))
        assert raised.value.code == "job.fenced"
    assert catalog.commit(package(new)), "connections that were cut are replaced"


def test_a_database_that_is_not_there_is_the_users_to_make(server: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Catalog.open(server.rpartition("/")[0] + "/nowhere")
    assert raised.value.code == "catalog.no_database"
