"""The part of a connection test that reaches a server: its name, then its port."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

from penstock.sdk.source import Step


def reach_steps(host: str, port: int) -> Iterator[Step]:
    """Look the name up, open a TCP connection; ends at the first step that fails."""
    began = time.monotonic()
    try:
        socket.getaddrinfo(host, port)
    except OSError as error:
        yield Step("DNS", False, str(error), time.monotonic() - began, "Check the host's name.")
        return
    yield Step("DNS", True, host, time.monotonic() - began)
    began = time.monotonic()
    try:
        socket.create_connection((host, port), 10).close()
    except OSError as error:
        hint = "Check host and port, and that a firewall lets this machine in."
        yield Step("TCP", False, str(error), time.monotonic() - began, hint)
        return
    yield Step("TCP", True, f"{host}:{port}", time.monotonic() - began)
