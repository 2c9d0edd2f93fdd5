"""Where reading of the log stands, while transactions go by."""

from __future__ import annotations

from typing import Final

from penstock.connectors.sources.mysql.log.events import Event
from penstock.connectors.sources.mysql.log.gtid import (
    MariaGtids,
    MySqlGtids,
    maria_gtid,
    mysql_gtid,
)
from penstock.connectors.sources.mysql.log.position import Position, file_number

Transaction = tuple[int, int, int] | tuple[str, int]
_STANDALONE: Final = 1
_WRAP: Final = 1 << 32


class Place:
    """A position that moves with every transaction, cheaply: its text is made when it is told."""

    def __init__(self, position: Position) -> None:
        self.file = position.file
        """The one that is being sent, perhaps past the position."""
        self._position = position
        self._offset, self._at = (position.file, position.offset), position.at
        self._maria: dict[int, tuple[int, int]] = {}
        self._mysql: list[tuple[str, int]] = []
        self._next: Transaction | None = None
        self.began = position.place
        """Where the transaction began that is being read, or was read last."""

    @property
    def server(self) -> str:
        """Whose log it is."""
        return self._position.server

    @property
    def transaction(self) -> Transaction | None:
        """Of the one that has begun: domain, server and number, or server and number."""
        return self._next

    def begins(self, event: Event) -> None:
        """A transaction begins with this event."""
        if event.next_position:
            start = self._whole(event.next_position) - event.size
            self.began = file_number(self.file), start

    @property
    def position(self) -> Position:
        """The end of the last transaction."""
        file, offset = self._offset
        gtid = self._position.gtid
        if self._maria:
            gtid = str(MariaGtids({**MariaGtids.of(gtid).places, **self._maria}))
        elif self._mysql:
            known = MySqlGtids.of(gtid)
            for server, number in self._mysql:
                known = known.plus(server, number)
            gtid = str(known)
        self._maria, self._mysql = {}, []
        self._position = Position(file, offset, gtid, self._position.server, self._at)
        return self._position

    def maria(self, event: Event) -> bool:
        """A GTID event of MariaDB; whether a transaction of several events begins."""
        server = int.from_bytes(event.data[5:9], "little")
        domain, server, number, flags = maria_gtid(server, event.body)
        self._next = domain, server, number
        return not flags & _STANDALONE

    def mysql(self, event: Event) -> None:
        self._next = mysql_gtid(event.body)

    def ended(self, head: bytes) -> None:
        """A transaction has ended with the event that begins so."""
        offset = int.from_bytes(head[13:17], "little")
        if offset:
            self._offset = self.file, self._whole(offset)
        self._at = int.from_bytes(head[:4], "little") or self._at
        if self._next is None:
            return
        if len(self._next) == 3:
            domain, server, number = self._next
            self._maria[domain] = server, number
        else:
            self._mysql.append(self._next)
        self._next = None

    def moved(self, offset: int) -> None:
        """There is nothing of a transaction up to here."""
        self._offset = self.file, self._whole(offset)

    def _whole(self, offset: int) -> int:
        """Events have 32 bits for a place; one large transaction makes a file longer."""
        file, before = self._offset
        if file != self.file:
            return offset
        whole = before - before % _WRAP + offset
        if before - whole > _WRAP // 2:
            return whole + _WRAP
        # The server may tell of a place that it has sent before.
        return max(whole, before)
