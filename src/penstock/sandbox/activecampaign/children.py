"""Rows by their foreign key."""

from collections import defaultdict
from collections.abc import Iterable

from penstock.sandbox.activecampaign.account import Account
from penstock.sandbox.activecampaign.makers.sizes import position_of
from penstock.sandbox.activecampaign.store import Store

# Tables whose first rows were dealt out to their parents in turn, and so are found without
# looking: table and foreign key -> parents. Makers use `World.reference(parents, position)`.
_DEALT = {
    ("account_contacts", "contact"): "contacts",
    ("account_custom_field_values", "accountId"): "accounts",
    ("contact_custom_field_values", "contact"): "contacts",
    ("contact_tags", "contact"): "contacts",
    ("deal_custom_field_values", "dealId"): "deals",
    ("ecommerce_order_products", "ecomOrder"): "ecommerce_orders",
    ("stages", "group"): "pipelines",
}

_Index = dict[str, list[int]]


class Children:
    """Finds rows by a foreign key; what had to be looked for is kept until the table changes."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._known: dict[tuple[str, str], tuple[tuple[int, ...], _Index]] = {}

    def of(self, table: str, column: str, parent_id: int) -> list[int]:
        """Ids of the rows that hold the parent's id in this column, ascending."""
        store = self._account.store(table)
        if parents := _DEALT.get((table, column)):
            found = self._dealt(store, column, parents, parent_id)
            found.update(self._index(store, column, store.changed).get(str(parent_id), []))
            return sorted(found)
        return self._index(store, column, store.ids).get(str(parent_id), [])

    def values(self, table: str, column: str, parent_id: int, of: str) -> frozenset[str]:
        """What the parent's rows hold in another column."""
        store = self._account.store(table)
        return frozenset(str(store.full(i).get(of)) for i in self.of(table, column, parent_id))

    def stamp(self, table: str, *columns: str) -> tuple[int, ...]:
        """Changes whenever the answers about these columns may."""
        return self._account.store(table).stamp(*columns)

    def _dealt(self, store: Store, column: str, parents: str, parent_id: int) -> set[int]:
        """Of the rows that were first dealt out to this parent, those that still are its own."""
        table, wanted = store.table.name, str(parent_id)
        first = self._account.world.children(table, parents, position_of(parents, parent_id))
        return {
            row_id
            for row_id in map(int, first)
            if row_id in store
            and (row_id not in store.changed or str(store.full(row_id).get(column)) == wanted)
        }

    def _index(self, store: Store, column: str, ids: Iterable[int]) -> _Index:
        now = store.stamp(column)
        known = self._known.get((store.table.name, column))
        if known is None or known[0] != now:
            index: _Index = defaultdict(list)
            for row_id in ids:
                index[str(store.full(row_id).get(column))].append(row_id)
            known = self._known[store.table.name, column] = now, dict(index)
        return known[1]
