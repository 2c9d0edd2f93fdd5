"""Contacts and what hangs on them: tags, field values, accounts, scores."""

from penstock.sandbox.activecampaign.clock import ZERO_TIME
from penstock.sandbox.activecampaign.dice import Dice
from penstock.sandbox.activecampaign.makers import words
from penstock.sandbox.activecampaign.makers.fields import CHOICES, field_type
from penstock.sandbox.activecampaign.makers.fill import fill
from penstock.sandbox.activecampaign.makers.sizes import id_at
from penstock.sandbox.activecampaign.makers.world import Maker, Row, Start, World

_SCORED_EVERY = 10
_ODD, _ODD_TOO = 2_654_435_761, 40_503


def contact(world: World, position: int, start: Start) -> Row:
    """All 46 members written out, since this table is the biggest and must be made fast."""
    dice, clock = start.dice, world.clock
    email = contact_email(world.seed, position)
    local, domain = email.split("@")
    first, last = _name(dice, words.FIRST_NAMES), _name(dice, words.LAST_NAMES)
    created, updated = clock.naive(start.created), clock.naive(start.updated)
    bounced = dice.chance(6)
    seen = dice.chance(30)
    row: Row = {
        "cdate": clock.offset(start.created),
        "email": email,
        "phone": dice.pick(("", "", None, f"+33 6 {dice.below(90000000) + 10000000}")),
        "firstName": first,
        "lastName": last,
        "orgid": "0",
        "orgname": "",
        "segmentio_id": "",
        "bounced_hard": "1" if bounced else "0",
        "bounced_soft": str(dice.below(3)) if bounced else "0",
        "bounced_date": clock.day(start.updated) if bounced else dice.pick((None, "0000-00-00")),
        "ip": str(dice.below(1 << 32)),
        "ua": None if dice.chance(80) else "Mozilla/5.0 (X11; Linux x86_64)",
        "hash": dice.hexes(32),
        "socialdata_lastcheck": dice.pick((ZERO_TIME, None, created)),
        "email_local": "" if dice.chance(90) else local,
        "email_domain": domain,
        "sentcnt": str(dice.below(60)),
        "rating_tstamp": dice.pick((None, None, "0000-00-00", clock.day(start.updated))),
        "gravatar": str(dice.below(3)),
        "deleted": "0",
        "anonymized": "0",
        "adate": clock.offset(start.updated) if seen else None,
        "udate": clock.offset(start.updated),
        "edate": clock.offset(start.created) if seen and dice.chance(50) else None,
        "deleted_at": None if dice.chance(90) else ZERO_TIME,
        "created_utc_timestamp": created,
        "updated_utc_timestamp": updated,
        "created_timestamp": created,
        "updated_timestamp": updated,
        "created_by": dice.pick((None, "0", "1")),
        "updated_by": dice.pick((None, "0", "1")),
        "mpp_tracking": "1" if dice.chance(20) else "0",
        "last_click_date": clock.offset(start.updated) if seen and dice.chance(40) else None,
        "last_open_date": clock.offset(start.updated) if seen else None,
        "last_mpp_open_date": None,
        "best_send_hour": dice.pick((None, None, "", str(dice.below(24)))),
        "sms_consent": dice.pick((None, None, "0", "1")),
        "sms_consent_updated_at": None,
        "whatsapp_id": None,
        "whatsapp_username": None,
        "scoreValues": [str(id_at("contacts", position))] if is_scored(position) else [],
        "accountContacts": world.children("account_contacts", "contacts", position),
        "organization": None,
    }
    if dice.chance(3):
        row["email_empty"] = False
    return row


def _name(dice: Dice, names: tuple[str, ...]) -> str | None:
    throw = dice.below(100)
    if throw < 84:
        return dice.pick(names)
    if throw < 90:
        return dice.pick(words.AWKWARD)
    return "" if throw < 96 else None


