"""The connection test of a MySQL or MariaDB source."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from penstock.connectors.sources.mysql.config import Config
from penstock.connectors.sources.mysql.transactions import UNSEEN
from penstock.core.errors import PenstockError
from penstock.sdk.source import Step
from penstock.sdk.sql.check import failed_step
from penstock.sdk.sql.reach import reach_steps

if TYPE_CHECKING:
    from penstock.connectors.sources.mysql.server import MySqlServer

_OLDEST: Final = {"MariaDB": (10, 2), "MySQL": (5, 7)}


def steps(server: MySqlServer, config: Config) -> Iterator[Step]:
    """Network, login, rights, sight of transactions, one row; to the first failure."""
    for step in reach_steps(config.host, config.port):
        yield step
        if not step.ok:
            return
    tests: list[tuple[str, Callable[[MySqlServer, Config], Step]]] = [
        ("login", _login),
        ("rights", _rights),
        ("transactions", _transactions),
        ("read", _read),
    ]
    for name, test in tests:
        began = time.monotonic()
        try:
            step = test(server, config)
        except PenstockError as error:
            yield failed_step(name, error, began)
            return
        yield Step(step.name, step.ok, step.detail, time.monotonic() - began, step.hint)
        if not step.ok:
            return


def _login(server: MySqlServer, config: Config) -> Step:
    version = str(server.scalar("SELECT VERSION()"))
    name = "MariaDB" if "mariadb" in version.lower() else "MySQL"
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    detail = f"{config.user}@{config.host}, {name} {version}"
    if numbers < _OLDEST[name]:
        oldest = ".".join(map(str, _OLDEST[name]))
        return Step("login", False, detail, hint=f"Penstock reads {name} {oldest} and later.")
    return Step("login", True, detail)


def _rights(server: MySqlServer, config: Config) -> Step:
    if config.query is not None:
        server.query_table(config.query_name, config.query)
        return Step("rights", True, "the query can be read as a table")
    found = len(server.catalogue())
    names = ", ".join(config.database)
    if not found:
        grant = f"GRANT SELECT ON `{config.database[0]}`.* TO '{config.user}'@'...';"
        hint = f"Check the database's name, or let an administrator run: {grant}"
        return Step("rights", False, f"no table or view of {names} can be read", hint=hint)
    return Step("rights", True, f"{found} tables and views of {names}")


def _transactions(server: MySqlServer, config: Config) -> Step:
    """Whether other users' transactions can be seen."""
    if UNSEEN not in server.horizon().open:
        return Step("transactions", True, "those under way can be seen")
    return Step(
        "transactions",
        True,
        f"hidden by the server: the last {config.late_commit_window} s are looked through for "
        "rows that were committed late",
        hint=f"Exact with: GRANT PROCESS ON *.* TO '{config.user}'@'...';",
    )


def _read(server: MySqlServer, config: Config) -> Step:
    if config.query is not None:
        table = server.query_table(config.query_name, config.query)
    else:
        table = server.catalogue()[0]
    server.scalar(server.words.select(table.columns[:1], table.origin, limit=1))
    return Step("read", True, f"a row of {table.name}")
