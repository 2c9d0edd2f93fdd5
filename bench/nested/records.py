"""Nested records as a document store has them, the same for every tool and every time."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CITIES = ("Pune", "Oslo", "Lima", "São Paulo")


def records(count: int) -> Iterator[dict[str, Any]]:
    """Organisations: an object in an object, arrays of values, of objects, and arrays in those."""
    chance = random.Random(8)
    for number in range(count):
        yield {
            "_id": f"org_{number}",
            "name": f"Acme {number}",
            "active": number % 3 > 0,
            "address": {
                "street": f"{number} Main St",
                "city": chance.choice(CITIES),
                "geo": {
                    "lat": round(chance.uniform(-90, 90), 5),
                    "lon": round(chance.uniform(-180, 180), 5),
                },
                "tags": ["hq", "north"][: chance.randint(0, 2)],
            },
            "contacts": [_contact(chance, place) for place in range(chance.randint(0, 3))],
            "scores": [chance.randint(0, 100) for _ in range(chance.randint(0, 4))],
            "meta": {},
            "notes": None,
        }


def _contact(chance: random.Random, place: int) -> dict[str, Any]:
    phones = [str(chance.randint(100_000, 99_999_999)) for _ in range(chance.randint(0, 3))]
    return {"name": f"Ana {place}", "phones": phones}


def write(count: int, file: Path) -> None:
    """One record a line."""
    with file.open("w", encoding="utf-8") as lines:
        for record in records(count):
            lines.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
