"""The worked examples of loading (pipelines.md 4.2 and 4.4) against DuckDB, value by value."""
