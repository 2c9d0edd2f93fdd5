"""Events that the server compressed: MariaDB one by one, MySQL a transaction at a time.

https://mariadb.com/kb/en/compressing-events-to-reduce-size-of-the-binary-log/ (zlib) and
https://dev.mysql.com/doc/refman/8.4/en/binary-log-transaction-compression.html (zstd)
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from struct import pack_into, unpack_from
from typing import Final

import numpy as np
import pyarrow as pa

from penstock.connectors.sources.mysql.log import events as e
from penstock.connectors.sources.mysql.log.events import Events, framed, lenenc

_ROWS_POST_HEADER: Final = 8
_KINDS: Final = [*e.MARIA_ROWS_COMPRESSED, e.MARIA_QUERY_COMPRESSED, e.TRANSACTION_PAYLOAD]
_ZSTD: Final = 0


def plain(events: Events) -> Events:
    """The same events, none of them compressed.

    Raises:
        ValueError: one cannot be read.
    """
    if not np.isin(events.kinds, _KINDS).any():
        return events
    return framed(list(_each(events)))


def _each(events: Events) -> Iterator[bytes]:
    for at in range(events.count):
        data = events.event(at).data
        kind = data[4]
        if kind in e.COMPRESSED_AS:
            yield _rows(data, e.COMPRESSED_AS[kind])
        elif kind == e.MARIA_QUERY_COMPRESSED:
            yield _query(data)
        elif kind == e.TRANSACTION_PAYLOAD:
            yield from _payload(data)
        else:
            yield data


def _rows(data: bytes, kind: int) -> bytes:
    at = e.HEAD + _ROWS_POST_HEADER
    if kind in e.VERSION_2:
        at += unpack_from("<H", data, at)[0]
    count, at = lenenc(data, at)
    at += (count + 7) // 8 * (2 if kind in e.UPDATES else 1)
    return _as(kind, data, at, _unzipped(data, at))


def _query(data: bytes) -> bytes:
    at = query_text_at(data)
    return _as(e.QUERY, data, at, _unzipped(data, at))


def query_text_at(data: bytes) -> int:
    """Where the statement stands in a QUERY event: behind its status and the database's name."""
    database = data[e.HEAD + 8]
    status = unpack_from("<H", data, e.HEAD + 11)[0]
    return int(e.HEAD + 13 + status + database + 1)


def _as(kind: int, data: bytes, at: int, rest: bytes) -> bytes:
    whole = bytearray(data[:at] + rest)
    whole[4] = kind
    pack_into("<I", whole, 9, len(whole))
    return bytes(whole)


def _unzipped(data: bytes, at: int) -> bytes:
    """One byte of what it is, the size, zlib."""
    head = data[at]
    if head & 0x80 == 0 or head >> 4 & 7:
        raise ValueError("an event that is compressed in an unknown way")
    return zlib.decompress(data[at + 1 + (head & 7) :])


def _payload(data: bytes) -> Iterator[bytes]:
    """The events of a transaction, which have no checksums and no places of their own."""
    at, method, size = e.HEAD, _ZSTD, 0
    while at < len(data):
        field, at = lenenc(data, at)
        if field == 0:
            break
        length, at = lenenc(data, at)
        if field == 2:
            method, _ = lenenc(data, at)
        elif field == 3:
            size, _ = lenenc(data, at)
        at += length
    inner = data[at:]
    if method == _ZSTD:
        inner = pa.Codec("zstd").decompress(inner, size, asbytes=True)
    at = 0
    while at < len(inner):
        length = unpack_from("<I", inner, at + 9)[0]
        event = bytearray(inner[at : at + length])
        event[13:17] = data[13:17]
        yield bytes(event)
        at += length
