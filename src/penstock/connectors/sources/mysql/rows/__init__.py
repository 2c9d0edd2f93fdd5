"""Rows of a query as Arrow columns, read from the raw bytes of the connection."""
