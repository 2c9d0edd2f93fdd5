"""One HTTP call over a pool of kept connections: a complete answer, or the reason why not."""

from __future__ import annotations

import logging
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2

from penstock.sdk.http.address import Address, Params, encoded
from penstock.sdk.http.answer import REQUEST_ID, Answer, Headers
from penstock.sdk.http.auth import Auth
from penstock.sdk.http.backend import Backend, Current, Fault
from penstock.sdk.http.kept import KeptConnections
from penstock.sdk.http.settings import HttpSettings

# Idle connections are kept this long; the pool sees when the server closed one before.
_IDLE_S = 30.0
_GZIP = 31  # zlib's number for a gzip wrapper
_PASSING_BYTES = 1 << 20

Feed = Callable[[bytes], bool]
"""Takes the next bytes of a body; True when it needs no more."""


class Wire:
    """Sends GET requests to one API; knows nothing of limits, retries or what a status means.

    It stands on the connections of httpx2, not on its Client: that would keep cookies,
    could follow redirects, has no way to cancel a read, and costs half as much CPU again.
    """

    def __init__(
        self,
        address: Address,
        auth: Auth,
        settings: HttpSettings,
        headers: Mapping[str, str],
    ) -> None:
        # At DEBUG the library prints headers, cookies among them.
        logging.getLogger("httpcore2").setLevel(logging.WARNING)
        self._address = address
        self._auth = auth
        self._settings = settings
        self._current = Current()
        self._headers = _plain_headers(address, settings, headers)
        self._kept = _kept(address, settings, Backend(self._current))

    def get(
        self,
        path: str,
        params: Params,
        *,
        before_send: Callable[[], None],
        after_send: Callable[[], None],
        cancel: threading.Event | None,
        feed: Feed | None = None,
    ) -> Answer:
        """Ask once.

        Args:
            before_send: called when the connection stands, right before the request leaves.
            after_send: called when it has left.
            feed: gets the body as it comes, of whatever size; the answer is without it then.

        Raises:
            Fault: no complete answer came. It carries no frames of the library, because their
                locals hold our headers.
            Interrupted: cancel was set.
        """
        self._current.cancel, self._current.request_id = cancel, None
        try:
            request = self._request(path, params, _tracer(before_send, after_send))
            return self._exchange(request, feed)
        except Fault as error:
            fault = Fault(error.step, error.reason, settled=error.settled)
        except (httpcore2.NetworkError, httpcore2.TimeoutException) as error:
            fault = Fault("HTTP", f"the connection broke ({error or type(error).__name__})")
        except httpcore2.ProtocolError as error:
            fault = Fault("HTTP", f"the answer is not whole ({error or type(error).__name__})")
        except BaseException as error:
            _forget_frames(error)
            raise
        finally:
            self._current.cancel = None
        fault.request_id = self._current.request_id
        raise fault

    def close(self) -> None:
        self._kept.close()

    def _request(
        self, path: str, params: Params, trace: Callable[[str, Any], None]
    ) -> httpcore2.Request:
        full_path, query = self._address.full_path(path)
        secret = [(name, value.get_secret_value()) for name, value in self._auth.params.items()]
        queries = (query, encoded(params), encoded(secret))
        headers = [
            (name.encode(), value.get_secret_value().encode())
            for name, value in self._auth.headers.items()
        ]
        return httpcore2.Request(
            "GET",
            self._address.url(full_path, "&".join(filter(None, queries))),
            headers=self._headers + headers,
            extensions={"timeout": self._timeouts(), "trace": trace},
        )

    def _timeouts(self) -> dict[str, float]:
        read_s = self._settings.read_timeout_s
        return {"connect": self._settings.connect_timeout_s, "read": read_s, "write": read_s}

    def _exchange(self, request: httpcore2.Request, feed: Feed | None) -> Answer:
        with self._kept.borrowed(self._current.cancel) as connection:
            response = connection.handle_request(request)
            try:
                headers = Headers.of(response.headers)
                self._current.request_id = headers.get(REQUEST_ID)
                chunks = self._in_time(_iterable(response.stream))
                if feed is not None:
                    _pass_by(chunks, headers, feed)
                    return Answer(response.status, headers, b"")
                body = b"".join(self._bounded(chunks))
            finally:
                response.close()
        body = _decoded(body, headers, self._settings.largest_body_bytes)
        return Answer(response.status, headers, body)

    def _bounded(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > self._settings.largest_body_bytes:
                raise _too_large(self._settings.largest_body_bytes)
            yield chunk

    def _in_time(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        until = time.monotonic() + self._settings.answer_timeout_s
        for chunk in chunks:
            if time.monotonic() > until:
                limit_s = self._settings.answer_timeout_s
                raise Fault("HTTP", f"the answer took longer than {limit_s:g} s")
            yield chunk


def tls_context(settings: HttpSettings) -> ssl.SSLContext:
    """Verifies against the system's certificates and those of `ca_file`."""
    import httpx2  # only TLS needs it, and it takes 20 ms

    context = httpx2.create_ssl_context(trust_env=settings.trust_env)
    if settings.ca_file:
        context.load_verify_locations(settings.ca_file)
    return context


def _kept(address: Address, settings: HttpSettings, backend: Backend) -> KeptConnections:
    """Connections as a pool of the library makes them: straight or by way of a proxy."""
    proxy = _proxy(address) if settings.trust_env else None
    pool = httpcore2.ConnectionPool(
        ssl_context=tls_context(settings) if address.scheme == "https" else None,
        proxy=proxy,
        keepalive_expiry=_IDLE_S,
        network_backend=backend,
    )
    origin = address.url("/", "").origin
    return KeptConnections(lambda: pool.create_connection(origin), settings.connections)


def _proxy(address: Address) -> httpcore2.Proxy | None:
    url = getproxies().get(address.scheme)
    if not url or proxy_bypass(address.host):
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    auth = (parts.username, parts.password or "") if parts.username else None
    return httpcore2.Proxy(f"{parts.scheme}://{parts.hostname}:{parts.port or 80}", auth=auth)


def _plain_headers(
    address: Address, settings: HttpSettings, more: Mapping[str, str]
) -> list[tuple[bytes, bytes]]:
    usual = {
        "host": address.netloc,
        "accept": "application/json",
        "accept-encoding": "gzip" if settings.compressed else "identity",
        "user-agent": f"penstock/{version('penstock')}",
    }
    headers = usual | {name.lower(): value for name, value in more.items()}
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _tracer(
    before_send: Callable[[], None], after_send: Callable[[], None]
) -> Callable[[str, Any], None]:
    def trace(event: str, _info: Any) -> None:
        if event == "http11.send_request_headers.started":
            before_send()
        elif event == "http11.send_request_body.complete":
            after_send()

    return trace


def _iterable(stream: Any) -> Iterable[bytes]:
    # The library types a stream for its blocking and its async half alike.
    chunks: Iterable[bytes] = stream
    return chunks


def _is_packed(headers: Headers) -> bool:
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip"):
        raise Fault("HTTP", "the body is compressed in a way that we did not ask for")
    return "gzip" in encoding


def _pass_by(chunks: Iterable[bytes], headers: Headers, feed: Feed) -> None:
    """Feed the plain bytes of a body until they are wanted no more."""
    for chunk in _unpacked(chunks) if _is_packed(headers) else chunks:
        if feed(chunk):
            return


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(_GZIP)
    for chunk in chunks:
        packed = chunk
        while packed and not unpacker.eof:
            try:
                yield unpacker.decompress(packed, _PASSING_BYTES)
            except zlib.error:
                raise Fault("HTTP", "the compressed body is damaged") from None
            packed = unpacker.unconsumed_tail


def _decoded(body: bytes, headers: Headers, largest_bytes: int) -> bytes:
    if not body or not _is_packed(headers):
        return body
    unpacker = zlib.decompressobj(_GZIP)
    try:
        plain = unpacker.decompress(body, largest_bytes)
    except zlib.error:
        raise Fault("HTTP", "the compressed body is damaged") from None
    if unpacker.unconsumed_tail:
        raise _too_large(largest_bytes)
    if not unpacker.eof:
        raise Fault("HTTP", "the compressed body is cut off")
    return plain


def _too_large(limit_bytes: int) -> Fault:
    return Fault("HTTP", f"the answer is larger than {limit_bytes:,} bytes", settled=True)


def _forget_frames(error: BaseException | None) -> None:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
