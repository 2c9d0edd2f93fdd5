"""Read tables and queries of a database: query modes, positions, parts, late commits.

An engine implements `Server` and `SqlWords` in its connector's folder; everything else is here.
"""

from penstock.sdk.sql.reading.blocks import Blocks
from penstock.sdk.sql.reading.reader import Reader
from penstock.sdk.sql.reading.server import Column, Horizon, Refusal, Rows, Server, Table
from penstock.sdk.sql.reading.settings import ReadingSettings
from penstock.sdk.sql.reading.source import SqlSource
from penstock.sdk.sql.reading.words import SqlWords

__all__ = [
    "Blocks", "Column", "Horizon", "Reader", "ReadingSettings", "Refusal", "Rows", "Server",
    "SqlSource", "SqlWords", "Table",
]  # fmt: skip
