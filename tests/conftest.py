"""Fixtures of every test below this folder."""

import hypothesis

from maria import maria_server, maria_url
from servers import postgres_server, postgres_url
from stores import bucket, s3_server

__all__ = ["bucket", "maria_server", "maria_url", "postgres_server", "postgres_url", "s3_server"]

# A machine that is busy makes an example slow, not wrong.
hypothesis.settings.register_profile("penstock", deadline=None)
hypothesis.settings.load_profile("penstock")
