"""The filters that the API knows; all others are ignored in silence."""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from penstock.sandbox.activecampaign.children import Children
from penstock.sandbox.activecampaign.clock import Clock
from penstock.sandbox.activecampaign.options import SandboxOptions
from penstock.sandbox.activecampaign.store import Store

Test = Callable[[int], bool]

# Filter -> column, where a row matches when the column holds the value.
_EQUAL: dict[str, dict[str, str]] = {
    "account_contacts": {"filters[contact]": "contact", "filters[account]": "account"},
    "account_custom_field_values": {"filters[customerAccountId]": "accountId"},
    "campaigns": {"filters[seriesid]": "seriesid", "filters[status]": "status"},
    "connections": {"filters[service]": "service", "filters[externalid]": "externalid"},
    "contacts": {"email": "email", "phone": "phone"},
    "contact_custom_fields": {"filters[perstag]": "perstag"},
    "contact_custom_field_values": {"filters[fieldid]": "field", "filters[val]": "value"},
    "deal_custom_field_values": {"filters[dealId]": "dealId"},
    "deals": {f"filters[{name}]": name for name in ("stage", "group", "status", "owner", "title")},
    "ecommerce_customers": {
        f"filters[{name}]": name for name in ("email", "externalid", "connectionid")
    },
    "ecommerce_orders": {
        f"filters[{name}]": name
        for name in ("connectionid", "externalid", "externalcheckoutid", "email", "state")
    }
    | {"filters[customerid]": "customerid"},
    "lists": {"filters[name]": "name"},
    "stages": {"filters[title]": "title", "filters[d_groupid]": "group"},
    "tasks": {
        **{f"filters[{name}]": name for name in ("title", "reltype", "relid", "status", "note")},
        "filters[duedate]": "duedate",
        "filters[d_tasktypeid]": "dealTasktype",
        "filters[userid]": "user",
        "filters[assignee_userid]": "assignee",
        "filters[outcome_id]": "outcomeId",
    },
}

# Filter -> column, where the column must contain the value.
_CONTAINS: dict[str, dict[str, str]] = {
    "accounts": {"search": "name"},
    "contacts": {"email_like": "email", "search": "email"},
    "deal_roles": {"search": "title"},
    "pipelines": {"filters[title]": "title"},
    "tags": {"search": "tag"},
}

# Filter with an operator in a second pair of brackets -> column.
_COMPARED = {"lists": {"name": "name"}, "tags": {"search": "tag"}}
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "eq": operator.eq, "neq": operator.ne, "lt": operator.lt, "lte": operator.le,
    "gt": operator.gt, "gte": operator.ge, "contains": operator.contains,
    "starts_with": str.startswith,
}  # fmt: skip
_WITH_OPERATOR = re.compile(r"filters\[(\w+)\]\[(\w+)\]")

# Filter -> column and comparison; bounds on amounts are whole units of money, rows hold cents.
_RANGES: dict[str, dict[str, tuple[str, Callable[[int, int], bool]]]] = {
    "deals": {
        "filters[minimum_value]": ("value", operator.ge),
        "filters[maximum_value]": ("value", operator.le),
    },
    "tasks": {
        "filters[due_after]": ("duedate", operator.ge),
        "filters[due_before]": ("duedate", operator.lt),
    },
}
_CENTS = 100

_SENTIMENTS = {"1": "NEGATIVE", "2": "NEUTRAL", "3": "POSITIVE"}
_TIMED = frozenset(("contacts", "deals"))


@dataclass(frozen=True)
class Filter:
    """A test of rows by id; `key` says the same thing in words, `column` what it looks at."""

    key: str
    column: str
    test: Test


def build(
    store: Store,
    query: Sequence[tuple[str, str]],
    options: SandboxOptions,
    clock: Clock,
    children: Children,
) -> list[Filter]:
    """The tests that a query asks for."""
    found = []
    for name, value in query:
        made = (
            _timed(store, name, value, options, clock)
            or _by_column(store, name, value)
            or _compared(store, name, value)
            or _ranged(store, name, value, clock)
            or _tagged(store, name, value, children)
        )
        if made:
            found.append(made)
    chosen = frozenset(value for name, value in query if name in ("ids[]", "ids"))
    if chosen and store.table.name == "contacts":
        found.append(Filter(f"ids {sorted(chosen)}", "id", lambda row_id: str(row_id) in chosen))
    return found


