"""PostgreSQL's binary COPY format, written in columns."""
