"""Fixtures of every test below this folder."""

from maria import maria_server, maria_url

__all__ = ["maria_server", "maria_url"]
