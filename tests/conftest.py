"""Fixtures of every test below this folder."""

from servers import postgres_server, postgres_url
from stores import bucket, s3_server

__all__ = ["bucket", "postgres_server", "postgres_url", "s3_server"]
