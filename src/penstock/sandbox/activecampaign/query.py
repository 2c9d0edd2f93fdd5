"""Which rows a request asks for: filters, order and page."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from penstock.sandbox.activecampaign.children import Children
from penstock.sandbox.activecampaign.clock import Clock
from penstock.sandbox.activecampaign.filters import Filter, build
from penstock.sandbox.activecampaign.options import SandboxOptions
from penstock.sandbox.activecampaign.store import Store

# Orders whose name is not the column's. An order that is not listed here or below is ignored.
_COLUMNS = {"first_name": "firstName", "last_name": "lastName", "name": "lastName"}
_ORDERS: dict[str, dict[str, str]] = {
    "contacts": _COLUMNS | {"id": "id", "cdate": "cdate", "email": "email"},
    "deals": {name: name for name in ("title", "value", "cdate", "id", "mdate")},
    "campaigns": {"sdate": "sdate", "ldate": "ldate"},
    "lists": {"name": "name"},
    "messages": {"mdate": "mdate"},
    "pipelines": {"title": "title"},
    "stages": {"title": "title"},
    "tags": {"search": "tag"},
    "ecommerce_orders": {
        "external_created_date": "externalCreatedDate",
        **{name: name for name in ("connectionid", "externalid", "email", "state", "customerid")},
    },
}
_KEPT_RESULTS = 16


@dataclass(frozen=True)
class Page:
    """The ids to send, and how many rows match in all."""

    ids: Sequence[int]
    total: int


class Finder:
    """Finds rows; keeps what matched, so that the pages of one read are not searched again."""

    def __init__(self, options: SandboxOptions, clock: Clock, children: Children) -> None:
        self._options, self._clock, self._children = options, clock, children
        self._known: dict[object, tuple[tuple[int, ...], Sequence[int]]] = {}

    def page(self, store: Store, query: Sequence[tuple[str, str]]) -> Page:
        """One page of a collection; unknown parameters are ignored as the API does."""
        given = dict(query)
        filters = build(store, query, self._options, self._clock, self._children)
        column, descending = order_of(store.table.name, given)
        found = self._matching(store, filters, column, descending)
        low, high = 0, len(found)
        if "id_greater" in given or "id_less" in given:
            found, low, high = _between(found, given, ascending=column == "id" and not descending)
        size = store.table.default_page
        limit = min(_whole(given.get("limit"), size) or size, store.table.max_page)
        first = low + _whole(given.get("offset"), 0)
        return Page(found[first : min(first + limit, high)], high - low)

    def _matching(
        self, store: Store, filters: Sequence[Filter], column: str | None, descending: bool
    ) -> Sequence[int]:
        if not filters and not descending:
            return store.ordered(column)
        key = store.table.name, tuple(each.key for each in filters), column, descending
        now = store.stamp(*(each.column for each in filters), column or "email")
        known = self._known.get(key)
        if known is None or known[0] != now:
            tests = [each.test for each in filters]
            ids = [i for i in store.ordered(column) if all(test(i) for test in tests)]
            known = now, ids[::-1] if descending else ids
            self._known[key] = known
            while len(self._known) > _KEPT_RESULTS:
                del self._known[next(iter(self._known))]
        return known[1]


def parse(raw: str) -> list[tuple[str, str]]:
    """Parameters in order; brackets may be percent-encoded or not."""
    return parse_qsl(raw, keep_blank_values=True)


def order_of(table: str, given: Mapping[str, str]) -> tuple[str | None, bool]:
    """The column to order by, None for the API's own order, and whether it descends."""
    for name, value in given.items():
        column = _ORDERS.get(table, {}).get(name.removeprefix("orders[").removesuffix("]"))
        if name.startswith("orders[") and column:
            return column, value.upper() == "DESC"
    return None, False


def _between(
    ids: Sequence[int], given: Mapping[str, str], *, ascending: bool
) -> tuple[Sequence[int], int, int]:
    """Key-set paging: ids, and from where to where they match; no search when ids ascend."""
    above = _whole(given.get("id_greater"), 0)
    below = _whole(given.get("id_less"), 1 << 62)
    if ascending:
        return ids, bisect_right(ids, above), max(bisect_left(ids, below), bisect_right(ids, above))
    found = [row_id for row_id in ids if above < row_id < below]
    return found, 0, len(found)


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default
