"""Paths below a single record, e.g. /ecomOrders/{id}/orderProducts."""

from penstock.sandbox.activecampaign.account import Account
from penstock.sandbox.activecampaign.children import Children
from penstock.sandbox.activecampaign.store import Store

# Parent table and last part of the path -> child table and its foreign key.
_NESTED = {
    ("contacts", "contactTags"): ("contact_tags", "contact"),
    ("contacts", "fieldValues"): ("contact_custom_field_values", "contact"),
    ("contacts", "accountContacts"): ("account_contacts", "contact"),
    ("contacts", "contactDeals"): ("secondary_contacts", "contact"),
    ("contacts", "deals"): ("deals", "contact"),
    ("accounts", "accountContacts"): ("account_contacts", "account"),
    ("accounts", "accountCustomFieldData"): ("account_custom_field_values", "accountId"),
    ("deals", "contactDeals"): ("secondary_contacts", "deal"),
    ("deals", "dealCustomFieldData"): ("deal_custom_field_values", "dealId"),
    ("deal_roles", "contactDeals"): ("secondary_contacts", "role"),
    ("ecommerce_orders", "orderProducts"): ("ecommerce_order_products", "ecomOrder"),
    ("connections", "customers"): ("ecommerce_customers", "connection"),
    ("pipelines", "stages"): ("stages", "group"),
    ("groups", "groupLimit"): ("group_limits", "group"),
    ("task_outcomes", "tasktypeOutcomeRels"): ("task_type_outcome_relations", "outcome"),
    ("task_outcomes", "dealTasks"): ("tasks", "outcomeId"),
}


def nested(
    account: Account, children: Children, parent: Store, parent_id: int, name: str
) -> tuple[str, list[bytes]] | None:
    """Envelope and encoded rows; None when the API has no such path (or we do not offer it)."""
    if (parent.table.name, name) not in _NESTED:
        return None
    table, column = _NESTED[parent.table.name, name]
    store = account.store(table)
    found = children.of(table, column, parent_id)
    return store.table.envelope, [store.encoded(row_id) for row_id in found]
