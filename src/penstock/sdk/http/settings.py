"""Time-outs, sizes and patience of calls, as a card or a user may set them."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field


class Retry(BaseModel, frozen=True, extra="forbid"):
    """How often and how long a call is tried.

    A refusal for speed (429) uses up no try: the whole account pauses and the call goes on
    after it, until `give_up_after_s`.
    """

    tries: int = Field(default=6, ge=1, le=100)
    first_wait_s: float = Field(default=1.0, gt=0)
    longest_wait_s: float = Field(default=60.0, gt=0)
    give_up_after_s: float = Field(default=900.0, gt=0)
    """From the first failure of a call on."""
    longest_pause_s: float = Field(default=300.0, gt=0)
    """A job does not sit out a longer pause of the account: it ends and can be run again."""


class HttpSettings(BaseModel, frozen=True, extra="forbid"):
    connect_timeout_s: float = Field(default=10.0, gt=0)
    read_timeout_s: float = Field(default=60.0, gt=0)
    """Longest silence of the server while we wait for data."""
    answer_timeout_s: float = Field(default=600.0, gt=0)
    """Longest time for one whole body."""
    largest_body_bytes: int = Field(default=256 << 20, gt=0)
    connections: int = Field(default=16, ge=1, le=256)
    compressed: bool = True
    """Offer gzip: an eighth of the traffic for about 1 ms of CPU per page of 400 kB."""
    trust_env: bool = False
    """Use proxies and certificate files named in the environment."""
    ca_file: Path | None = None
    """Certificates to trust besides the system's."""
    retry: Retry = Retry()
