"""`penstock sandbox`: local stand-ins of APIs, for trying and testing."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Annotated, Literal, TextIO
from zoneinfo import ZoneInfoNotFoundError

import typer

from penstock.cli.context import Cli, verb
from penstock.core.errors import ConfigError

Port = Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="0 takes a free one.")]
Contacts = Annotated[
    int, typer.Option(min=0, metavar="N", help="Contacts; the size of the rest follows from it.")
]
Size = Annotated[
    list[str] | None,
    typer.Option(metavar="TABLE=N", help="Rows of one table, e.g. deals=0. Can be repeated."),
]
Seed = Annotated[int, typer.Option(metavar="N", help="The same seed gives the same rows.")]
Token = Annotated[str, typer.Option(metavar="TEXT", help="What clients must send as their key.")]
RateLimit = Annotated[
    int,
    typer.Option(
        min=0, metavar="N", help="Requests per second, as the real API has; 0 for no limit."
    ),
]
RateLimitStatus = Annotated[
    int, typer.Option(min=400, max=599, metavar="N", help="How a call above the limit is answered.")
]
RetryAfter = Annotated[
    int, typer.Option(min=0, metavar="S", help="Seconds in its Retry-After; 0 for no such header.")
]
Latency = Annotated[float, typer.Option(min=0, metavar="S", help="Seconds that each answer takes.")]
Jitter = Annotated[float, typer.Option(min=0, metavar="S", help="Seconds the latency varies by.")]
FaultRate = Annotated[
    float,
    typer.Option(min=0, max=1, metavar="SHARE", help="Share of requests that fail for a moment."),
]
Changes = Annotated[
    float, typer.Option(min=0, metavar="N", help="Records the account changes by itself.")
]
FilterMode = Annotated[
    Literal["day", "instant", "ignored"],
    typer.Option(help="How filters by time of change work: by whole day, exactly, or not at all."),
]
Redacted = Annotated[
    int,
    typer.Option(min=0, max=100, metavar="PERCENT", help="Deals that the token's user cannot see."),
]
Zone = Annotated[str, typer.Option(metavar="ZONE", help="Time zone of the account.")]
UntilStdinEnds = Annotated[
    bool, typer.Option(hidden=True, help="Stop when the process that started it is gone.")
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(rich_markup_mode=None, no_args_is_help=True)
    verb(
        group, "activecampaign",
        example="penstock sandbox activecampaign\n"
        "penstock sandbox activecampaign --port 8090 --contacts 100000 --rate-limit 0",
    )(activecampaign)  # fmt: skip
    group.callback()(_about)
    app.add_typer(
        group, name="sandbox", help="Serve a local stand-in of an API, to try things.",
        epilog="\b\nExample:\n  penstock sandbox activecampaign",
    )  # fmt: skip


def _about() -> None:
    """Serve a local stand-in of an API, to try things."""


def activecampaign(
    cli: Cli,
    port: Port = 0,
    contacts: Contacts = 2000,
    size: Size = None,
    seed: Seed = 1,
    token: Token = "sandbox-token",  # noqa: S107 (made up, like the data)
    rate_limit: RateLimit = 5,
    rate_limit_status: RateLimitStatus = 429,
    retry_after: RetryAfter = 1,
    latency: Latency = 0.0,
    jitter: Jitter = 0.0,
    fault_rate: FaultRate = 0.0,
    changes_per_minute: Changes = 0.0,
    filter_mode: FilterMode = "day",
    redacted: Redacted = 4,
    zone: Zone = "America/Chicago",
    until_stdin_ends: UntilStdinEnds = False,
) -> None:
    """Serve a stand-in of the ActiveCampaign API.

    It runs on this machine and has all 38 objects with made-up data, the real limits and the
    real quirks. Prints the URL and the token; Ctrl-C stops it.
    """
    from penstock.sandbox.activecampaign.main import serve
    from penstock.sandbox.activecampaign.options import SandboxOptions

    options = SandboxOptions(
        port=port, contacts=contacts, sizes=_sizes(size or []), seed=seed, token=token,
        rate_limit=rate_limit or None, rate_limit_status=rate_limit_status,
        retry_after=retry_after or None, latency=latency, jitter=jitter, fault_rate=fault_rate,
        changes_per_minute=changes_per_minute, filter_mode=filter_mode, redacted=redacted,
        zone=zone,
    )  # fmt: skip

    def announce(url: str, its_token: str) -> None:
        if cli.out.json:
            cli.out.record({"type": "sandbox", "url": url, "token": its_token})
            return
        cli.out.say(f"url    {url}")
        cli.out.say(f"token  {its_token}")
        cli.out.note("\nIn penstock.yaml: api_url and api_key of an activecampaign source.")
        cli.out.note("Ctrl-C stops the sandbox.")

    if until_stdin_ends:
        threading.Thread(target=_stop_at_end, args=(sys.stdin,), daemon=True).start()
    try:
        serve(options, announce=announce)
    except ZoneInfoNotFoundError as error:
        raise typer.BadParameter(f"--zone {zone!r} is no time zone, e.g. Europe/Berlin.") from error
    except OSError as error:
        raise ConfigError(
            f"Port {port} cannot be used: {error.strerror}.",
            hint="Choose another --port, or leave it out to take a free one.",
            code="sandbox.port",
        ) from error


def _stop_at_end(stream: TextIO) -> None:
    stream.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _sizes(given: list[str]) -> dict[str, int]:
    from penstock.sandbox.activecampaign.contract import Contract

    known = Contract.load().tables
    sizes = {}
    for item in given:
        name, _, count = item.partition("=")
        if not name or not count.isdecimal():
            raise typer.BadParameter(f"--size {item!r} is not TABLE=N, e.g. deals=0.")
        if name not in known:
            raise typer.BadParameter(f"--size {item!r} names none of: {', '.join(known)}.")
        sizes[name] = int(count)
    return sizes
