"""The server: takes requests in, limits, delays and spoils them, and sends the answers."""

import asyncio
import contextlib
import gzip
import random
import time
from dataclasses import replace
from email.utils import formatdate
from urllib.parse import unquote

import h11

from penstock.sandbox.activecampaign.account import Account
from penstock.sandbox.activecampaign.answer import Answer, error
from penstock.sandbox.activecampaign.api import Api
from penstock.sandbox.activecampaign.control import Control
from penstock.sandbox.activecampaign.faults import Faults, strike
from penstock.sandbox.activecampaign.limiter import Limiter
from penstock.sandbox.activecampaign.options import SandboxOptions
from penstock.sandbox.activecampaign.record import Call, Record
from penstock.sandbox.activecampaign.wire import Headers, Request, Wire

_BASE = "/api/3"
_CONTROL = "/_sandbox"


class Server:
    """One account served over HTTP; everything here runs on one event loop."""

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        self.account = Account(options)
        self.limiter = Limiter(options.rate_limit)
        self.faults = Faults(options.seed, options.fault_rate)
        self.record = Record()
        self._api = Api(self.account, options)
        self._control = Control(self.account, self.faults, self.record)
        self._chance = random.Random(options.seed)
        self._open: dict[asyncio.Task[None], Wire] = {}
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Begin to listen; returns the URL, without `/api/3`."""
        self._server = await asyncio.start_server(
            self._connected, self.options.host, self.options.port
        )
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """Stop listening and end all connections."""
        if self._server:
            self._server.close()
        left = dict(self._open)
        for task, wire in left.items():
            wire.abort()
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def change_for_ever(self) -> None:
        """Everyday changes at the wanted pace, until cancelled."""
        while self.options.changes_per_minute > 0:
            await asyncio.sleep(60 / self.options.changes_per_minute)
            self.account.change_something()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer)
        if task := asyncio.current_task():
            self._open[task] = wire
            task.add_done_callback(self._open.pop)
        with contextlib.suppress(ConnectionError, h11.ProtocolError, asyncio.CancelledError):
            await self._serve(wire)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await wire.close()

    async def _serve(self, wire: Wire) -> None:
        while request := await wire.request():
            path, _, query = request.target.partition("?")
            if path.startswith(_CONTROL):
                answer = self._control.answer(
                    request.method, path.removeprefix(_CONTROL), request.body
                )
            else:
                answer = await self._called(request, unquote(path), query)
            if not await wire.send(answer, self._headers(answer)):
                return

    async def _called(self, request: Request, path: str, query: str) -> Answer:
        """One API call, from arrival to the moment before sending."""
        arrived = time.monotonic()
        self.record.in_flight += 1
        self.record.most_in_flight = max(self.record.most_in_flight, self.record.in_flight)
        try:
            answer = self._answer(request, path, query, arrived)
            short = path.removeprefix(_BASE)
            call = Call(arrived, short, query, answer.status, answer.fault, len(answer.body))
            self.record.add(call)
            if delay_s := answer.delay_s + self._latency_s():
                await asyncio.sleep(delay_s)
        finally:
            self.record.in_flight -= 1
        return self._compressed(request, answer)

    def _answer(self, request: Request, path: str, query: str, arrived: float) -> Answer:
        if not path.startswith(_BASE + "/"):
            return error(404, "Not Found", "html")
        if not self.limiter.admit(arrived):
            self.record.rate_limited += 1
            return self._too_many()
        short = path.removeprefix(_BASE)
        limits = self.limiter.headers()
        if request.method != "GET":
            return error(405, "Method not allowed")
        fault = self.faults.meet(short)
        answer = self._api.answer(short, query, request.headers.get("api-token"))
        if fault:
            answer = strike(fault, answer)
        return replace(answer, headers=answer.headers + limits)

    def _too_many(self) -> Answer:
        answer = error(self.options.rate_limit_status, "Too many requests, please try again later.")
        after = self.options.retry_after
        wait = () if after is None else (("Retry-After", str(after)),)
        return replace(answer, headers=wait + self.limiter.headers())

    def _latency_s(self) -> float:
        jitter = self.options.jitter
        return max(self.options.latency + self._chance.uniform(-jitter, jitter), 0.0)

    def _compressed(self, request: Request, answer: Answer) -> Answer:
        if not self.options.gzip or "gzip" not in request.headers.get("accept-encoding", ""):
            return answer
        body = gzip.compress(answer.body, compresslevel=1)
        return replace(answer, body=body, headers=(*answer.headers, ("Content-Encoding", "gzip")))

    def _headers(self, answer: Answer) -> Headers:
        return [
            ("Date", formatdate(self.account.clock.now(), usegmt=True)),
            ("Content-Type", answer.content_type),
            ("Server", "cloudflare"),
            ("X-Request-Id", f"{self._chance.getrandbits(128):032x}"),
            ("Set-Cookie", "__cf_bm=sandbox; path=/; HttpOnly; SameSite=None"),
            *answer.headers,
        ]
