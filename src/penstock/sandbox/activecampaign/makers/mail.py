"""Campaigns, messages, automations, forms, lists, tags, segments and scores."""

from penstock.sandbox.activecampaign.clock import ZERO_TIME
from penstock.sandbox.activecampaign.makers import words
from penstock.sandbox.activecampaign.makers.fill import fill
from penstock.sandbox.activecampaign.makers.world import Maker, Row, Start, World

_HTML = "<!DOCTYPE html><html><body><table>{body}</table></body></html>"


def campaign(world: World, position: int, start: Start) -> Row:
    dice, clock = start.dice, world.clock
    sent = dice.chance(70)
    user = world.any_of("users", dice)
    automation = None if dice.chance(70) else world.any_of("automations", dice)
    return fill(world, "campaigns", start) | {
        "type": dice.pick(("single", "responder", "split", "recurring")),
        "userid": user,
        "segmentid": "0",
        "bounceid": "-1",
        "seriesid": automation or "0",
        "name": f"{dice.pick(words.SENTENCES)} {position + 1}",
        "sdate": clock.offset(start.updated) if sent else None,
        "ldate": clock.offset(start.updated + 600) if sent else None,
        "status": "5" if sent else str(dice.below(5)),
        "tracklinks": "all",
        "ip": "171971665",
        "ip4": "171971665",
        "series_send_lock_time": ZERO_TIME,
        "repair_timestamp": ZERO_TIME,
        "message_id": world.any_of("messages", dice),
        "groupLimitViolation": False,
        "user": user,
        "automation": automation,
    }


def message(world: World, position: int, start: Start) -> Row:
    """The whole mail is in the row: a few to some tens of kilobytes of text and HTML."""
    dice = start.dice
    user = world.any_of("users", dice)
    lines = [dice.pick(words.SENTENCES) for _ in range(8)]
    body = "\n".join(f"<tr><td style='padding:8px'>{line}</td></tr>" for line in lines)
    return fill(world, "messages", start) | {
        "userid": user,
        "user": user,
        "name": f"{dice.pick(words.SUBJECTS)} {position + 1}",
        "fromname": "Acme Outdoor",
        "fromemail": "news@acme.example",
        "charset": "utf-8",
        "encoding": "quoted-printable",
        "format": "mime",
        "subject": f"🌷 %FIRSTNAME%, {dice.pick(words.SENTENCES)}",
        "text": "\n".join(lines),
        "html": _HTML.format(body=body * (1 + dice.below(40))),
    }


def automation(world: World, position: int, start: Start) -> Row:
    return fill(world, "automations", start) | {
        "name": f"Welcome series 🎉 {position + 1}",
        "userid": world.any_of("users", start.dice),
        "status": start.dice.pick(("1", "2")),
        "defaultscreenshot": "//img-us1.example/default-series.gif",
    }


def form(world: World, position: int, start: Start) -> Row:
    """Empty containers are {} in one row and [] in the next, as PHP has it."""
    dice = start.dice
    empty: object = dice.pick(({}, []))
    entries = dice.below(900)
    return fill(world, "forms", start) | {
        "name": f"Newsletter {position + 1}",
        "actiondata": dice.pick(
            (
                empty,
                {"actions": [{"type": "subscribe-to-list", "list": world.any_of("lists", dice)}]},
            )
        ),
        "submit": "show-thank-you",
        "submitdata": dice.pick((empty, {"url": ""})),
        "layout": "inline-form",
        "style": dice.pick(
            (
                empty,
                {
                    "background": "FFFFFF",
                    "dark": True,
                    "button": {"padding": dice.pick((10, "10"))},
                },
            )
        ),
        "options": dice.pick((empty, {"blanks_overwrite": True, "optin_id": 1, "confform": "2"})),
        "cfields": dice.pick(
            ({}, [], [{"type": "header", "header": "Restez informés", "class": "_x41"}])
        ),
        "parentformid": "0",
        "userid": world.any_of("users", dice),
        "addressid": "0",
        "entries": dice.pick((entries, str(entries))),
        "recent": dice.pick(([], ["1"], [{"id": "1"}])),
        "address": None,
    }


def mailing_list(world: World, position: int, start: Start) -> Row:
    user = world.any_of("users", start.dice)
    return fill(world, "lists", start) | {
        "stringid": f"list-{position + 1}",
        "userid": user,
        "user": user,
        "name": f"Lettre {position + 1}",
        "channel": "email",
        "twitter_token": "",
        "twitter_token_secret": "",
        "facebook_session": None,
        "sender_url": "https://acme.example",
    }


def tag(world: World, position: int, start: Start) -> Row:
    return fill(world, "tags", start) | {
        "tagType": start.dice.pick(("contact", "contact", "contact", "template")),
        "tag": f"{words.TAGS[position % len(words.TAGS)]}-{position + 1}",
        "description": start.dice.pick(("", None, "Messe Köln")),
        "deleted": "0",
    }


def segment(world: World, position: int, start: Start) -> Row:
    uuid = "-".join(start.dice.hexes(count) for count in (8, 4, 4, 4, 12))
    return fill(world, "segments", start) | {
        "name": f"Actifs {position + 30} jours",
        "logic": start.dice.pick(("and", "or")),
        "seriesid": "0",
        "segmentid_v2": start.dice.pick((None, f"{uuid}{position}")),
        "links": [],
    }


def score(world: World, position: int, start: Start) -> Row:
    history = f"https://acme.example/api/3/scores/{position + 1}/scoreCalcHistory"
    return fill(world, "scores", start) | {
        "reltype": ("contact", "deal")[position % 2],
        "name": f"Engagement {position + 1}",
        "descript": "+10 par clic",
        "status": "1",
        "links": [] if position % 2 else {"scoreCalcHistory": history},
    }


def saved_response(world: World, position: int, start: Start) -> Row:
    dice = start.dice
    edited = dice.chance(50)
    return fill(world, "saved_responses", start) | {
        "title": f"Relance devis {position + 1}",
        "subject": "Votre devis",
        "body": f"<p>{dice.pick(words.SENTENCES)}</p>",
        "last_sent_user_id": world.any_of("users", dice) if edited else None,
        "mdate": world.clock.offset(start.updated) if edited else None,
    }


MAKERS: dict[str, Maker] = {
    "campaigns": campaign,
    "messages": message,
    "automations": automation,
    "forms": form,
    "lists": mailing_list,
    "tags": tag,
    "segments": segment,
    "scores": score,
    "saved_responses": saved_response,
}
