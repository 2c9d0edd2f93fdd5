"""Custom fields of contacts, deals and accounts, and the values of the latter two."""

from penstock.sandbox.activecampaign.dice import Dice
from penstock.sandbox.activecampaign.makers import words
from penstock.sandbox.activecampaign.makers.fill import fill
from penstock.sandbox.activecampaign.makers.sizes import id_at
from penstock.sandbox.activecampaign.makers.world import Maker, Row, Start, World

CONTACT_TYPES = (
    "text", "dropdown", "date", "checkbox", "number", "textarea", "listbox", "radio", "datetime",
    "hidden", "currency",
)  # fmt: skip
META_TYPES = (
    "text",
    "currency",
    "multiselect",
    "number",
    "date",
    "checkbox",
    "dropdown",
    "textarea",
)
CHOICES = ("fr", "de", "Jährlich", "a|b", "日本語")
_WITH_CHOICES = frozenset(("dropdown", "radio", "checkbox", "listbox", "multiselect"))


def field_type(position: int) -> str:
    return CONTACT_TYPES[position % len(CONTACT_TYPES)]


def contact_field(world: World, position: int, start: Start) -> Row:
    kind = field_type(position)
    return fill(world, "contact_custom_fields", start) | {
        "title": f"{start.dice.pick(words.SUBJECTS)} {position + 1}",
        "type": kind,
        "perstag": f"FIELD_{position + 1}",
        "defval": None,
        "ordernum": str(position + 1),
        "options": option_ids(position),
        "relations": [str(id_at("contact_custom_fields", position))],
    }


def option_ids(position: int) -> list[str]:
    """Ids of a contact field's options: a block of ten ids belongs to each field."""
    if field_type(position) not in _WITH_CHOICES:
        return []
    return [str(position * 10 + at + 1) for at in range(len(CHOICES))]


def field_options(world: World, position: int) -> list[Row]:
    """The sideload rows `fieldOptions` of one contact field."""
    made = world.clock.offset(world.start("contact_custom_fields", position).created)
    return [
        {
            "field": str(id_at("contact_custom_fields", position)),
            "orderid": str(at + 1),
            "value": CHOICES[at],
            "label": CHOICES[at],
            "isdefault": "0",
            "cdate": made if at else None,
            "udate": made if at else None,
            "links": {"field": f"/api/3/fieldOptions/{option}/field"},
            "id": option,
        }
        for at, option in enumerate(option_ids(position))
    ]


def field_relation(world: World, position: int) -> Row:
    """The sideload row `fieldRels` of one contact field: it is shown on all lists."""
    return {
        "field": str(id_at("contact_custom_fields", position)),
        "relid": "0",
        "dorder": str(position),
        "cdate": world.clock.offset(world.start("contact_custom_fields", position).created),
        "links": [],
        "id": str(id_at("contact_custom_fields", position)),
    }


def _meta(world: World, table: str, position: int, start: Start) -> Row:
    """Fields of deals and accounts: flags and numbers are JSON integers here."""
    kind = META_TYPES[position % len(META_TYPES)]
    return fill(world, table, start) | {
        "fieldLabel": f"{start.dice.pick(words.SUBJECTS)} {position + 1}",
        "fieldType": kind,
        "fieldOptions": list(CHOICES) if kind in _WITH_CHOICES else None,
        "fieldDefault": _meta_default(kind, start.dice),
        "fieldDefaultCurrency": "eur" if kind == "currency" else None,
        "isFormVisible": start.dice.below(2),
        "isRequired": start.dice.below(2),
        "displayOrder": position + 1,
        "hideFieldFlag": 0,
        "personalization": f"FIELD_{position + 1}",
    }


def _meta_default(kind: str, dice: Dice) -> object:
    if dice.chance(50):
        return None
    return {"number": 5, "multiselect": [CHOICES[0]], "checkbox": [CHOICES[1]]}.get(kind, "")


def account_meta(world: World, position: int, start: Start) -> Row:
    return _meta(world, "account_custom_fields", position, start)


def deal_meta(world: World, position: int, start: Start) -> Row:
    return _meta(world, "deal_custom_fields", position, start)


def _data(world: World, names: tuple[str, str, str, str], position: int, start: Start) -> Row:
    """One value; `names` are its table, the parent's table, the metas' table and the parent key."""
    table, parents, metas, key = names
    count = max(world.sizes[parents], 1)
    # Another field at each turn, so that no parent has the same field twice.
    meta = position % count + position // count
    kind = META_TYPES[meta % max(world.sizes[metas], 1) % len(META_TYPES)]
    meta_id = int(world.reference(metas, meta))
    prefix = "account" if parents == "accounts" else "deal"
    row = fill(world, table, start) | {
        f"{prefix}CustomFieldMetumId": meta_id,
        key: int(world.reference(parents, position % count)),
        "customFieldId": meta_id,
        "fieldValue": _data_value(kind, start.dice),
    }
    row.pop("fieldCurrency", None)
    return row | {"fieldCurrency": "eur"} if kind == "currency" else row


def _data_value(kind: str, dice: Dice) -> object:
    """Text, whole cents, or a list; null when cleared."""
    if dice.chance(7):
        return None
    match kind:
        case "currency":
            return dice.below(5_000_000) - 100
        case "multiselect" | "checkbox":
            return [choice for choice in CHOICES if dice.chance(50)]
        case "number":
            return f"{dice.below(1_000_000) / 100}"
        case "date":
            return f"2025-{dice.below(12) + 1:02}-{dice.below(28) + 1:02}"
        case "dropdown":
            return dice.pick(CHOICES)
    return dice.pick(words.AWKWARD) if dice.chance(15) else dice.pick(words.SENTENCES)


def account_data(world: World, position: int, start: Start) -> Row:
    names = ("account_custom_field_values", "accounts", "account_custom_fields", "accountId")
    return _data(world, names, position, start)


def deal_data(world: World, position: int, start: Start) -> Row:
    names = ("deal_custom_field_values", "deals", "deal_custom_fields", "dealId")
    return _data(world, names, position, start)


MAKERS: dict[str, Maker] = {
    "contact_custom_fields": contact_field,
    "account_custom_fields": account_meta,
    "deal_custom_fields": deal_meta,
    "account_custom_field_values": account_data,
    "deal_custom_field_values": deal_data,
}
