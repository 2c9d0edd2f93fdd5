"""Write docs/reference/ from the cards and the commands, or check that it is up to date."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import block_docs
import card_docs
from penstock.cli.main import build
from penstock.core import metadata
from penstock.core.cards import Card
from penstock.core.registry import Registry

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
MADE = "<!-- Made by `make docs` from {source}. Change that, not this file. -->\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when stale")
    options = parser.parse_args()
    wanted = pages()
    if options.check:
        stale = differing(wanted)
        for path in stale:
            print(f"docs/reference/{path} is not up to date: run `make docs`.")
        return 1 if stale else 0
    _write(wanted)
    print(f"Wrote {len(wanted)} pages of docs/reference/.")
    return 0


def pages() -> dict[str, str]:
    """All reference pages: text by path below docs/reference/."""
    cards = list(Registry.scan())
    made = {"README.md": _index(cards), "commands.md": _commands(), "cards.md": _cards()}
    made["blocks.md"] = MADE.format(source="the blocks") + "\n" + block_docs.page()
    for card in cards:
        made[f"{card.role}s/{card.name}.md"] = _connector(card)
    return made


def differing(wanted: dict[str, str]) -> list[str]:
    """Pages that are missing, differ from what they should be, or should not be there."""
    there = {
        str(path.relative_to(REFERENCE)): path.read_text(encoding="utf-8")
        for path in REFERENCE.rglob("*.md")
    }
    return sorted(
        path for path in there.keys() | wanted.keys() if there.get(path) != wanted.get(path)
    )


def _write(wanted: dict[str, str]) -> None:
    for path in differing(wanted):
        target = REFERENCE / path
        if path not in wanted:
            target.unlink()
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(wanted[path], encoding="utf-8")


def commands() -> list[str]:
    """Names of the commands, in the order in which `penstock --help` lists them.

    Those of a group follow with the group's name before theirs.
    """
    app = build()
    grouped = [
        f"{group.name} {command.name}"
        for group in app.registered_groups
        if group.typer_instance
        for command in group.typer_instance.registered_commands
    ]
    return [*(str(command.name) for command in app.registered_commands), *grouped]


def _index(cards: list[Card]) -> str:
    lines = [
        MADE.format(source="the cards"),
        "# Reference",
        "",
        "- [Commands](commands.md)",
        "- [`penstock.yaml` and the environment](../configuration.md)",
        "- [Error codes](../errors.md)",
        "- [Transformation blocks](blocks.md)",
        "- [Cards, for those who add connectors](cards.md)",
    ]
    for role in ("source", "destination"):
        lines += ["", f"## {role.capitalize()}s", ""]
        lines += [
            f"- [{card.title}]({role}s/{card.name}.md): {card.summary}"
            for card in cards
            if card.role == role
        ]
    return "\n".join([*lines, ""])


def _cards() -> str:
    return MADE.format(source="the classes that read a card") + "\n" + card_docs.page()


def _commands() -> str:
    lines = [
        MADE.format(source="the program's own help"),
        "# Commands",
        "",
        *_shown("--help"),
    ]
    for name in commands():
        lines += ["", f"## penstock {name}", "", *_shown(*name.split(), "--help")]
    return "\n".join([*lines, ""])


def _shown(*line: str) -> Iterator[str]:
    yield "```"
    yield from (row.rstrip() for row in _run(*line).rstrip().splitlines())
    yield "```"


def _run(*line: str) -> str:
    """What the program prints, in a terminal of 90 columns without colour."""
    environ = {**os.environ, "COLUMNS": "90", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "penstock", *line],
        capture_output=True, text=True, check=True, env=environ,
    ).stdout  # fmt: skip


def _connector(card: Card) -> str:
    told = [json.loads(line) for line in _run("connectors", card.name, "--json").splitlines()]
    facts = next(fact for fact in told if fact["role"] == card.role)
    lines = [
        MADE.format(source="the connector's card"),
        f"# {card.title} ({card.role})",
        "",
        f"{card.summary}" if card.summary else f"`type: {card.name}`",
        "",
        f"In `penstock.yaml`: `type: {card.name}`.",
        *_needs(card),
        "",
        "## Settings",
        "",
        "| setting | needed | default | about |",
        "|---|---|---|---|",
        *(_setting(row) for row in facts["settings"]),
        *_listed("Load modes", facts["modes"]),
        *_listed("Limits", facts["limits"]),
        *_objects(card),
    ]
    return "\n".join([*lines, ""])


def _needs(card: Card) -> list[str]:
    if not card.requires:
        return []
    return [f"Its driver is installed by `{card.install_line}`."]


def _setting(row: dict[str, Any]) -> str:
    default = "" if row["default"] is None else f"`{row['default']}`"
    about = f"{row['label']}. {row['about']}".removeprefix(". ")
    secret = " (secret)" if row["secret"] else ""
    needed = f"without `{row['required_unless']}`" if row["required_unless"] else ""
    needed = "yes" if row["required"] else needed
    return f"| `{row['setting']}` | {needed} | {default} | {_cell(about)}{secret} |"


def _listed(title: str, items: list[str]) -> list[str]:
    return ["", f"## {title}", "", *(f"- {item}" for item in items)] if items else []


def _objects(card: Card) -> list[str]:
    """The objects of a source that declares them, with key and cursor."""
    if card.rest is None:
        return []
    from penstock.sdk.rest.spec import load_spec

    streams = load_spec(card).streams
    rows = []
    for name, stream in sorted(streams.items()):
        cursor = f"`{stream.cursor.field}`" if stream.cursor else ""
        rows.append(_row(name, stream.title, _key(stream.primary_key), cursor, f"`{stream.path}`"))
        for part, side in sorted(stream.sideloads.items()):
            rows.append(_row(part, side.title, _key(side.primary_key), "", f"with `{name}`"))
    return [
        "", f"## Objects ({len(rows)})", "",
        "| object | what | key | changes by | read from |", "|---|---|---|---|---|", *rows,
    ]  # fmt: skip


def _key(fields: tuple[str, ...]) -> tuple[str, ...]:
    """The key of a table: a generated one where the source gives none."""
    return fields or metadata.GENERATED_KEY


def _row(name: str, title: str, key: tuple[str, ...], cursor: str, place: str) -> str:
    keys = ", ".join(f"`{part}`" for part in key)
    return f"| `{name}` | {_cell(title)} | {keys} | {cursor} | {place} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
