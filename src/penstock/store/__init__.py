"""What the program remembers between runs: one database, SQLite or PostgreSQL."""

from penstock.store.catalog import Catalog

__all__ = ["Catalog"]
