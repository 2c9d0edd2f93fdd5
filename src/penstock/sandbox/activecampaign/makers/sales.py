"""Deals, pipelines, stages, tasks and the people on deals."""

from penstock.sandbox.activecampaign.clock import ZERO_TIME
from penstock.sandbox.activecampaign.makers import words
from penstock.sandbox.activecampaign.makers.fill import fill
from penstock.sandbox.activecampaign.makers.world import Maker, Row, Start, World

_DAY = 86_400
_TITLES = ("Neu", "Contacted", "Verhandlung", "Won?", "Parked")


def deal(world: World, _position: int, start: Start) -> Row:
    """A deal as its owner sees it; redacted ones are cut down where they are served."""
    dice, clock = start.dice, world.clock
    account = dice.pick((None, "0", world.any_of("accounts", dice)))
    task = world.any_of("tasks", dice) if dice.chance(30) else None
    stage = dice.below(max(world.sizes["stages"], 1))
    row = fill(world, "deals", start) | {
        "hash": dice.hexes(8),
        "owner": world.any_of("users", dice),
        "contact": None if dice.chance(4) else world.any_of("contacts", dice),
        "organization": None,
        "group": world.reference("pipelines", stage),
        "stage": world.reference("stages", stage),
        "title": f"{dice.pick(words.SUBJECTS)} {dice.pick(words.LAST_NAMES)}",
        "description": dice.pick(("", None, *words.SENTENCES)),
        "percent": "0",
        "nextdate": clock.offset(start.updated + 9 * _DAY) if task else None,
        "nexttaskid": task or dice.pick((None, "0")),
        "value": str(dice.below(9_000_000)),
        "currency": dice.pick(words.CURRENCIES),
        "winProbability": dice.pick((None, dice.below(101))),
        "status": str(dice.below(3)),
        "edate": dice.pick((None, None, ZERO_TIME, clock.naive(start.updated))),
        "isDisabled": False if dice.chance(90) else 0,
        "account": account,
        "customerAccount": account,
    }
    if "nextTask" in row:
        row["nextTask"] = task
    return row


def redacted(row: Row) -> Row:
    """What is left of a deal in a pipeline that the token's user may not see."""
    return {"title": row["title"], "status": row["status"], "id": row["id"], "isDisabled": True}


def pipeline(world: World, position: int, start: Start) -> Row:
    return fill(world, "pipelines", start) | {
        "title": f"{start.dice.pick(words.SUBJECTS)} {position + 1}",
        "currency": start.dice.pick(words.CURRENCIES),
        "udate": start.dice.pick((None, world.clock.slipped(start.updated))),
        "source": "",
        "count": str(world.sizes["deals"] // max(world.sizes["pipelines"], 1)),
        "stages": world.children("stages", "pipelines", position),
    }


def stage(world: World, position: int, start: Start) -> Row:
    with_pipeline = position < 2 * world.sizes["pipelines"]
    return fill(world, "stages", start) | {
        "group": world.reference("pipelines", position),
        "title": _TITLES[position // max(world.sizes["pipelines"], 1) % len(_TITLES)],
        "color": start.dice.hexes(6).upper(),
        "order": str(position // max(world.sizes["pipelines"], 1) + 1),
        "width": "280",
        "dealOrder": "next-action DESC",
        "cardRegion1": "title",
        "cdate": None if with_pipeline else world.clock.offset(start.created),
        "udate": None if with_pipeline else world.clock.slipped(start.updated),
    }


def role(world: World, position: int, start: Start) -> Row:
    titles = ("Décideur", "Influencer", "Champion", "Buyer")
    return fill(world, "deal_roles", start) | {"title": titles[position % len(titles)]}


def secondary_contact(world: World, _position: int, start: Start) -> Row:
    row = fill(world, "secondary_contacts", start) | {
        "deal": world.any_of("deals", start.dice),
        "contact": world.any_of("contacts", start.dice),
    }
    if "role" in row:
        row["role"] = start.dice.pick((None, world.any_of("deal_roles", start.dice)))
    return row


def task(world: World, _position: int, start: Start) -> Row:
    dice, clock = start.dice, world.clock
    kind = dice.pick(("contact", "deal"))
    owner = world.any_of(f"{kind}s", dice)
    done = dice.below(2)
    row = fill(world, "tasks", start) | {
        "title": dice.pick((None, "", *words.SUBJECTS)),
        "relid": owner,
        "reltype": "Deal" if kind == "deal" else "Subscriber",
        "dealTasktype": world.any_of("task_types", dice),
        "user": world.any_of("users", dice),
        "assignee": dice.pick((None, world.any_of("users", dice))),
        "automation": None if dice.chance(80) else world.any_of("automations", dice),
        "doneAutomation": None,
        "duedate": clock.offset(start.updated + _DAY) if dice.chance(90) else None,
        "edate": clock.offset(start.updated + _DAY + 900) if dice.chance(80) else None,
        "status": done,
        "note": dice.pick((None, "", *words.SENTENCES)),
        "owner": {"type": kind, "id": owner},
        "outcomeId": int(world.any_of("task_outcomes", dice)) if done else None,
        "outcomeInfo": "ok" if done else None,
    }
    # These two are on single records only.
    row.pop("duration", None)
    row.pop("donedate", None)
    return row


def task_outcome(world: World, position: int, start: Start) -> Row:
    return fill(world, "task_outcomes", start) | {
        "title": f"Messagerie {position + 1}",
        "sentiment": ("POSITIVE", "NEUTRAL", "NEGATIVE")[position % 3],
        "dealTasktype_ids": [world.any_of("task_types", start.dice)] if position % 2 else [],
    }


def task_type(world: World, position: int, start: Start) -> Row:
    row = fill(world, "task_types", start) | {
        "title": ("Appel", "E-Mail", "Meeting", "To-do", "Besuch")[position % 5],
        "status": "0",
        "outcomes": [] if position % 2 else None,
        "links": [],
    }
    if position < 2:
        # Built-in types were never created by anybody.
        names = ("cdate", "udate", "created_utc_timestamp", "updated_utc_timestamp")
        row |= dict.fromkeys((*names, "created_by", "updated_by"))
    return row


def outcome_relation(world: World, position: int, start: Start) -> Row:
    kind = world.reference("task_types", position)
    outcome = world.reference("task_outcomes", position)
    return fill(world, "task_type_outcome_relations", start) | {
        "tasktype_id": kind,
        "outcome_id": outcome,
        "tasktype": kind,
        "outcome": outcome,
        "display_order": str(position),
    }


MAKERS: dict[str, Maker] = {
    "deals": deal,
    "pipelines": pipeline,
    "stages": stage,
    "deal_roles": role,
    "secondary_contacts": secondary_contact,
    "tasks": task,
    "task_outcomes": task_outcome,
    "task_types": task_type,
    "task_type_outcome_relations": outcome_relation,
}
