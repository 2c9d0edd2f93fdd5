"""MySQL and MariaDB as a source."""

from __future__ import annotations

from penstock.connectors.sources.mysql.config import Config
from penstock.connectors.sources.mysql.log.source import MySqlLogSource
from penstock.connectors.sources.mysql.server import MySqlServer
from penstock.core.cards import Card
from penstock.sdk.source import Source
from penstock.sdk.sql.reading import SqlSource


def open(card: Card, config: Config) -> Source:  # noqa: A001, ARG001 (the registry's word)
    """Called by the registry; connects when it is needed."""
    server = MySqlServer(config)
    if config.mode == "LOG_BASED":
        return MySqlLogSource(server, config)
    return SqlSource(server, config)
