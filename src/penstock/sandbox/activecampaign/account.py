"""One made-up account: all its tables, and how they change over time."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

from penstock.sandbox.activecampaign import encode
from penstock.sandbox.activecampaign.clock import Clock
from penstock.sandbox.activecampaign.contract import Contract
from penstock.sandbox.activecampaign.makers import admin, fields, mail, people, sales, shop
from penstock.sandbox.activecampaign.makers.sizes import sizes
from penstock.sandbox.activecampaign.makers.world import Row, World
from penstock.sandbox.activecampaign.options import SandboxOptions
from penstock.sandbox.activecampaign.spoil import Spoil
from penstock.sandbox.activecampaign.store import Store

MAKERS = (
    people.MAKERS | fields.MAKERS | sales.MAKERS | shop.MAKERS | mail.MAKERS | admin.MAKERS
)  # fmt: skip

Id = str | int


class Account:
    """Rows of all objects and the rules by which they change; safe to use from any thread."""

    def __init__(self, options: SandboxOptions) -> None:
        self.contract = Contract.load()
        self.clock = Clock(options.zone)
        self.world = World(
            self.contract,
            sizes(options.contacts, options.sizes),
            options.seed,
            self.clock,
            options.account,
            options.redacted,
        )
        self.encode = encode.php if options.php_escapes else encode.plain
        cache = encode.RowCache(options.cache_bytes)
        self._stores = {
            table.name: Store(table, MAKERS[table.name], self.world, cache, self.encode)
            for table in self.contract
        }
        self.unavailable: dict[str, int] = {}
        self.plan_inactive = False
        self._lock = RLock()
        self._chance = random.Random(options.seed)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing changes inside this block but by the caller."""
        with self._lock:
            yield

    def store(self, table: str) -> Store:
        self.contract[table]
        return self._stores[table]

    def rows(self, table: str) -> list[Row]:
        """What the API would give now, all pages together, by id."""
        with self._lock:
            store = self.store(table)
            return [store.row(row_id) for row_id in store.ids]

    def warm(self, *tables: str) -> None:
        """Make and keep the rows of these tables now (all by default), so that reading is fast."""
        for name in tables or self.contract.tables:
            store = self.store(name)
            for row_id in list(store.ids):
                store.encoded(row_id)

    def add(self, table: str, n: int = 1, **values: Any) -> list[str]:
        """New rows made now; returns their ids. A tag added moves its contact's `udate`."""
        with self._lock:
            now = self.clock.now()
            made = [self.store(table).add(now, values) for _ in range(n)]
            if table == "contact_tags":
                self._touch_contacts(made, now)
            return [str(row_id) for row_id in made]

    def update(self, table: str, row_id: Id, **values: Any) -> None:
        """Set fields of a row; its update times become now unless they are among the fields."""
        with self._lock:
            self.store(table).update(int(row_id), self.clock.now(), values)

    def delete(self, table: str, *row_ids: Id) -> None:
        """Take rows away, leaving no trace as the API does."""
        with self._lock:
            for row_id in row_ids:
                self.store(table).delete(int(row_id))

    def _touch_contacts(self, tag_rows: list[int], now: int) -> None:
        contacts = self.store("contacts")
        for row_id in tag_rows:
            contact = int(self.store("contact_tags").full(row_id)["contact"])
            if contact in contacts:
                contacts.update(contact, now, {})

    def set_column(self, table: str, name: str, value: object) -> None:
        """Give all rows of a table a new member, or an old one another value and type."""
        with self._lock:
            self.store(table).set_column(name, value)

    def drop_column(self, table: str, name: str) -> None:
        """Leave a member out of all rows of a table."""
        with self._lock:
            self.store(table).drop_column(name)

    def redact(self, *deal_ids: Id, hidden: bool = True) -> None:
        """Put deals into a pipeline that the token's user may not see, or take them out of it."""
        with self._lock:
            for row_id in deal_ids:
                self.store("deals").hide(int(row_id), hidden)

    def set_unavailable(self, table: str, status: int | None) -> None:
        """Refuse a table's paths with 403 or 404; None offers it again."""
        with self._lock:
            self.store(table)
            self.unavailable.pop(table, None)
            if status is not None:
                self.unavailable[table] = status

    def spoil(self, table: str, row_id: Id, spoil: Spoil) -> None:
        with self._lock:
            self.store(table).spoil(int(row_id), spoil)

    def unspoil(self) -> None:
        with self._lock:
            for store in self._stores.values():
                store.unspoil()

    def change_something(self) -> None:
        """One everyday change: mostly an edit, sometimes a new row, seldom a deletion."""
        with self._lock:
            chance = self._chance
            table = chance.choice(("contacts", "contacts", "deals", "contact_tags", "accounts"))
            ids = self.store(table).ids
            row_id = chance.choice(ids) if ids else None
            kind = chance.random()
            if row_id is None or kind < 0.25:
                self.add(table)
            elif kind < 0.3:
                self.delete(table, row_id)
            else:
                self.update(table, row_id, **_EDITS[table](chance))


_EDITS: dict[str, Callable[[random.Random], Row]] = {
    "contacts": lambda chance: {"firstName": f"Renamed {chance.randrange(1000)}"},
    "deals": lambda chance: {"value": str(chance.randrange(1_000_000))},
    "contact_tags": lambda _: {},
    "accounts": lambda chance: {"accountUrl": f"https://moved{chance.randrange(1000)}.example"},
}
