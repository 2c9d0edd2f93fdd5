"""The connection test of a PostgreSQL source."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from penstock.connectors.sources.postgres.config import Config
from penstock.core.errors import PenstockError
from penstock.sdk.source import Step
from penstock.sdk.sql.check import failed_step
from penstock.sdk.sql.reach import reach_steps

if TYPE_CHECKING:
    from penstock.connectors.sources.postgres.server import PostgresServer

_OLDEST: Final = 100_000
_SHOWN: Final = 5


def steps(server: PostgresServer, config: Config) -> Iterator[Step]:
    """Network, login, rights, hidden rows, sight of transactions, one row; to the first failure."""
    if not config.host.startswith("/"):
        for step in reach_steps(config.host, config.port):
            yield step
            if not step.ok:
                return
    tests: list[tuple[str, Callable[[PostgresServer, Config], Step]]] = [
        ("login", _login),
        ("rights", _rights),
        ("row security", _row_security),
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


def _login(server: PostgresServer, config: Config) -> Step:
    version = int(server.scalar("SELECT current_setting('server_version_num')"))
    shown = server.scalar("SELECT current_setting('server_version')")
    detail = f"{config.user}@{config.database}, PostgreSQL {shown}"
    if version < _OLDEST:
        return Step("login", False, detail, hint="Penstock reads PostgreSQL 10 and later.")
    return Step("login", True, detail)


def _rights(server: PostgresServer, config: Config) -> Step:
    """Tables that can be read, and those that cannot, with what to grant."""
    if config.query is not None:
        server.query_table(config.query_name, config.query)
        return Step("rights", True, "the query can be read as a table")
    readable = len(server.catalogue())
    hidden = server.hidden_tables()
    schemas = ", ".join(config.schemas)
    if hidden:
        names = ", ".join(hidden[:_SHOWN]) + (", ..." if len(hidden) > _SHOWN else "")
        grant = " ".join(
            _grants(server.words.ident(schema), server.words.ident(config.user))
            for schema in server.hidden_schemas()
        )
        detail = f"{readable} tables of {schemas}; {len(hidden)} cannot be read: {names}"
        return Step(
            "rights", readable > 0, detail, hint=f"For those, let an administrator run: {grant}"
        )
    if not readable:
        hint = "Name the schemas under `schema`, and look at the database's name."
        return Step("rights", False, f"no table or view in {schemas}", hint=hint)
    return Step("rights", True, f"{readable} tables and views of {schemas}")


def _grants(schema: str, user: str) -> str:
    return (
        f"GRANT USAGE ON SCHEMA {schema} TO {user}; "
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {user}; "
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {user};"
    )


def _row_security(server: PostgresServer, config: Config) -> Step:
    """Rows that policies hide are missing without a sign; that may be wanted."""
    secured = server.secured_tables()
    if not secured:
        return Step("row security", True, "hides no rows")
    names = ", ".join(secured[:_SHOWN]) + (", ..." if len(secured) > _SHOWN else "")
    user = server.words.ident(config.user)
    hint = f"To read all of them, let an administrator run: ALTER ROLE {user} BYPASSRLS;"
    return Step("row security", True, f"policies may hide rows of {names}", hint=hint)


def _transactions(server: PostgresServer, config: Config) -> Step:
    """Whether the beginnings of other users' transactions can be seen."""
    sees = server.scalar(
        "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'MEMBER') "
        "OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
    )
    if sees:
        return Step("transactions", True, "their beginnings can be seen")
    return Step(
        "transactions",
        True,
        "hidden by the server: late rows are looked for since they were first met",
        hint=f'Quicker with: GRANT pg_read_all_stats TO "{config.user}";',
    )


def _read(server: PostgresServer, config: Config) -> Step:
    if config.query is not None:
        table = server.query_table(config.query_name, config.query)
    else:
        table = server.catalogue()[0]
    server.scalar(server.words.select(table.columns[:1], table.origin, limit=1))
    return Step("read", True, f"a row of {table.name}")
