"""The connection test: reach the server, log in, find the schema, write a table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from penstock.connectors.destinations.postgres.config import Config
from penstock.core.errors import PenstockError
from penstock.sdk.source import Step
from penstock.sdk.sql.check import failed_step, table_steps
from penstock.sdk.sql.reach import reach_steps

if TYPE_CHECKING:
    from penstock.connectors.destinations.postgres.destination import Postgres


def check_steps(postgres: Postgres, config: Config) -> Iterator[Step]:
    """Ends at the first step that fails."""
    for step in _steps(postgres, config):
        yield step
        if not step.ok:
            return


def _steps(postgres: Postgres, config: Config) -> Iterator[Step]:
    if not config.host.startswith("/"):
        yield from reach_steps(config.host, config.port)
    yield _login_step(postgres, config)
    yield _schema_step(postgres, config)
    yield from table_steps(postgres)


def _login_step(postgres: Postgres, config: Config) -> Step:
    began = time.monotonic()
    try:
        postgres.login()
    except PenstockError as error:
        return failed_step("login", error, began)
    return Step("login", True, f"{config.user}@{config.database}", time.monotonic() - began)


def _schema_step(postgres: Postgres, config: Config) -> Step:
    """Whether the schema is there, or a run may make it."""
    schema, began = config.schema_, time.monotonic()
    try:
        with postgres.looking() as tx:
            assert tx is not None
            there, may_make = tx.rows(
                "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = ?), "
                "has_database_privilege(current_database(), 'CREATE')",
                [schema],
            )[0]
    except PenstockError as error:
        return failed_step("schema", error, began)
    seconds = time.monotonic() - began
    if there:
        return Step("schema", True, schema, seconds)
    if may_make:
        return Step("schema", True, f"{schema} is not there yet; a run makes it", seconds)
    name, user = postgres.dialect.ident(schema), postgres.dialect.ident(config.user)
    hint = f"Let the owner of the database run: CREATE SCHEMA {name} AUTHORIZATION {user}"
    return Step(
        "schema", False, f"{schema} is not there and {config.user} may not make it", seconds, hint
    )
