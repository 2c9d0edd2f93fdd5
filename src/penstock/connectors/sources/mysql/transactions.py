"""Transactions under way, so that rows that are committed late are not passed over."""

from __future__ import annotations

import time
from typing import Any, Final

import pymysql

from penstock.connectors.sources.mysql.errors import code_of
from penstock.sdk.sql.reading import Horizon

_STALE_S: Final = 0.12
"""InnoDB shows its list from a copy that is up to 0.1 s old (CACHE_MIN_IDLE_TIME_NS in its
trx0i_s.cc): after this time it is no older than the clock that was read."""
_CLOCK: Final = "SELECT CAST(FLOOR(UNIX_TIMESTAMP(NOW(6)) * 1000) AS SIGNED)"
# The list's times are in the zone of the server's machine, in whole seconds.
_LIST: Final = """
SELECT CONCAT('transaction ', trx_id),
  CAST(FLOOR(UNIX_TIMESTAMP(CONVERT_TZ(trx_started, 'SYSTEM', '+00:00')) * 1000) AS SIGNED)
FROM information_schema.innodb_trx
WHERE trx_mysql_thread_id <> CONNECTION_ID() AND trx_is_read_only = 0
"""
# A statement takes its NOW() when it begins, and may wait long before InnoDB hears of it.
_STATEMENTS: Final = """
SELECT CONCAT('statement ', id, ' ', time), (UNIX_TIMESTAMP() - time - 1) * 1000
FROM information_schema.processlist
WHERE command IN ('Query', 'Execute') AND id <> CONNECTION_ID() AND user <> 'system user'
"""
_NO_RIGHT: Final = 1227
UNSEEN: Final = "transactions of other users, which may not be seen"


def horizon(connection: Any, window_s: int) -> Horizon:
    """What is under way now.

    Without the right PROCESS the list is hidden: then as if a transaction had been open for
    the whole look-back window.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CLOCK)
        clock_ms = int(cursor.fetchone()[0])
        # Statements first: one that ends now has become a transaction of the list.
        cursor.execute(_STATEMENTS)
        found = _began(cursor.fetchall())
        time.sleep(_STALE_S)
        try:
            cursor.execute(_LIST)
        except pymysql.Error as error:
            if code_of(error) != _NO_RIGHT:
                raise
            return Horizon(clock_ms, {UNSEEN: clock_ms - window_s * 1000})
        found |= _began(cursor.fetchall())
    return Horizon(clock_ms, found)


def _began(rows: Any) -> dict[str, int | None]:
    return {str(name): None if began is None else int(began) for name, began in rows}
