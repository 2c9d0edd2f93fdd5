"""What a comparison of source and tables found, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from penstock.cli.table import Column, printable
from penstock.cli.words import duration, number, plural

if TYPE_CHECKING:
    from penstock.cli.context import Cli
    from penstock.engine.verify.result import Difference, ObjectResult


def plain(result: ObjectResult) -> dict[str, Any]:
    return {
        "type": "object",
        "object": result.object,
        "table": result.table,
        "status": str(result.status),
        "method": result.method,
        "source_rows": result.source_rows,
        "destination_rows": result.destination_rows,
        "different": result.different,
        "kinds": {str(kind): count for kind, count in result.counts.items()},
        "failed": result.failed,
        "behind": result.behind,
        "ranges": [
            {"first": item.range.first, "last": item.range.last, "keys": item.keys}
            for item in result.ranges
        ],
        "keys": [_plain_key(item) for item in result.differences],
        "notes": result.notes,
        "seconds": round(result.seconds, 3),
    }


def _plain_key(item: Difference) -> dict[str, Any]:
    return {
        "key": list(item.key),
        "kind": str(item.kind),
        "failed": item.failed,
        "columns": [
            {"column": v.column, "source": v.source, "destination": v.destination}
            for v in item.values
        ],
    }


_OBJECTS = (
    Column("object", cut=True),
    Column("table", drop=3),
    Column("source", key="source_rows", show=number, right=True),
    Column("destination", key="destination_rows", show=number, right=True),
    Column("differ", key="different", show=number, right=True),
    Column("set aside", key="failed", show=number, right=True, drop=1),
    Column("behind", show=number, right=True, drop=2),
    Column("result", key="status"),
    Column("time", key="seconds", show=duration, right=True, drop=4),
)


def show(cli: Cli, results: Sequence[ObjectResult]) -> None:
    cli.out.table(_OBJECTS, [vars(item) | {"different": item.different} for item in results])
    for result in results:
        for line in (*result.notes, *_late(result)):
            cli.out.note(f"{result.object}: {line}")
        if result.differences:
            _show_keys(cli, result)


def _late(result: ObjectResult) -> list[str]:
    if not result.behind:
        return []
    rows = "row is" if result.behind == 1 else "rows are"
    return [f"{result.behind:,} {rows} newer in the source: the next run brings them."]


def _show_keys(cli: Cli, result: ObjectResult) -> None:
    count = result.different + result.failed
    what = plural(count, "row" if result.method == "counts" else "key")
    cli.out.say(f"\n{result.object}: {what} {'differs' if count == 1 else 'differ'}")
    for item in result.ranges:
        cli.out.say(f"  keys {item.range}: {item.keys:,}")
    for difference in result.differences:
        key = ", ".join(str(part) for part in difference.key) or "a row"
        why = " (failed event)" if difference.failed else ""
        cli.out.say(f"  {key}  {_KINDS[difference.kind]}{why}")
        for value in difference.values:
            there = f" in the source, {_short(value.destination)} in the table"
            there = "" if difference.kind == "missing" else there
            cli.out.say(f"    {value.column}: {_short(value.source)}{there}")


_KINDS = {
    "missing": "missing in the table",
    "extra": "only in the table",
    "changed": "other values",
    "doubled": "more than once in the table",
}
_TEXT = 60


def _short(value: str | None) -> str:
    if value is None:
        return "null"
    text = printable(value)
    return text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"
