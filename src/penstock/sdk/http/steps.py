"""Step by step to a server: settings, name, connection, certificate."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing

from penstock.core.errors import ConfigError
from penstock.sdk.http.address import Address
from penstock.sdk.http.backend import Fault, connect, resolve, secure
from penstock.sdk.http.settings import HttpSettings
from penstock.sdk.http.wire import tls_context
from penstock.sdk.source import Step

_HINTS = {
    "DNS": "Check the host name for typing mistakes, and this machine's name server.",
    "TCP": "Check the port, and that no firewall is in between.",
    "TLS": "Check the host name, or name the file of your own certificates.",
}


def probe(url: str, settings: HttpSettings | None = None) -> list[Step]:
    """The steps up to a usable connection: settings, DNS, TCP, and TLS where the URL has it.

    The last step is the first that failed; whether login, rights and a read work is the
    caller's to add. Nothing is sent but the TLS handshake.
    """
    return list(_steps(url, settings or HttpSettings()))


def _steps(url: str, settings: HttpSettings) -> Iterator[Step]:
    began = time.monotonic()
    try:
        address = Address.of(url)
    except ConfigError as error:
        yield Step("settings", ok=False, detail=error.message, hint=error.hint)
        return
    yield Step("settings", ok=True, detail=str(address), seconds=time.monotonic() - began)
    try:
        began = time.monotonic()
        addresses = resolve(address.host, address.port)
        yield Step("DNS", ok=True, detail=_listed(addresses), seconds=time.monotonic() - began)
        began = time.monotonic()
        sock = connect(address.host, address.port, settings.connect_timeout_s)
        yield from _connected(sock, address, settings, began)
    except Fault as fault:
        seconds = time.monotonic() - began
        hint = _HINTS.get(fault.step)
        yield Step(fault.step, ok=False, detail=fault.reason, seconds=seconds, hint=hint)


def _connected(
    sock: socket.socket, address: Address, settings: HttpSettings, began: float
) -> Iterator[Step]:
    with closing(sock):
        peer, port = sock.getpeername()[:2]
        yield Step("TCP", ok=True, detail=f"{peer} port {port}", seconds=time.monotonic() - began)
        if address.scheme == "https":
            began = time.monotonic()
            context = tls_context(settings)
            with closing(secure(sock, context, address.host, settings.connect_timeout_s)) as tls:
                detail = f"{tls.version()}, certificate trusted"
            yield Step("TLS", ok=True, detail=detail, seconds=time.monotonic() - began)


def _listed(addresses: list[str]) -> str:
    more = len(addresses) - 1
    return addresses[0] + (f" and {more} more" if more else "")
