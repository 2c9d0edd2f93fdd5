"""HTTP/1.1 over asyncio streams, with the ways in which a connection can go wrong."""

import asyncio
import socket
import struct
from dataclasses import dataclass

import h11

from penstock.sandbox.activecampaign.answer import Answer

Headers = list[tuple[str, str]]

_READ_BYTES = 65_536


@dataclass(frozen=True)
class Request:
    """One request, its body read whole; header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Wire:
    """One client connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.SERVER)

    async def request(self) -> Request | None:
        """The next request, None when the client has left."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        head: h11.Request | None = None
        body: list[bytes] = []
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(_READ_BYTES))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage) and head:
                return _request(head, b"".join(body))
            else:
                return None

    async def send(self, answer: Answer, headers: Headers) -> bool:
        """Send an answer; true when the connection can be used for another request."""
        match answer.delivery:
            case "whole":
                return await self._send_whole(answer, headers)
            case "reset_before":
                self._reset()
            case "reset_within":
                await self._send_part(answer, headers)
                self._reset()
            case "cut_body":
                await self._send_part(answer, headers)
            case "cut_chunks":
                await self._send_chunks(answer, headers)
        return False

    async def close(self) -> None:
        """Send what is left and close."""
        self._writer.close()
        # Without the shield, cancelling would mark the connection as closed before it is.
        await asyncio.shield(self._writer.wait_closed())

    def abort(self) -> None:
        """Close now, whatever is left to send."""
        self._writer.transport.abort()

    async def _send_whole(self, answer: Answer, headers: Headers) -> bool:
        head = h11.Response(
            status_code=answer.status,
            headers=[*headers, ("Content-Length", str(len(answer.body)))],
            reason=b"Sandbox",
        )
        sent = (head, h11.Data(data=answer.body), h11.EndOfMessage())
        self._writer.writelines([self._http.send(event) or b"" for event in sent])
        await self._writer.drain()
        return self._http.our_state is h11.DONE

    async def _send_part(self, answer: Answer, headers: Headers) -> None:
        """Promise the whole body and send half of it."""
        head = _head(answer, [*headers, ("Content-Length", str(len(answer.body)))])
        self._writer.write(head + answer.body[: len(answer.body) // 2])
        await self._writer.drain()

    async def _send_chunks(self, answer: Answer, headers: Headers) -> None:
        """Two chunks of the body, and no end."""
        head = _head(answer, [*headers, ("Transfer-Encoding", "chunked")])
        third = max(len(answer.body) // 3, 1)
        chunks = (answer.body[:third], answer.body[third : 2 * third])
        sent = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
        self._writer.write(head + sent)
        await self._writer.drain()

    def _reset(self) -> None:
        """End the connection with RST instead of FIN."""
        connection: socket.socket = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def _request(head: h11.Request, body: bytes) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    return Request(head.method.decode(), head.target.decode("latin-1"), headers, body)


def _head(answer: Answer, headers: Headers) -> bytes:
    """Status line and headers by hand: h11 would refuse to stop in the middle."""
    lines = [f"HTTP/1.1 {answer.status} Sandbox", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
