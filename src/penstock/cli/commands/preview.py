"""`penstock preview`: the first rows as they would be loaded."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from penstock.cli.context import Cli, verb
from penstock.cli.table import Column, render

_NAMES_WIDTH = 34


def register(app: typer.Typer) -> None:
    verb(
        app, "preview", example="penstock preview crm_to_warehouse --object contacts -n 3"
    )(preview)  # fmt: skip


def preview(
    cli: Cli,
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="As named in the file.")],
    object_name: Annotated[str, typer.Option("--object", metavar="X", help="Object to read.")],
    rows: Annotated[int, typer.Option("-n", "--rows", min=1, max=1000, help="Rows to show.")] = 10,
) -> None:
    """Show the first rows as they would be loaded.

    Rows are transformed and named as for the destination. Writes nothing.
    """
    from penstock.worker import preview as first

    tables = first.preview(cli.workspace, pipeline, object_name, rows)
    for event_type, table in tables.items():
        found: list[dict[str, Any]] = table.to_pylist()
        made = {} if event_type == object_name else {"event_type": event_type}
        if cli.out.json:
            for row in found:
                cli.out.record({**made, **row})
            continue
        if made or len(tables) > 1:
            cli.out.say(f"{event_type}:")
        for line in _lines(found, cli.out.width) if found else ():
            cli.out.say(line)
        columns = table.num_columns
        cli.out.note(f"\n{len(found)} rows, {columns} columns. Nothing was written.")
    if not cli.out.json and not any(table.num_rows for table in tables.values()):
        cli.out.say(f"{object_name} has no rows.")


def _lines(rows: list[dict[str, Any]], width: int | None) -> list[str]:
    """A table where it fits, else one block of `column  value` lines for each row."""
    columns = [Column(name, _text) for name in rows[0]]
    lines = render(columns, rows, None)
    if width is None or max(map(len, lines)) <= width:
        return lines
    widest = min(_NAMES_WIDTH, max(len(name) for name in rows[0]))
    room = max(20, width - widest - 2)
    blocks = []
    for number, row in enumerate(rows, 1):
        blocks.append(f"-- row {number} " + "-" * 20)
        blocks += [f"{name:<{widest}}  {_short(_text(v), room)}" for name, v in row.items()]
    return blocks


def _text(value: Any) -> str:
    text = "" if value is None else str(value)
    return "".join(c if c.isprintable() else " " for c in text)


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"
