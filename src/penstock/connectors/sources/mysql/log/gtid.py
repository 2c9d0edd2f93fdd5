"""Global transaction ids: those of MySQL are sets of ranges by server, MariaDB's a place by domain.

https://dev.mysql.com/doc/refman/8.4/en/replication-gtids-concepts.html
https://mariadb.com/kb/en/gtid/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from struct import pack, unpack_from
from uuid import UUID

Range = tuple[int, int]
"""First and last number, both inside."""


@dataclass(frozen=True)
class MySqlGtids:
    """Transactions by the server that committed them first, as sorted ranges without gaps."""

    ranges: dict[str, tuple[Range, ...]]

    @staticmethod
    def of(text: str) -> MySqlGtids:
        """From the server's words, e.g. `uuid:1-5:7, uuid:1`."""
        found: dict[str, list[Range]] = {}
        for part in filter(None, (item.strip() for item in text.replace("\n", "").split(","))):
            server, *ranges = part.split(":")
            for item in ranges:
                first, _, last = item.partition("-")
                found.setdefault(server.lower(), []).append((int(first), int(last or first)))
        return MySqlGtids({server: _merged(ranges) for server, ranges in found.items()})

    def plus(self, server: str, number: int) -> MySqlGtids:
        """With one transaction more."""
        have = self.ranges.get(server, ())
        if have and have[-1][1] + 1 == number:
            ranges: tuple[Range, ...] = (*have[:-1], (have[-1][0], number))
        else:
            ranges = _merged([*have, (number, number)])
        return MySqlGtids({**self.ranges, server: ranges})

    def holds(self, other: MySqlGtids) -> bool:
        """Whether every transaction of the other is among these."""
        return all(
            any(low <= first and last <= high for low, high in self.ranges.get(server, ()))
            for server, ranges in other.ranges.items()
            for first, last in ranges
        )

    def __str__(self) -> str:
        parts = (
            ":".join([server, *(str(a) if a == b else f"{a}-{b}" for a, b in ranges)])
            for server, ranges in sorted(self.ranges.items())
        )
        return ",".join(parts)

    def encoded(self) -> bytes:
        """As COM_BINLOG_DUMP_GTID wants it; there the last number is one beyond."""
        parts = [pack("<Q", len(self.ranges))]
        for server, ranges in sorted(self.ranges.items()):
            parts.append(UUID(server).bytes + pack("<Q", len(ranges)))
            parts += [pack("<QQ", first, last + 1) for first, last in ranges]
        return b"".join(parts)


def mysql_gtid(body: bytes) -> tuple[str, int]:
    """Server and number of a GTID event."""
    (number,) = unpack_from("<q", body, 17)
    return str(UUID(bytes=body[1:17])), int(number)


@dataclass(frozen=True)
class MariaGtids:
    """The last transaction of each domain: (server, number)."""

    places: dict[int, tuple[int, int]]

    @staticmethod
    def of(text: str) -> MariaGtids:
        found = {}
        for part in filter(None, (item.strip() for item in text.split(","))):
            domain, server, number = map(int, part.split("-"))
            found[domain] = server, number
        return MariaGtids(found)

    def plus(self, domain: int, server: int, number: int) -> MariaGtids:
        return MariaGtids({**self.places, domain: (server, number)})

    def __str__(self) -> str:
        places = sorted(self.places.items())
        return ",".join(f"{domain}-{server}-{number}" for domain, (server, number) in places)


def maria_gtid(server: int, body: bytes) -> tuple[int, int, int, int]:
    """Domain, server, number and flags of a MariaDB GTID event."""
    number, domain, flags = unpack_from("<QIB", body)
    return int(domain), server, int(number), int(flags)


def _merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return tuple(found)
