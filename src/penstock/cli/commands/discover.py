"""`penstock discover`: the objects of a source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli.context import Cli, verb
from penstock.cli.table import Column
from penstock.cli.words import number, plural, status
from penstock.core.errors import ConfigError

if TYPE_CHECKING:
    from penstock.core.stream import Stream

_OBJECTS = (
    Column("object"),
    Column("mode", status),
    Column("query mode", status, key="query_mode"),
    Column("key", ", ".join),
    Column("cursor"),
    Column("fields", number, right=True),
    Column("rows", number, right=True),
    Column("title", drop=1),
)
_FIELDS = (
    Column("field"),
    Column("type"),
    Column("key", lambda is_key: "key" if is_key else ""),
    Column("note", blank=""),
)


def register(app: typer.Typer) -> None:
    verb(
        app, "discover", example="penstock discover crm\npenstock discover crm --object contacts"
    )(discover)  # fmt: skip


def discover(
    cli: Cli,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Source, as named in the file.")],
    object_name: Annotated[
        str | None, typer.Option("--object", metavar="X", help="List the fields of this object.")
    ] = None,
) -> None:
    """List the objects of a source.

    Shows how each is read, its key, its cursor and its fields.
    """
    from penstock.worker import look

    found = look.discover(cli.workspace, source)
    if object_name is not None:
        _fields(cli, _named(found, object_name))
        return
    rows = [_object(item) for item in found]
    # What no object has needs no column.
    empty = {name for name in ("rows", "query_mode") if all(row[name] is None for row in rows)}
    cli.out.table([c for c in _OBJECTS if (c.key or c.name) not in empty], rows)
    if not cli.out.json:
        cli.out.note(f"\n{plural(len(rows), 'object')}. Fields of one: add --object NAME")


def _object(stream: Stream) -> dict[str, Any]:
    return {
        "object": stream.name,
        "mode": str(stream.mode),
        "query_mode": stream.query_mode or None,
        "key": list(stream.key),
        "cursor": stream.cursor,
        "fields": len(stream.schema.names) or None,
        "rows": getattr(stream, "estimated_rows", None),
        "title": stream.title,
    }


def _named(streams: list[Stream], name: str) -> Stream:
    from penstock.control.problems import nearest

    for stream in streams:
        if stream.name == name:
            return stream
    raise ConfigError(
        f"The source has no object called {name!r}.",
        hint=nearest(name, [s.name for s in streams]).strip() or None,
        code="config.unknown_object",
    )


def _fields(cli: Cli, stream: Stream) -> None:
    rows = [
        {
            "field": field.name,
            "type": str(field.type),
            "key": field.name in stream.primary_key,
            "note": _note(stream, field.name),
        }
        for field in stream.schema
    ]
    if not rows and not cli.out.json:
        cli.out.say(f"{stream.name} declares no fields; they are learned from its rows.")
        return
    cli.out.table(_FIELDS, rows)


def _note(stream: Stream, field: str) -> str:
    if field in stream.sensitive:
        return "sensitive: previews hide it"
    if field == stream.cursor:
        return "cursor: later reads start here"
    return "time of the last change" if field == stream.modified_field else ""
