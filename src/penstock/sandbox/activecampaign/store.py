"""The rows of one object: made up on demand, with changes laid over them."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import Any

from penstock.sandbox.activecampaign.contract import Table
from penstock.sandbox.activecampaign.encode import Encode, RowCache
from penstock.sandbox.activecampaign.makers.fill import UPDATED, restamp
from penstock.sandbox.activecampaign.makers.people import contact_email
from penstock.sandbox.activecampaign.makers.sales import redacted
from penstock.sandbox.activecampaign.makers.sizes import all_ids, id_at, position_of
from penstock.sandbox.activecampaign.makers.world import Maker, Row, Start, World
from penstock.sandbox.activecampaign.spoil import Spoil

_HASH = 2_654_435_761
_MEMBERS = "*"


def scrambled(row_id: int) -> int:
    """A sort key with no visible order."""
    return row_id * _HASH % (1 << 32)


class Store:
    """Rows of one table; ids are whole numbers inside, text outside."""

    def __init__(
        self, table: Table, maker: Maker, world: World, cache: RowCache, encode: Encode
    ) -> None:
        self.table = table
        self._maker, self._world, self._cache, self._encode = maker, world, cache, encode
        self._first_size = world.sizes[table.name]
        self._added = 0
        self._changed: dict[int, Row] = {}
        self._extra: Row = {}
        self._dropped: set[str] = set()
        self._hidden: dict[int, bool] = {}
        self._spoiled: dict[int, Spoil] = {}
        self._versions: dict[str, int] = {}
        self._orders: dict[str, tuple[tuple[int, ...], list[int]]] = {}
        self._tail = self._encode_tail()

    @cached_property
    def ids(self) -> "array[int]":
        """Ids of the rows there are now, ascending."""
        return array("q", all_ids(self.table.name, self._first_size))

    def __contains__(self, row_id: int) -> bool:
        at = bisect_left(self.ids, row_id)
        return at < len(self.ids) and self.ids[at] == row_id

    # Reading

    def row(self, row_id: int) -> Row:
        """The row as the API shows it."""
        row = self._shown(row_id)
        if self._has_links(row_id):
            row["links"] = {n.split("?")[0]: self._link(n, str(row_id)) for n in self.table.links}
        return row

    def encoded(self, row_id: int) -> bytes:
        """The row as JSON text."""
        if row_id in self._spoiled:
            return self.spoilt(row_id, self.row(row_id))
        head = self._cache.get(self.table.name, row_id)
        if head is None:
            head = self._encode(self._shown(row_id))[:-1]
            self._cache.put(self.table.name, row_id, head)
        if self._has_links(row_id):
            return head + self._tail.replace(b"@", b"%d" % row_id)
        return head + b"}"

    def full(self, row_id: int) -> Row:
        """The row before redaction and without `links`."""
        if row_id in self._changed:
            return self._changed[row_id]
        return self._make(position_of(self.table.name, row_id), row_id)

    def _make(self, position: int, row_id: int, start: Start | None = None) -> Row:
        start = start or self._world.start(self.table.name, position)
        row = self._maker(self._world, position, start)
        row["id"] = str(row_id)
        return row

    def _shown(self, row_id: int) -> Row:
        row = self.full(row_id)
        if self._is_hidden(row_id):
            return redacted(row)
        row = row | self._extra
        for name in self._dropped:
            row.pop(name, None)
        return row

    def _is_hidden(self, row_id: int) -> bool:
        if self.table.name != "deals":
            return False
        return self._hidden.get(row_id, scrambled(row_id) % 100 < self._world.redacted)

    def _has_links(self, row_id: int) -> bool:
        """Whether URLs are put at the end of the row; they are not kept with encoded rows."""
        patched = "links" in self._dropped or "links" in self._extra
        return bool(self._tail) and not patched and not self._is_hidden(row_id)

    def _link(self, name: str, row_id: str) -> str:
        account = self._world.account
        return f"https://{account}.example/api/3{self.table.path}/{row_id}/{name}"

    def _encode_tail(self) -> bytes:
        if not self.table.links:
            return b""
        links = {name.split("?")[0]: self._link(name, "@") for name in self.table.links}
        return b',"links":' + self._encode(links) + b"}"

    @property
    def changed(self) -> Collection[int]:
        """Ids of the rows that are no longer, or never were, as they were first made."""
        return self._changed.keys()

    # Times and orders

    def created(self, row_id: int) -> int:
        return self._moment(row_id, "cdate", 0)

    def updated(self, row_id: int) -> int:
        return self._moment(row_id, self.table.cursor or "udate", 1)

    def _moment(self, row_id: int, column: str, which: int) -> int:
        """Seconds, 0 when the row holds no time; quick for rows that never changed."""
        if row_id not in self._changed:
            return self._first_times[which][position_of(self.table.name, row_id)]
        value = self._changed[row_id].get(column)
        return self._world.clock.instant(value) if isinstance(value, str) and value else 0

    @cached_property
    def _first_times(self) -> "tuple[array[int], array[int]]":
        created, updated = array("q"), array("q")
        for position in range(self._first_size):
            start = self._world.start(self.table.name, position)
            created.append(start.created)
            updated.append(start.updated)
        return created, updated

    def stamp(self, *columns: str) -> tuple[int, ...]:
        """Changes whenever rows come or go or one of the columns changes."""
        return tuple(self._versions.get(name, 0) for name in (_MEMBERS, *columns))

    def ordered(self, column: str | None) -> Sequence[int]:
        """All ids, ascending by a column; None is the API's own order."""
        if column is None:
            column = {"contacts": "email", "deals": "scrambled"}.get(self.table.name, "id")
        if column == "id":
            return self.ids
        now = self.stamp(column)
        known = self._orders.get(column)
        if known is None or known[0] != now:
            known = now, sorted(self.ids, key=self._sort_key(column))
            self._orders[column] = known
        return known[1]

    def _sort_key(self, column: str) -> Callable[[int], Any]:
        # Rows of equal value come in no particular, yet steady, order.
        if column == "scrambled":
            return scrambled
        if column == "cdate" and self.table.cursor:
            return lambda row_id: (self.created(row_id), scrambled(row_id))
        if column == self.table.cursor:
            return lambda row_id: (self.updated(row_id), scrambled(row_id))
        if column == "email" and self.table.name == "contacts":
            return self._email
        return lambda row_id: (_rank(self.full(row_id).get(column)), scrambled(row_id))

    def _email(self, row_id: int) -> str:
        if row_id in self._changed:
            return str(self._changed[row_id]["email"])
        return contact_email(self._world.seed, position_of(self.table.name, row_id))

    # Changing

    def add(self, at: int, fields: Row) -> int:
        """A new row, made at `at` (seconds); returns its id."""
        position = self._first_size + self._added
        row_id = id_at(self.table.name, position)
        start = Start(self._world.start(self.table.name, position).dice, at, at)
        self.ids.append(row_id)
        self._added += 1
        self._changed[row_id] = self._make(position, row_id, start) | fields
        self._bump(_MEMBERS)
        return row_id

    def update(self, row_id: int, at: int, fields: Row) -> None:
        """Set fields and move the row's own update times to `at` (seconds).

        Raises:
            KeyError: there is no such row.
        """
        self._must_have(row_id)
        row = dict(self.full(row_id))
        touched = {
            name: restamp(self._world.clock, self.table.fields[name], row[name], at)
            for name in UPDATED & row.keys() & self.table.fields.keys()
            if name not in fields
        }
        self._changed[row_id] = row | touched | fields
        self._cache.forget(self.table.name, row_id)
        self._bump(*touched, *fields)

    def delete(self, row_id: int) -> None:
        """Take a row away; raises KeyError when it is not there."""
        self._must_have(row_id)
        del self.ids[bisect_left(self.ids, row_id)]
        self._changed.pop(row_id, None)
        self._cache.forget(self.table.name, row_id)
        self._bump(_MEMBERS)

    def hide(self, row_id: int, hidden: bool) -> None:
        """Redact a deal or show it again."""
        self._must_have(row_id)
        self._hidden[row_id] = hidden
        self._cache.forget(self.table.name, row_id)

    def set_column(self, name: str, value: object) -> None:
        """Give every row this value: a new column, or another type in an old one."""
        self._extra[name] = value
        self._dropped.discard(name)
        self._cache.forget_table(self.table.name)

    def drop_column(self, name: str) -> None:
        self._extra.pop(name, None)
        self._dropped.add(name)
        self._cache.forget_table(self.table.name)

    def spoilt(self, row_id: int, row: Row) -> bytes:
        """The JSON text of a version of the row, spoilt where the row is."""
        spoil = self._spoiled.get(row_id)
        return spoil.encode(row, self._encode) if spoil else self._encode(row)

    def spoil(self, row_id: int, spoil: Spoil) -> None:
        self._must_have(row_id)
        self._spoiled[row_id] = spoil

    def unspoil(self) -> None:
        self._spoiled.clear()

    def _must_have(self, row_id: int) -> None:
        if row_id not in self:
            raise KeyError(f"There is no row {row_id} in {self.table.name}.")

    def _bump(self, *columns: str) -> None:
        for name in columns:
            self._versions[name] = self._versions.get(name, 0) + 1


def _rank(value: object) -> tuple[int, float, str]:
    """Sorts nulls, then numbers (also inside text), then text."""
    if value is None:
        return 0, 0, ""
    text = str(value)
    return (1, int(text), "") if text.lstrip("-").isdecimal() else (2, 0, text.casefold())
