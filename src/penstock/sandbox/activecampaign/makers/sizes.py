"""How many rows each table has, and which ids they carry."""

from collections.abc import Mapping

# Rows per 1000 contacts; many contacts have tags and field values, few have deals.
PER_THOUSAND = {
    "contacts": 1000,
    "contact_tags": 3000,
    "contact_custom_field_values": 4000,
    "accounts": 100,
    "account_contacts": 250,
    "account_custom_field_values": 200,
    "deals": 250,
    "deal_custom_field_values": 500,
    "secondary_contacts": 50,
    "tasks": 125,
    "ecommerce_customers": 330,
    "ecommerce_orders": 500,
    "ecommerce_order_products": 1000,
}

FIXED = {
    "account_custom_fields": 6,
    "addresses": 3,
    "automations": 24,
    "brandings": 3,
    "calendar_feeds": 4,
    "campaigns": 120,
    "connections": 3,
    "contact_custom_fields": 12,
    "deal_custom_fields": 8,
    "deal_roles": 4,
    "forms": 9,
    "groups": 4,
    "group_limits": 4,
    "lists": 7,
    "messages": 110,
    "pipelines": 5,
    "saved_responses": 12,
    "scores": 4,
    "segments": 15,
    "stages": 25,
    "tags": 45,
    "task_outcomes": 6,
    "task_types": 5,
    "task_type_outcome_relations": 8,
    "users": 8,
}

# A row was deleted long ago after each run of this many, so ids have gaps.
GAPS = {"contacts": 19, "deals": 11, "contact_tags": 37, "ecommerce_orders": 23}
_NO_GAP = 1 << 62


def sizes(contacts: int, wanted: Mapping[str, int]) -> dict[str, int]:
    """Rows of every table at the start.

    Raises:
        ValueError: a wanted size names no table or is negative.
    """
    found = {name: _scaled(contacts, share) for name, share in PER_THOUSAND.items()} | FIXED
    for name, size in wanted.items():
        if name not in found or size < 0:
            raise ValueError(f"No size {size} for {name!r}; tables: {', '.join(sorted(found))}.")
    return found | dict(wanted)


def _scaled(contacts: int, per_thousand: int) -> int:
    return max(contacts * per_thousand // 1000, min(contacts, 1))


def id_at(table: str, position: int) -> int:
    """The id of the row at a zero-based position."""
    return 1 + position + position // GAPS.get(table, _NO_GAP)


def position_of(table: str, row_id: int) -> int:
    """Reverse of `id_at`, for ids that it gives."""
    gap = GAPS.get(table, _NO_GAP)
    runs, within = divmod(row_id - 1, gap + 1)
    return runs * gap + within


def all_ids(table: str, size: int) -> range | list[int]:
    """The ids of the first `size` rows, ascending."""
    if table not in GAPS:
        return range(1, size + 1)
    gap = GAPS[table]
    return [
        run + place for run in range(1, size + 2 + size // gap, gap + 1) for place in range(gap)
    ][:size]
