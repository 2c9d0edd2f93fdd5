"""A small HTTP server on loopback that plays any answer and any fault."""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    path: str
    query: str
    headers: dict[str, str]
    at: float = field(default_factory=time.monotonic)

    @property
    def params(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query, keep_blank_values=True)


@dataclass(frozen=True)
class Play:
    """Bytes to send, and what to do to the connection after them: keep, close, reset or hang."""

    raw: bytes
    then: str = "keep"


Script = Callable[[Request, int], Play]


def reply(
    body: bytes | str = b"{}",
    status: int = 200,
    headers: dict[str, str] | None = None,
    *,
    zipped: bool = False,
) -> Play:
    """A well-formed answer."""
    raw = body.encode() if isinstance(body, str) else body
    more = dict(headers or {})
    if zipped:
        raw = gzip.compress(raw)
        more["Content-Encoding"] = "gzip"
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(raw)}"]
    lines += [f"{name}: {value}" for name, value in more.items()]
    return Play("\r\n".join([*lines, "", ""]).encode() + raw)


class Server:
    """Plays `script(request, number of the request from 0)`; `requests` holds what came."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._mutex = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()
        self.requests: list[Request] = []
        self.came = threading.Event()
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        # A blocked accept does not notice a close; a last connection ends it.
        socket.create_connection(("127.0.0.1", self.port)).close()
        with self._mutex:
            for sock in self._open:
                _shut(sock)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._closing.is_set():
                sock.close()
                return
            with self._mutex:
                self.connections += 1
                self._open.append(sock)
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
                with self._mutex:
                    self._open.append(sock)
            while request := _read(sock):
                with self._mutex:
                    number = len(self.requests)
                    self.requests.append(request)
                self.came.set()
                play = self._script(request, number)
                sock.sendall(play.raw)
                if play.then == "hang":
                    self._closing.wait(30)
                if play.then == "reset":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if play.then != "keep":
                    return
        except OSError:
            pass  # the client went away, or we are closing
        finally:
            sock.close()


def _read(sock: socket.socket) -> Request | None:
    raw = b""
    while b"\r\n\r\n" not in raw:
        more = sock.recv(65536)
        if not more:
            return None
        raw += more
    first, *lines = raw.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    path, _, query = first.split(" ")[1].partition("?")
    headers = dict(line.split(": ", 1) for line in lines)
    return Request(path, query, {name.lower(): value for name, value in headers.items()})


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
