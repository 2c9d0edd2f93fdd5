"""Rows by their foreign key, against a look at every row."""

from random import Random

import pytest

from penstock.sandbox.activecampaign.account import Account
from penstock.sandbox.activecampaign.children import Children
from penstock.sandbox.activecampaign.options import SandboxOptions

KEYS = [
    ("account_contacts", "contact", "contacts"),
    ("account_custom_field_values", "accountId", "accounts"),
    ("contact_custom_field_values", "contact", "contacts"),
    ("contact_tags", "contact", "contacts"),
    ("deal_custom_field_values", "dealId", "deals"),
    ("deals", "contact", "contacts"),
    ("ecommerce_order_products", "ecomOrder", "ecommerce_orders"),
    ("stages", "group", "pipelines"),
]


def looked_for(account: Account, table: str, column: str, parent_id: int) -> list[int]:
    store = account.store(table)
    return [i for i in store.ids if str(store.full(i).get(column)) == str(parent_id)]


@pytest.mark.parametrize(("table", "column", "parents"), KEYS)
def test_they_are_those_that_name_the_parent_while_rows_change(
    table: str, column: str, parents: str
) -> None:
    account = Account(SandboxOptions(contacts=60))
    children, chance = Children(account), Random(7)
    families = list(account.store(parents).ids)

    def agree() -> None:
        for parent in families:
            assert children.of(table, column, parent) == looked_for(account, table, column, parent)

    agree()
    for _ in range(8):
        ids = list(account.store(table).ids)
        account.update(table, chance.choice(ids), anything="else")
        account.update(table, chance.choice(ids), **{column: str(chance.choice(families))})
        account.delete(table, chance.choice(ids))
        account.add(table, **{column: str(chance.choice(families))})
        agree()
