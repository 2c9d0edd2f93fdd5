"""What can be set when a sandbox starts; the fields are the flags of the command."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DayMode = Literal["day", "instant", "ignored"]


@dataclass(frozen=True)
class SandboxOptions:
    """Settings of one sandbox.

    Args:
        port: 0 takes a free one.
        contacts: rows of the biggest objects follow from it, see `makers/sizes.py`.
        sizes: rows of single tables, by table name, e.g. `{"deals": 0}`.
        seed: the same seed gives the same rows.
        token: what the header `Api-Token` must hold.
        bad_token_status: 403 as documented, or 401.
        rate_limit: requests in any window of one second; None for no limit.
        rate_limit_status: 429, or 503 as older reports tell.
        retry_after: whole seconds in `Retry-After`; None leaves the header out.
        latency, jitter: seconds; an answer takes latency - jitter to latency + jitter.
        fault_rate: share of requests, 0 to 1, that meet a passing fault.
        changes_per_minute: rows changed by the sandbox itself while it runs.
        zone: time zone of the account.
        account: account name, used in `links`.
        filter_mode: whether changed-since filters work by whole day in the account's
            zone, by instant, or are ignored.
        strict_after: `filters[updated_after]` on contacts leaves out the boundary itself.
        php_escapes: write JSON as PHP does, with `\\/` and `\\uXXXX`.
        admin: whether the token's user is in the admin group.
        redacted: share of deals, in percent, in a pipeline that the token's user may not see.
        gzip: compress answers for clients that accept it.
        cache_bytes: most memory for encoded rows.
    """

    host: str = "127.0.0.1"
    port: int = 0
    contacts: int = 2000
    sizes: Mapping[str, int] = field(default_factory=dict)
    seed: int = 1
    token: str = "sandbox-token"  # noqa: S105
    bad_token_status: int = 403
    rate_limit: int | None = 5
    rate_limit_status: int = 429
    retry_after: int | None = 1
    latency: float = 0.0
    jitter: float = 0.0
    fault_rate: float = 0.0
    changes_per_minute: float = 0.0
    zone: str = "America/Chicago"
    account: str = "acme7421"
    filter_mode: DayMode = "day"
    strict_after: bool = False
    php_escapes: bool = False
    admin: bool = True
    redacted: int = 4
    gzip: bool = False
    cache_bytes: int = 256 * 1024 * 1024
