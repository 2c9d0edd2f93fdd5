"""The slot and the publications: made, checked, watched, lost, dropped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from following import Following, open_source
from penstock.connectors.sources.postgres.log.slot import Slot, slot_name, warnings
from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import AuthError, ConfigError, TransientError
from servers import PostgresServer
from tables import Tables

pytestmark = pytest.mark.postgres

Sql = psycopg.Connection[Any]
Follow = Callable[..., Following]


@pytest.fixture
def follow(logical_url: str, sql: Sql) -> Iterator[Follow]:
    """Starts reading; whatever was started is ended with the test."""
    sql.execute("create table t(id int primary key, v text); insert into t values (1, 'a')")
    opened: list[Following] = []

    def start(checkpoint: Checkpoint | None = None, *, follow: bool = True, **settings: Any) -> Any:
        following = Following(open_source(logical_url, **settings), checkpoint, follow)
        opened.append(following)
        following.step()
        return following

    yield start
    for item in opened:
        item.close()


def slots(sql: Sql) -> list[tuple[Any, ...]]:
    return sql.execute(
        "select slot_name, active from pg_replication_slots where database = current_database()"
    ).fetchall()


def confirmed(sql: Sql) -> int:
    row = sql.execute(
        "select (confirmed_flush_lsn - '0/0')::bigint from pg_replication_slots "
        "where database = current_database()"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_name_is_readable_and_the_pipelines_own() -> None:
    name = slot_name("Orders → warehouse, every hour of the day", "catalog 1")
    assert name.startswith("penstock_orders_warehouse_every_hour_")
    assert len(name) <= 63
    assert name != slot_name("Orders → warehouse, every hour of the day", "catalog 2")
    assert slot_name("a", "c") != slot_name("b", "c")


def test_slot_and_publications_are_made_used_again_and_dropped(sql: Sql, follow: Follow) -> None:
    first = follow()
    ((name, active),) = slots(sql)
    assert active is False
    sql.execute("insert into t values (2, 'b')")
    first.until(1)
    assert slots(sql) == [(name, True)]
    first.close()
    sql.execute("insert into t values (3, 'c')")
    second = follow(first.checkpoint)
    assert second.until(1) == [("t", "I", 3)]
    assert slots(sql) == [(name, True)]
    second.close()
    assert second.source.forget() == []
    assert slots(sql) == []
    assert sql.execute("select count(*) from pg_publication").fetchall() == [(0,)]


def test_what_cannot_be_dropped_is_shown(sql: Sql, follow: Follow, logical_url: str) -> None:
    first = follow()
    sql.execute("insert into t values (2, 'b')")
    first.until(1)
    other = open_source(logical_url)
    try:
        ((name, _),) = slots(sql)
        assert other.forget() == [f"SELECT pg_drop_replication_slot('{name}');"]
    finally:
        other.close()


def test_a_job_that_died_before_its_first_position_leaves_no_second_slot(
    sql: Sql, follow: Follow
) -> None:
    follow().close()
    sql.execute("insert into t values (2, 'b')")
    again = follow()
    assert len(slots(sql)) == 1
    sql.execute("insert into t values (3, 'c')")
    assert again.until(1) == [("t", "I", 3)]


def test_of_two_followers_one_is_refused(sql: Sql, follow: Follow) -> None:
    first = follow()
    sql.execute("insert into t values (2, 'b')")
    first.until(1)
    second = follow(first.checkpoint)
    with pytest.raises(TransientError) as refused:
        second.step()
    assert refused.value.code == "source.slot_in_use"
    assert "penstock from 127.0.0.1 since" in refused.value.message
    sql.execute("insert into t values (3, 'c')")
    assert first.until(2)[-1] == ("t", "I", 3)


def test_what_is_loaded_may_be_forgotten_by_the_server(sql: Sql, follow: Follow) -> None:
    following = follow()
    before = confirmed(sql)
    sql.execute("insert into t values (2, 'b')")
    following.until(1)
    time.sleep(0.3)
    assert confirmed(sql) == before, "nothing was acknowledged yet"
    following.acknowledge()
    until = time.monotonic() + 20
    while confirmed(sql) == before:
        assert time.monotonic() < until
        following.step()
    following.close()


def test_an_idle_database_frees_the_log_of_its_neighbours(
    sql: Sql, follow: Follow, logical_server: PostgresServer
) -> None:
    following = follow(heartbeat_s=1)
    start = confirmed(sql)
    with closing(psycopg.connect(logical_server.url, autocommit=True)) as other:
        other.execute("create table if not exists busy(v text)")
        other.execute("insert into busy select repeat('x', 900) from generate_series(1, 5000)")
    until = time.monotonic() + 30
    while confirmed(sql) < start + 4_000_000:
        assert time.monotonic() < until
        following.step()
        following.acknowledge()
    assert following.seen == []
    assert following.source.stats.lag_bytes is not None
    assert following.source.stats.lag_bytes < 1_000_000


def test_a_dropped_slot_is_a_lost_position(sql: Sql, follow: Follow) -> None:
    first = follow()
    first.close()
    ((name, _),) = slots(sql)
    sql.execute("select pg_drop_replication_slot(%s)", [name])
    with pytest.raises(ConfigError) as lost:
        follow(first.checkpoint)
    assert lost.value.code == "OFFSET_EXPIRED"
    assert lost.value.where["position"] in lost.value.message


def test_a_slot_that_somebody_else_read_from_is_a_lost_position(sql: Sql, follow: Follow) -> None:
    first = follow()
    first.close()
    ((name, _),) = slots(sql)
    sql.execute("insert into t values (2, 'b')")
    sql.execute("select pg_replication_slot_advance(%s, pg_current_wal_lsn())", [name])
    with pytest.raises(ConfigError, match="somebody else has read") as lost:
        follow(first.checkpoint)
    assert lost.value.code == "OFFSET_EXPIRED"


def test_log_that_the_server_dropped_is_a_lost_position(tmp_path: Path) -> None:
    limits = {"max_slot_wal_keep_size": "1MB", "min_wal_size": "32MB", "max_wal_size": "32MB"}
    with (
        PostgresServer(wal_level="logical", **limits) as server,  # type: ignore[arg-type]
        closing(psycopg.connect(server.url, autocommit=True)) as sql,
    ):
        sql.execute("create table t(id int primary key, v text)")
        tables = Tables(tmp_path, {"type": "postgres", "url": server.url, "mode": "LOG_BASED"})
        tables.run()
        for _ in range(4):
            sql.execute("insert into t select 1, repeat('x', 900) where false")
            sql.execute(
                "select pg_switch_wal(), pg_logical_emit_message(true, 'x', repeat('y', 900))"
            )
        sql.execute("checkpoint")
        summary = tables.tried()
        assert summary.status == "FAILED"
        assert summary.error["code"] == "OFFSET_EXPIRED"
        assert "max_slot_wal_keep_size" in summary.error["message"]
        sql.execute("insert into t values (1, 'a'), (2, 'b'); delete from t where id = 1")
        tables.run(recover="REPAIR")
        assert tables.rows("select id, v from t where not _ps_deleted") == [(2, "b")]


def test_after_a_lost_position_everything_is_read_again(
    sql: Sql, tables: Tables, logical_url: str
) -> None:
    sql.execute("create table t(id int primary key); insert into t values (1)")
    tables.run()
    ((name, _),) = slots(sql)
    sql.execute("select pg_drop_replication_slot(%s)", [name])
    sql.execute("insert into t values (2); delete from t where id = 1")
    assert tables.tried().error["code"] == "OFFSET_EXPIRED"
    tables.run(full_refresh=True)
    assert tables.rows("select id from t where not _ps_deleted") == [(2,)]
    sql.execute("insert into t values (3)")
    assert tables.read() == {"t": 1}


def test_the_guard_speaks_in_time() -> None:
    gib = 1 << 30
    slot = Slot("s", "pgoutput", "d", None, 0, 0, "reserved", None)
    assert list(warnings(slot, gib, gib)) == []
    (held,) = warnings(slot, 3 * gib, gib)
    assert "keep 3.0 GB of log" in held
    (near,) = warnings(Slot("s", "pgoutput", "d", None, 0, 0, "extended", gib), 3 * gib, gib)
    assert "after 1.0 GB more the server drops it" in near
    (last,) = warnings(Slot("s", "pgoutput", "d", None, 0, 0, "unreserved", 0), 3 * gib, gib)
    assert "about to be lost" in last


def test_a_publication_that_is_gone_is_a_lost_position(
    sql: Sql, logical_url: str, tmp_path: Path
) -> None:
    sql.execute("create table t(id int primary key, v text); insert into t values (1, 'a')")
    tables = Tables(tmp_path, {"type": "postgres", "url": logical_url, "mode": "LOG_BASED"})
    tables.run()
    found = sql.execute("select pubname from pg_publication where pubname !~ '_inserts'")
    ((name,),) = found.fetchall()
    sql.execute(f"drop publication {name}".encode())
    sql.execute("update t set v = 'b'; insert into t values (2, 'c')")
    lost = tables.tried()
    assert lost.error["code"] == "OFFSET_EXPIRED"
    assert name in lost.error["message"]
    assert tables.run(recover="REPAIR").status == "COMPLETED"
    assert tables.rows("select id, v from t order by id") == [(1, "b"), (2, "c")]


def test_a_slot_and_a_publication_of_somebody_else(sql: Sql, follow: Follow) -> None:
    sql.execute("create publication theirs for table t")
    sql.execute("select pg_create_logical_replication_slot('theirs_1', 'pgoutput')")
    sql.execute("insert into t values (2, 'b')")
    following = follow(slot="theirs_1", publication="theirs")
    assert following.until(1) == [("t", "I", 2)]
    following.close()
    assert following.source.forget() == []
    assert slots(sql) == [("theirs_1", False)]
    assert sql.execute("select pubname from pg_publication").fetchall() == [("theirs",)]


def test_a_publication_without_the_table_is_refused(sql: Sql, follow: Follow) -> None:
    sql.execute("create table other(id int primary key)")
    sql.execute("create publication theirs for table other")
    with pytest.raises(ConfigError, match="does not have 1 of") as refused:
        follow(publication="theirs")
    assert 'ALTER PUBLICATION "theirs" ADD TABLE "public"."t"' in (refused.value.hint or "")
    with pytest.raises(ConfigError, match="no publication nobody"):
        follow(publication="nobody")


def test_a_slot_of_another_plugin_is_refused(sql: Sql, follow: Follow) -> None:
    sql.execute("select pg_create_logical_replication_slot('odd_1', 'test_decoding')")
    with pytest.raises(ConfigError) as refused:
        follow(slot="odd_1")
    assert refused.value.code == "source.slot_unfit"


def test_rights_are_explained(sql: Sql, logical_url: str, logical_server: PostgresServer) -> None:
    sql.execute("create table t(id int primary key)")
    database = logical_url.rpartition("/")[2]
    role = f"r_{database[:12]}"
    sql.execute(f"create role {role} login password 'x'".encode())
    sql.execute(f"grant usage on schema public to {role}; grant select on t to {role}".encode())
    url = f"postgresql://{role}:x@127.0.0.1:{logical_server.port}/{database}"
    source = open_source(url)
    try:
        lacks = {step.name: step for step in source.check() if not step.ok}
        assert [*lacks] == ["log rights", "publication"], "all that is missing is told at once"
        assert f'ALTER ROLE "{role}" REPLICATION' in (lacks["log rights"].hint or "")
        sql.execute(f"alter role {role} replication".encode())
        ((name, last),) = {s.name: s for s in source.check() if not s.ok}.items()
        assert name == "publication"
        assert f"may not CREATE in the database {database} and it owns none" in last.detail
        assert 'CREATE PUBLICATION penstock FOR TABLE "public"."t";' in (last.hint or "")
        assert f'GRANT CREATE ON DATABASE "{database}" TO "{role}"' in (last.hint or "")
        following = Following(source)
        with pytest.raises(AuthError) as refused:
            following.step()
        assert refused.value.code == "source.publication_rights"
        assert 'CREATE PUBLICATION "penstock_p_' in (refused.value.hint or "")
        sql.execute(f"grant create on database {database} to {role}".encode())
        sql.execute("create table theirs(id int primary key)")
        sql.execute(f"grant select on theirs to {role}; alter table t owner to {role}".encode())
        with closing(open_source(url)) as again:
            steps = {step.name: step for step in again.check()}
        assert all(step.ok for step in steps.values())
        assert "for 1 of 2 tables; others own public.theirs" in steps["publication"].detail
    finally:
        source.close()
        sql.execute(f"drop owned by {role}; drop role {role}".encode())


def test_check_tells_of_a_server_without_a_logical_log(postgres_url: str) -> None:
    with closing(psycopg.connect(postgres_url)) as connection:
        connection.execute("create table t(id int primary key)")
        connection.commit()
    source = open_source(postgres_url)
    try:
        (last,) = [step for step in source.check() if not step.ok]
        assert last.name == "log settings"
        assert "ALTER SYSTEM SET wal_level = logical" in (last.hint or "")
    finally:
        source.close()


def test_check_tells_of_the_log_also_where_no_table_is_there_yet(postgres_url: str) -> None:
    with closing(open_source(postgres_url)) as source:
        failed = [step.name for step in source.check() if not step.ok]
    assert failed == ["rights", "log settings"]


def test_check_passes_on_a_server_that_is_ready(sql: Sql, logical_url: str) -> None:
    sql.execute("create table t(id int primary key)")
    source = open_source(logical_url)
    try:
        steps = list(source.check())
        assert all(step.ok for step in steps)
        names = ["log settings", "log rights", "publication", "log slot"]
        assert [step.name for step in steps][-4:] == names
    finally:
        source.close()


def test_check_looks_for_the_publication_that_is_named(sql: Sql, logical_url: str) -> None:
    sql.execute("create table t(id int primary key)")
    source = open_source(logical_url, publication="theirs")
    try:
        (last,) = [step for step in source.check() if not step.ok]
        assert last.name == "publication"
        assert 'CREATE PUBLICATION "theirs" FOR ALL TABLES;' in (last.hint or "")
        sql.execute("create publication theirs for all tables with (publish = 'insert')")
        steps = {step.name: step for step in source.check()}
        assert (
            "theirs is there. The publication theirs has no updates" in steps["publication"].detail
        )
    finally:
        source.close()
