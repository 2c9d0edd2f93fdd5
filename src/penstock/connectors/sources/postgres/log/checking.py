"""The part of the connection test that is about the log."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from functools import partial
from typing import TYPE_CHECKING

from penstock.core.errors import PenstockError
from penstock.sdk.source import Step
from penstock.sdk.sql.check import failed_step

if TYPE_CHECKING:
    from penstock.connectors.sources.postgres.log.needs import Needs
    from penstock.connectors.sources.postgres.log.publication import Name


def log_steps(log: Needs, tables: Collection[Name]) -> Iterator[Step]:
    """The server's settings, the rights to follow its log and to publish the tables, room for a
    slot: all that is missing, so that an administrator is asked once."""
    for name, test in (
        ("log settings", log.check_server),
        ("log rights", log.check_rights),
        ("publication", partial(log.check_publication, tables)),
        ("log slot", log.check_room),
    ):
        began = time.monotonic()
        try:
            detail = test()
        except PenstockError as error:
            step = failed_step(name, error, began)
            yield step
            if step.again:
                return
            continue
        yield Step(name, True, detail, time.monotonic() - began)
