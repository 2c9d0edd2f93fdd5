"""The server of these tests."""

from maria import maria_server, maria_url

__all__ = ["maria_server", "maria_url"]
