"""Fixtures of every test below this folder."""

from maria import maria_server, maria_url
from servers import postgres_server, postgres_url
from stores import bucket, s3_server

__all__ = ["bucket", "maria_server", "maria_url", "postgres_server", "postgres_url", "s3_server"]
