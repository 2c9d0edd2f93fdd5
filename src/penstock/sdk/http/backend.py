"""Sockets that name the step that failed and can be cancelled."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore2

from penstock.core.errors import Interrupted

# A call that waits for the server looks at its cancel event this often.
_LOOK_S = 0.25
# More than the library asks for: a page of 400 kB then takes 2 reads instead of 7.
_READ_BYTES = 1 << 18


class Fault(Exception):
    """A call that got no complete answer: the step it failed in and the reason in words."""

    def __init__(self, step: str, reason: str, *, settled: bool = False) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step
        self.reason = reason
        self.settled = settled
        """Trying again will not help."""
        self.request_id: str | None = None
        """Of the answer that began and did not end well."""


class Current(threading.local):
    """The call that this thread is making."""

    cancel: threading.Event | None = None
    request_id: str | None = None
    """Of its answer, once the headers have come."""


def resolve(host: str, port: int) -> list[str]:
    """The host's addresses, at least one.

    Raises:
        Fault: of the step DNS.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise _unresolved(host, error) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _unresolved(host: str, error: Exception) -> Fault:
    return Fault("DNS", f"the name {host} cannot be resolved ({_told(error)})")


def connect(host: str, port: int | None, timeout_s: float | None) -> socket.socket:
    """A connected socket.

    Raises:
        Fault: DNS or TCP failed.
    """
    try:
        sock = socket.create_connection((host, port), timeout_s)
    except (socket.gaierror, UnicodeError) as error:
        raise _unresolved(host, error) from error
    except TimeoutError as error:
        raise Fault("TCP", f"no connection within {timeout_s:g} s") from error
    except OSError as error:
        raise Fault("TCP", _told(error)) from error
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def secure(
    sock: socket.socket, context: ssl.SSLContext, host: str | None, timeout_s: float | None
) -> ssl.SSLSocket:
    """The socket after a TLS handshake; it is closed when that fails.

    Raises:
        Fault: of the step TLS; settled when the certificate is not trusted.
    """
    try:
        sock.settimeout(timeout_s)
        return context.wrap_socket(sock, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        sock.close()
        reason = f"the certificate is not trusted ({error.verify_message})"
        raise Fault("TLS", reason, settled=True) from error
    except TimeoutError as error:
        sock.close()
        raise Fault("TLS", f"no handshake within {timeout_s:g} s") from error
    except (OSError, ValueError) as error:
        sock.close()
        raise Fault("TLS", _told(error)) from error


def _told(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    text = error.strerror if isinstance(error, OSError) else None
    return text or str(error) or type(error).__name__


class Stream(httpcore2.NetworkStream):
    """A blocking socket whose reads end when the thread's call is cancelled."""

    def __init__(self, sock: socket.socket, current: Current) -> None:
        self._sock = sock
        self._current = current

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        until = time.monotonic() + timeout if timeout is not None else None
        while True:
            if self._current.cancel and self._current.cancel.is_set():
                raise Interrupted("The call was cancelled while it waited for the server.")
            left_s = until - time.monotonic() if until is not None else _LOOK_S
            if left_s <= 0:
                raise httpcore2.ReadTimeout(f"no data for {timeout:g} s")
            try:
                self._sock.settimeout(min(left_s, _LOOK_S))
                return self._sock.recv(max(max_bytes, _READ_BYTES))
            except TimeoutError:
                continue
            except OSError as error:
                raise httpcore2.ReadError(_told(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return  # the library writes the body that a GET does not have, too
        try:
            self._sock.settimeout(timeout)
            self._sock.sendall(buffer)
        except TimeoutError as error:
            raise httpcore2.WriteTimeout("the server takes no data") from error
        except OSError as error:
            raise httpcore2.WriteError(_told(error)) from error

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        return Stream(secure(self._sock, ssl_context, server_hostname, timeout), self._current)

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object" and isinstance(self._sock, ssl.SSLSocket):
            return self._sock
        if info == "is_readable":
            return _readable(self._sock)
        return self._sock if info == "socket" else None


def _readable(sock: socket.socket) -> bool:
    """Whether data or an end waits, which on an idle connection means that the server left."""
    if sock.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


class Backend(httpcore2.NetworkBackend):
    """Opens the sockets of one pool."""

    def __init__(self, current: Current) -> None:
        self._current = current

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        return Stream(connect(host, port, timeout), self._current)
