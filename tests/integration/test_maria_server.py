"""The MariaDB server of the tests: what it promises the tests that use it."""

from __future__ import annotations

from contextlib import closing

import pymysql
import pytest

from maria import BINLOG, MariaServer
from servers import PASSWORD

pytestmark = pytest.mark.mysql


def one(server: MariaServer, statement: str) -> object:
    with closing(server.connect()) as session, session.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return row[0] if row else None


def test_it_comes_back_after_a_crash_on_the_same_port_with_what_was_committed() -> None:
    with MariaServer(durable=True, **BINLOG) as server:
        one(server, "create table kept (id int primary key)")
        one(server, "insert into kept values (7)")
        server.kill()
        with pytest.raises(pymysql.OperationalError):
            server.connect(connect_timeout=2)
        server.start()
        assert one(server, "select id from kept") == 7
        assert one(server, "select @@global.log_bin") == 1
        assert one(server, "select @@global.binlog_row_metadata") == "FULL"


def test_only_the_password_opens_it_and_there_is_no_root(maria_server: MariaServer) -> None:
    users = "select group_concat(user order by user) from mysql.global_priv"
    assert one(maria_server, users) == "mariadb.sys,penstock"
    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        pymysql.connect(host="127.0.0.1", port=maria_server.port, user="penstock", password="x")
    assert PASSWORD not in maria_server.log
