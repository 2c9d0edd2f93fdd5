"""The `meta` member: a total in three manners, and what single objects add to it."""

from collections.abc import Callable, Sequence

from penstock.sandbox.activecampaign.account import Account
from penstock.sandbox.activecampaign.makers.world import Row
from penstock.sandbox.activecampaign.store import Store

Query = Sequence[tuple[str, str]]


def meta(account: Account, store: Store, total: int, query: Query) -> Row | None:
    """None where the API sends no `meta`."""
    if store.table.meta_total == "absent":
        return None
    shown = total if store.table.meta_total == "integer" else str(total)
    more = _MORE.get(store.table.name)
    return {"total": shown} | (more(account, query) if more else {})


def _contacts(_account: Account, query: Query) -> Row:
    return {"sortable": True, "page_input": dict(query) | {"cacheid": "c1d6f2a09b"}}


def _deals(account: Account, _query: Query) -> Row:
    count = str(account.world.sizes["deals"])
    return {
        "currencies": {
            "EUR": {"total": count, "value": "0", "currency": "eur", "isDisabled": "0"},
        }
    }


def _automations(_account: Account, _query: Query) -> Row:
    starts = [{"id": "1", "series": "1", "type": "subscribe", "dealfield": None}]
    return {"starts": starts, "filtered": False, "smsLogs": []}


_MORE: dict[str, Callable[[Account, Query], Row]] = {
    "contacts": _contacts,
    "deals": _deals,
    "automations": _automations,
    "contact_custom_fields": lambda _account, _query: {"selected": None},
}
