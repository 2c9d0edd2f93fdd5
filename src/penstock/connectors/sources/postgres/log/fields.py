"""The messages that come one at a time, read field by field."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final

_U32: Final = Struct(">I")
_U16: Final = Struct(">H")
_FINAL: Final = Struct(">BQQq")
EPOCH_US: Final = 946_684_800_000_000
"""PostgreSQL counts microseconds from 2000-01-01."""


@dataclass(frozen=True)
class Column:
    """One column of a relation as the log describes it.

    Args:
        type_oid, modifier: as in `pg_attribute.atttypid` and `atttypmod`.
        in_identity: part of what identifies an old row; with REPLICA IDENTITY FULL every one.
    """

    name: str
    type_oid: int
    modifier: int
    in_identity: bool


@dataclass(frozen=True)
class Relation:
    """A table as it is from this place in the log on.

    Args:
        identity: d(efault), n(othing), f(ull) or i(ndex).
    """

    oid: int
    schema: str
    name: str
    identity: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Commit:
    """The end of a transaction: `end_lsn` is where reading goes on, times in epoch us."""

    end_lsn: int
    at_us: int


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def u16(self) -> int:
        self._at += 2
        return int(_U16.unpack_from(self._data, self._at - 2)[0])

    def u32(self) -> int:
        self._at += 4
        return int(_U32.unpack_from(self._data, self._at - 4)[0])

    def text(self) -> str:
        end = self._data.index(0, self._at)
        text = self._data[self._at : end].decode()
        self._at = end + 1
        return text


def relation(data: bytes, shift: int) -> Relation:
    """R: a table's shape. `shift` is 4 inside a streamed transaction (its number), else 0."""
    reader = _Reader(data, 1 + shift)
    oid = reader.u32()
    # The system's own schema comes as an empty name.
    schema = reader.text() or "pg_catalog"
    name = reader.text()
    identity = chr(reader.byte())
    columns = tuple(_column(reader) for _ in range(reader.u16()))
    return Relation(oid, schema, name, identity, columns)


def _column(reader: _Reader) -> Column:
    in_identity = bool(reader.byte() & 1)
    name = reader.text()
    oid = reader.u32()
    modifier = reader.u32()
    return Column(name, oid, modifier - (1 << 32) if modifier >> 31 else modifier, in_identity)


def truncated(data: bytes, shift: int) -> list[int]:
    """T: oids of the tables that were emptied by one command."""
    reader = _Reader(data, 1 + shift)
    count = reader.u32()
    reader.byte()
    return [reader.u32() for _ in range(count)]


def commit(data: bytes) -> Commit:
    """C: the end of a transaction that came after its end."""
    _flags, _lsn, end, at = _FINAL.unpack_from(data, 1)
    return Commit(end, at + EPOCH_US)


def stream_start(data: bytes) -> int:
    """S: the number of the open transaction of which a part follows."""
    return int(_U32.unpack_from(data, 1)[0])


def stream_commit(data: bytes) -> tuple[int, Commit]:
    """c: a streamed transaction's number and end."""
    xid = int(_U32.unpack_from(data, 1)[0])
    _flags, _lsn, end, at = _FINAL.unpack_from(data, 5)
    return xid, Commit(end, at + EPOCH_US)


def stream_abort(data: bytes) -> tuple[int, int]:
    """A: numbers of a streamed transaction and of the one inside it (or itself) that failed."""
    return int(_U32.unpack_from(data, 1)[0]), int(_U32.unpack_from(data, 5)[0])
