"""PostgreSQL as a source."""

from __future__ import annotations

from penstock.connectors.sources.postgres.config import Config
from penstock.connectors.sources.postgres.server import PostgresServer
from penstock.core.cards import Card
from penstock.sdk.source import Source
from penstock.sdk.sql.reading import SqlSource


def open(card: Card, config: Config) -> Source:  # noqa: A001, ARG001 (the registry's word)
    """Called by the registry; connects when it is needed."""
    server = PostgresServer(config)
    if config.mode != "LOG_BASED":
        return SqlSource(server, config)
    # The decoder needs numpy, which the other modes do without.
    from penstock.connectors.sources.postgres.log.source import PostgresLogSource

    return PostgresLogSource(server, config)
