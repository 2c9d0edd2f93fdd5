"""The connection test: reach the server, log in, write a table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from penstock.connectors.destinations.mysql.config import Config
from penstock.core.errors import PenstockError
from penstock.sdk.source import Step
from penstock.sdk.sql.check import failed_step, table_steps
from penstock.sdk.sql.reach import reach_steps

if TYPE_CHECKING:
    from penstock.connectors.destinations.mysql.destination import MySql


def check_steps(mysql: MySql, config: Config) -> Iterator[Step]:
    """Ends at the first step that fails."""
    for step in _steps(mysql, config):
        yield step
        if not step.ok:
            return


def _steps(mysql: MySql, config: Config) -> Iterator[Step]:
    yield from reach_steps(config.host, config.port)
    yield _login_step(mysql, config)
    yield from table_steps(mysql)


def _login_step(mysql: MySql, config: Config) -> Step:
    began = time.monotonic()
    try:
        version = mysql.login()
    except PenstockError as error:
        return failed_step("login", error, began)
    text = f"{config.user}@{config.database}, {version}"
    return Step("login", True, text, time.monotonic() - began)
