"""Rows of other tables that come with a page."""

from collections.abc import Mapping, Sequence

from penstock.sandbox.activecampaign.account import Account
from penstock.sandbox.activecampaign.children import Children
from penstock.sandbox.activecampaign.makers import fields, people
from penstock.sandbox.activecampaign.makers.sizes import position_of
from penstock.sandbox.activecampaign.makers.world import Row
from penstock.sandbox.activecampaign.store import Store

# `include=` on contacts: envelope -> table.
_INCLUDED = {"fieldValues": "contact_custom_field_values", "contactTags": "contact_tags"}


def sideloads(
    account: Account,
    children: Children,
    store: Store,
    ids: Sequence[int],
    given: Mapping[str, str],
) -> dict[str, list[bytes]]:
    """Members that stand before the envelope, as encoded rows."""
    match store.table.name:
        case "contacts":
            scores = {"scoreValues": [account.encode(row) for row in _score_values(account, ids)]}
            return scores | _included(account, children, ids, given)
        case "contact_custom_fields":
            return _field_parts(account, ids)
        case "pipelines":
            stages = account.store("stages")
            found = [at for i in ids for at in children.of("stages", "group", i)]
            return {"dealStages": [stages.encoded(at) for at in found]}
    return {}


def _field_parts(account: Account, ids: Sequence[int]) -> dict[str, list[bytes]]:
    positions = [position_of("contact_custom_fields", i) for i in ids]
    options = [row for at in positions for row in fields.field_options(account.world, at)]
    relations = [fields.field_relation(account.world, at) for at in positions]
    return {
        "fieldOptions": [account.encode(row) for row in options],
        "fieldRels": [account.encode(row) for row in relations],
    }


def _score_values(account: Account, ids: Sequence[int]) -> list[Row]:
    scored = [i for i in ids if people.is_scored(position_of("contacts", i))]
    return [people.score_value(account.world, position_of("contacts", i)) for i in scored]


def _included(
    account: Account, children: Children, ids: Sequence[int], given: Mapping[str, str]
) -> dict[str, list[bytes]]:
    wanted = given.get("include", "").split(",")
    found = {}
    for envelope, table in _INCLUDED.items():
        if envelope in wanted:
            store = account.store(table)
            rows = [row for i in ids for row in children.of(table, "contact", i)]
            found[envelope] = [store.encoded(row_id) for row_id in rows]
    return found
