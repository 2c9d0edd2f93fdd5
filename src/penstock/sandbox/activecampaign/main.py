"""The sandbox in the foreground, until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable

from penstock.sandbox.activecampaign.options import SandboxOptions
from penstock.sandbox.activecampaign.server import Server

Announce = Callable[[str, str], None]


def serve(options: SandboxOptions, *, announce: Announce) -> None:
    """Serve until SIGINT or SIGTERM, then end all connections and return.

    Args:
        options: settings of the sandbox.
        announce: called with URL (without `/api/3`) and token once the server listens.

    Raises:
        OSError: the port is taken.
        ValueError: a size names no table or is negative.
        ZoneInfoNotFoundError: there is no such time zone.
    """
    asyncio.run(_serve(options, announce))


async def _serve(options: SandboxOptions, announce: Announce) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = Server(options)
    url = await server.start()
    changes = asyncio.create_task(server.change_for_ever())
    try:
        announce(url, options.token)
        await stop.wait()
    finally:
        changes.cancel()
        await server.stop()