def contact_email(seed: int, position: int) -> str:
    """Unique, in no order of positions, and made without dice: a million of them are sorted.

    The product of an odd number takes each value below 2**32 once, so the first eight digits
    differ between any two contacts.
    """
    mixed = (position * _ODD + seed * _ODD_TOO) % (1 << 32)
    tag = words.TAGS[mixed % 8]
    return f"{mixed:08x}.{tag}{position}@{words.DOMAINS[mixed // 8 % len(words.DOMAINS)]}"


def is_scored(position: int) -> bool:
    return position % _SCORED_EVERY == 3


def score_value(world: World, position: int) -> Row:
    """The sideload row `scoreValues` of a scored contact; it has the contact's id."""
    start = world.start("contacts", position)
    own = str(id_at("contacts", position))
    return {
        "score": world.reference("scores", position),
        "contact": own,
        "deal": None,
        "cdate": world.clock.offset(start.created),
        "mdate": world.clock.offset(start.updated),
        "scoreValue": str(start.dice.below(500)),
        "links": {"score": f"/api/3/scoreValues/{own}/score"},
        "id": own,
    }


def contact_tag(world: World, position: int, start: Start) -> Row:
    contacts = max(world.sizes["contacts"], 1)
    owner, turn = position % contacts, position // contacts
    # Another tag at each turn, so that no contact has the same tag twice.
    tag = Dice(f"{world.seed}/tag of/{owner}").below(max(world.sizes["tags"], 1)) + turn
    return fill(world, "contact_tags", start) | {
        "contact": world.reference("contacts", owner),
        "tag": world.reference("tags", tag),
    }


def field_value(world: World, position: int, start: Start) -> Row:
    contacts = max(world.sizes["contacts"], 1)
    owner = world.reference("contacts", position % contacts)
    # Another field at each turn, so that no contact has the same field twice.
    field = (position % contacts + position // contacts) % world.field_count
    return fill(world, "contact_custom_field_values", start) | {
        "contact": owner,
        "field": world.reference("contact_custom_fields", field),
        "value": _text_value(field_type(field), start),
        "owner": owner,
    }


def _text_value(kind: str, start: Start) -> str | None:
    """What a contact's custom field holds: always text, many values between double pipes."""
    dice = start.dice
    if dice.chance(8):
        return dice.pick((None, ""))
    match kind:
        case "checkbox" | "listbox":
            chosen = [choice for choice in CHOICES if dice.chance(50)]
            return f"||{'||'.join(chosen)}||" if chosen else "||||"
        case "dropdown" | "radio":
            return dice.pick(CHOICES)
        case "date":
            return f"20{dice.below(20) + 10}-{dice.below(12) + 1:02}-{dice.below(28) + 1:02}"
        case "datetime":
            return f"2025-{dice.below(12) + 1:02}-11T{dice.below(24):02}:30:00-06:00"
        case "number" | "currency":
            return f"{dice.below(100000) / 100}"
    return dice.pick(words.AWKWARD) if dice.chance(15) else dice.pick(words.SENTENCES)


def account(world: World, position: int, start: Start) -> Row:
    dice = start.dice
    owner = world.any_of("users", dice)
    return fill(world, "accounts", start) | {
        "name": f"{dice.pick(words.COMPANIES)} {position + 1}",
        "accountUrl": dice.pick((None, "", f"https://firm{position}.example")),
        "owner": dice.pick((owner, owner, int(owner), None)),
        "contactCount": "0",
        "dealCount": "0",
    }


def account_contact(world: World, position: int, start: Start) -> Row:
    return fill(world, "account_contacts", start) | {
        "account": world.any_of("accounts", start.dice),
        "contact": world.reference("contacts", position),
        "jobTitle": start.dice.pick((*words.JOBS, None, "")),
    }


MAKERS: dict[str, Maker] = {
    "contacts": contact,
    "contact_tags": contact_tag,
    "contact_custom_field_values": field_value,
    "accounts": account,
    "account_contacts": account_contact,
}
