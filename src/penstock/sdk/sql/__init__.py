"""What SQL destinations share: tables that grow, the write modes, the ledger."""

from penstock.sdk.sql.destination import SqlDestination
from penstock.sdk.sql.dialect import Dialect
from penstock.sdk.sql.staged import StagedDestination
from penstock.sdk.sql.tx import Tx

__all__ = ["Dialect", "SqlDestination", "StagedDestination", "Tx"]