def _by_column(store: Store, name: str, value: str) -> Filter | None:
    table = store.table.name
    key = f"{name}={value}"
    if same := _EQUAL.get(table, {}).get(name):
        return Filter(key, same, lambda i: str(store.full(i).get(same)) == value)
    if holds := _CONTAINS.get(table, {}).get(name):
        part = value.casefold()
        return Filter(key, holds, lambda i: part in str(store.full(i).get(holds)).casefold())
    if table == "task_outcomes" and name == "filters[sentiment]":
        word = _SENTIMENTS.get(value)
        return Filter(key, "sentiment", lambda i: store.full(i)["sentiment"] == word)
    return None


def _compared(store: Store, name: str, value: str) -> Filter | None:
    """By name, in any case of letters, with one of eight operators."""
    match = _WITH_OPERATOR.fullmatch(name)
    column = _COMPARED.get(store.table.name, {}).get(match[1]) if match else None
    if match is None or column is None or match[2] not in _OPERATORS:
        return None
    compare, wanted = _OPERATORS[match[2]], value.casefold()

    def test(row_id: int) -> bool:
        return compare(str(store.full(row_id).get(column)).casefold(), wanted)

    return Filter(f"{name}={value}", column, test)


def _ranged(store: Store, name: str, value: str, clock: Clock) -> Filter | None:
    """Amounts of deals and due times of tasks; a bound that is neither is ignored."""
    column, compare = _RANGES.get(store.table.name, {}).get(name, ("", operator.eq))
    read: Callable[[str], int] = int if column == "value" else clock.instant
    bound = _read(read, value)
    if not column or bound is None:
        return None
    low = bound * _CENTS if column == "value" else bound

    def test(row_id: int) -> bool:
        held = _read(read, store.full(row_id).get(column))
        return held is not None and compare(held, low)

    return Filter(f"{name}={value}", column, test)


def _read(read: Callable[[str], int], value: object) -> int | None:
    """The number or instant; None where a row was given something else."""
    try:
        return read(str(value))
    except ValueError:
        return None


def _tagged(store: Store, name: str, value: str, children: Children) -> Filter | None:
    """Contacts that carry a tag."""
    if store.table.name != "contacts" or name != "tagid" or not value.isdecimal():
        return None
    # The tags are another table's rows: while they change, what was found before is void.
    key = f"tagid={value} {children.stamp('contact_tags', 'tag', 'contact')}"
    holders = cache(lambda: children.values("contact_tags", "tag", int(value), "contact"))
    return Filter(key, "id", lambda row_id: str(row_id) in holders())


def _timed(
    store: Store, name: str, value: str, options: SandboxOptions, clock: Clock
) -> Filter | None:
    """Changed-since and its three sisters, on contacts and deals."""
    if store.table.name not in _TIMED or options.filter_mode == "ignored":
        return None
    kind, _, side = name.removeprefix("filters[").removesuffix("]").partition("_")
    if not name.startswith("filters[") or (kind, side) not in _SIDES:
        return None
    bound = _bound(value, options, clock)
    if bound is None:
        return None
    low, high = bound
    time = store.created if kind == "created" else store.updated
    column = "cdate" if kind == "created" else store.table.cursor or "udate"
    key = f"{name} {bound}"
    if side == "before":
        return Filter(key, column, lambda row_id: time(row_id) < low)
    if options.strict_after and store.table.name == "contacts":
        return Filter(key, column, lambda row_id: time(row_id) >= high)
    return Filter(key, column, lambda row_id: time(row_id) >= low)


_SIDES = frozenset((kind, side) for kind in ("updated", "created") for side in ("after", "before"))


def _bound(value: str, options: SandboxOptions, clock: Clock) -> tuple[int, int] | None:
    """Where the given time begins and ends, in seconds; None when it is no time.

    By day, the time of day and the offset of the value do not count, and the day lasts from
    midnight to midnight in the account's zone. By instant it lasts one second.
    """
    try:
        if options.filter_mode == "day":
            return clock.day_bounds(value.strip()[:10])
        start = clock.instant(value)
    except ValueError:
        return None
    return start, start + 1
