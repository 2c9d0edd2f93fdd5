"""PostgreSQL as a source: tables, queries and the change log."""
