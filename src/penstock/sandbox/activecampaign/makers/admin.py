"""The account itself: users, groups, limits, brandings, addresses, calendars."""

from penstock.sandbox.activecampaign.makers import words
from penstock.sandbox.activecampaign.makers.fill import fill
from penstock.sandbox.activecampaign.makers.world import Maker, Row, Start, World

_LANGUAGES = (
    ("french", "Europe/Paris"),
    ("english", "America/Chicago"),
    ("german", "Europe/Berlin"),
)

# The group of full rights is the third one in real accounts.
ADMIN_GROUP = 3


def user(world: World, position: int, start: Start) -> Row:
    first = words.FIRST_NAMES[position % len(words.FIRST_NAMES)]
    last = words.LAST_NAMES[position % len(words.LAST_NAMES)]
    lang, zone = start.dice.pick(_LANGUAGES)
    return fill(world, "users", start) | {
        "username": f"{first[0].lower()}.{last.lower().replace(' ', '')}",
        "firstName": first,
        "lastName": last,
        "email": f"user{position + 1}@acme.example",
        "phone": start.dice.pick(("", None)),
        "signature": start.dice.pick((None, "NULL", "<p>Bis bald</p>")),
        "lang": lang,
        "localZoneid": zone,
        "mfaEnabled": "0",
        "roles": None,
    }


def group(world: World, position: int, start: Start) -> Row:
    admin = position + 1 == ADMIN_GROUP
    return fill(world, "groups", start) | {
        "title": ("Visitor", "Vertrieb", "Admin", "Marketing")[position % 4],
        "p_admin": "1" if admin else "0",
        "reqApproval1st": "2",
    }


def group_limit(world: World, position: int, start: Start) -> Row:
    owner = world.reference("groups", position)
    return fill(world, "group_limits", start) | {
        "groupid": owner,
        "group": owner,
        "limitMailType": "month",
        "limitCampaignType": "month",
        "limitAttachment": "-1",
        "abuseRatio": "4",
    }


def branding(world: World, position: int, start: Start) -> Row:
    return fill(world, "brandings", start) | {
        "groupid": world.reference("groups", position),
        "siteName": "Acme Mail",
        "siteLogo": "https://acme.example/logo.png",
        "headerHtmlValue": "<p>Hello</p>",
        "adminTemplateCss": "body { color: #333; }",
        # A display flag, not an object of URLs as everywhere else.
        "links": "1",
    }


def address(world: World, position: int, start: Start) -> Row:
    return fill(world, "addresses", start) | {
        "companyName": words.COMPANIES[position % len(words.COMPANIES)],
        "address1": "12 rue des Écoles",
        "address2": "",
        "city": words.CITIES[position % len(words.CITIES)],
        "zip": "69003",
        "country": "FR",
        "isDefault": "0" if position else "1",
    }


def calendar(world: World, position: int, start: Start) -> Row:
    return fill(world, "calendar_feeds", start) | {
        "title": f"Vertrieb {position + 1}",
        "type": "All",
        "userid": world.any_of("users", start.dice),
        "token": start.dice.hexes(32),
        "notification": "0",
    }


MAKERS: dict[str, Maker] = {
    "users": user,
    "groups": group,
    "group_limits": group_limit,
    "brandings": branding,
    "addresses": address,
    "calendar_feeds": calendar,
}
