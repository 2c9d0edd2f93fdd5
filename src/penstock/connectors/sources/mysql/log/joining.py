"""What the log may tell of tables whose rows are appended: their history has some of it already."""

from __future__ import annotations

from penstock.connectors.sources.mysql.log.gtid import MariaGtids, MySqlGtids
from penstock.connectors.sources.mysql.log.place import Place
from penstock.connectors.sources.mysql.log.position import Position
from penstock.sdk.log.joins import Joins, Name


class Joining:
    """Says of each transaction which tables are left out of it.

    Transactions stand in the log in the order in which they are committed: those that begin
    before the end of a snapshot are in it, as long as the same server's log is read; of another
    server's, their ids tell.
    """

    def __init__(self, joins: Joins) -> None:
        self.joins = joins
        self._snapshots: dict[Name, Position] = {}
        self._passed: set[Name] = set()

    def look(self, place: Place) -> frozenset[Name]:
        """`left_out`, after histories may have come to their end."""
        found = self.joins.snapshots()
        self._snapshots = {
            name: Position(**raw) for name, raw in found.items() if name not in self._passed
        }
        return self.left_out(place)

    @property
    def depends(self) -> bool:
        """Whether it depends on the transaction what is left out."""
        return bool(self._snapshots)

    def left_out(self, place: Place) -> frozenset[Name]:
        """Tables of which the transaction that began last tells nothing."""
        out = set(self.joins.all_missed())
        for name, snapshot in list(self._snapshots.items()):
            if _has(snapshot, place):
                out.add(name)
            elif snapshot.server == place.server:
                self._passed.add(name)
                del self._snapshots[name]
        return frozenset(out)


def _has(snapshot: Position, place: Place) -> bool:
    """Whether a snapshot has the transaction that began last."""
    if snapshot.server == place.server:
        return place.began < snapshot.place
    begun = place.transaction
    if begun is None:
        return False
    if len(begun) == 3:
        domain, _server, number = begun
        return number <= MariaGtids.of(snapshot.gtid).places.get(domain, (0, 0))[1]
    return MySqlGtids.of(snapshot.gtid).holds(MySqlGtids({begun[0]: ((begun[1], begun[1]),)}))
