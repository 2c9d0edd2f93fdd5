"""Single records: they differ from the same rows in a list."""

from penstock.sandbox.activecampaign.answer import Answer, error
from penstock.sandbox.activecampaign.makers.world import Row
from penstock.sandbox.activecampaign.store import Store

# A record that is not there answers 403 on these, 404 elsewhere.
_FORBIDDEN = frozenset(("forms", "groups", "contact_custom_field_values", "lists"))

# The API's error texts name its internal classes.
_CLASSES = {"contacts": "Subscriber", "pipelines": "DealGroup", "stages": "DealStage"}

_ONLY_IN_LISTS = {
    "lists": ("non_deleted_subscribers", "active_subscribers"),
    "pipelines": ("count",),
    "account_custom_field_values": ("accountCustomFieldMetumId",),
}
_AMOUNTS = ("state", "totalPrice", "discountAmount", "shippingAmount", "taxAmount", "totalProducts")


def missing(store: Store, row_id: str) -> Answer:
    """What is said about a record that does not exist."""
    if store.table.name in _FORBIDDEN:
        return error(403, "You do not have permission to access this resource")
    name = _CLASSES.get(
        store.table.name, store.table.singular[:1].upper() + store.table.singular[1:]
    )
    return error(404, f"No Result found for {name} with id {row_id}")


def as_single(table: str, row: Row) -> Row:
    """The row of a list as its own path shows it."""
    left_out = _ONLY_IN_LISTS.get(table, ())
    row = {name: value for name, value in row.items() if name not in left_out}
    match table:
        case "ecommerce_orders":
            return row | {name: str(row[name]) for name in _AMOUNTS if name in row}
        case "tasks":
            extra = {"status": str(row["status"]), "duration": "900", "donedate": None}
            return row | extra
        case "connections":
            return row | {name: int(row[name] or 0) for name in ("isInternal", "listId")}
    return row
