"""The end of a job: a table with a line per object, and one sentence."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.cli.context import Cli
from penstock.cli.failures import clean, cleaned, print_error
from penstock.cli.table import Column
from penstock.cli.words import duration, number, plural, size, status

if TYPE_CHECKING:
    from penstock.core.progress import Summary

_COUNTS = ("read", "loaded", "inserted", "updated", "deleted", "unchanged", "failed")
_COLUMNS = (
    Column("object"),
    Column("table", drop=9),
    Column("mode", status, drop=8),
    Column("status", status, drop=2),
    Column("read", number, right=True),
    Column("loaded", number, right=True, drop=6),
    Column("inserted", number, right=True),
    Column("updated", number, right=True),
    Column("deleted", number, right=True),
    Column("unchanged", number, right=True),
    Column("failed", number, right=True),
    Column("seconds", lambda value: f"{value:.1f}", right=True, drop=7),
)


def report(cli: Cli, summary: Summary, *, only_changed: bool = False) -> None:
    """Print the summary: JSON as the last line, or the table and the verdict."""
    report_record(cli, summary.to_dict(), only_changed=only_changed)


def report_record(
    cli: Cli,
    record: Mapping[str, Any],
    *,
    heading: str = "",
    only_changed: bool = False,
    advise: Callable[[Mapping[str, Any]], str] | None = None,
) -> None:
    """The same for a summary that is a record already, e.g. of an earlier job.

    Args:
        only_changed: leave out objects of which nothing was written.
        advise: what to do next, in place of the advice for pipelines of a file.
    """
    if cli.out.json:
        cli.out.record(cleaned(cli, record))
        return
    if heading:
        cli.out.say(heading)
    rows = [_row(item) for item in record["objects"] if item["status"] != "UNAVAILABLE"]
    shown = [row for row in rows if not only_changed or _is_news(row)]
    if shown and not cli.out.quiet and not _came_to_nothing(record):
        cli.out.table(_columns(shown), shown)
        if same := len(rows) - len(shown):
            cli.out.say(f"In {plural(same, 'other object')} nothing has changed.")
        cli.out.say()
    _troubles(cli, record)
    if record["objects"] or not record["error"]:
        cli.out.say(clean(cli, verdict(record) + (advise or _advice)(record)))
    if record["error"]:
        print_error({k: _safe(cli, v) for k, v in record["error"].items()})


def _columns(rows: list[Mapping[str, Any]]) -> list[Column]:
    """When space is short, the first to go are counts that are zero in every line."""
    empty = {name for name in _COUNTS if not any(row[name] for row in rows)}
    done = all(row["status"] == "COMPLETED" for row in rows)
    always = {"status": 5 if done else 1}
    return [replace(c, drop=4 if c.name in empty else always.get(c.name, c.drop)) for c in _COLUMNS]


def _came_to_nothing(record: Mapping[str, Any]) -> bool:
    """An error of the whole job before any row or object: a table would only say it again."""
    done = any(item["status"] == "COMPLETED" for item in record["objects"])
    return bool(record["error"]) and not record["read"] and not done


def _is_news(row: Mapping[str, Any]) -> bool:
    return any(row[name] for name in ("inserted", "updated", "deleted", "failed"))


def _row(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Rows that a complete read no longer had are deletions as people see it; a transformation may
    fill several tables from an object."""
    tables = [made["table"] for made in item.get("event_types", ()) if made["table"]]
    table = ", ".join(sorted(tables)) or item["table"]
    return {**item, "table": table, "deleted": item["deleted"] + item.get("flagged", 0)}


def _safe(cli: Cli, value: Any) -> Any:
    return clean(cli, value) if isinstance(value, str) else value


def _troubles(cli: Cli, record: Mapping[str, Any]) -> None:
    """Objects that were not offered, and those that failed, with the reason.

    What failed for the reason that ended the job is not named: that error is printed as such.
    """
    known = (record["error"] or {}).get("message")
    for item in record["objects"]:
        reason = (item["error"] or {}).get("message", "")
        if item["status"] == "UNAVAILABLE":
            cli.out.note(clean(cli, f"Not available: {item['object']}. {reason}"))
        elif item["error"] and reason != known:
            hint = item["error"].get("hint") or ""
            words = f"{item['object']} {status(item['status'])}: {_sentence(reason)} {hint}"
            cli.out.note(clean(cli, words.rstrip()))


def _sentence(words: str) -> str:
    return words if words.endswith((".", "!", "?")) else f"{words}."


def verdict(record: Mapping[str, Any]) -> str:
    """One sentence: what became of the job and of every record read."""
    # The history of jobs has a line for each event type of an object.
    objects = {item["object"]: item["status"] for item in record["objects"]}
    done = list(objects.values()).count("COMPLETED")
    changed = record["inserted"] + record["updated"] + record["deleted"] + record["flagged"]
    books = [f"{plural(record['read'], 'record')} read ({size(record['bytes_read'])})"]
    books += [f"{number(changed)} written", f"{number(record['unchanged'])} unchanged"]
    books += [
        f"{number(record[n])} {n}" for n in ("filtered", "collapsed", "oversize") if record[n]
    ]
    books += [f"{number(record['failed'])} failed"]
    counts = ", ".join(books)
    head = _HEADS.get(record["status"], status(record["status"]).capitalize())
    ready = f"{done} of {plural(len(objects), 'object')}"
    took = f" in {duration(record['seconds'])}" if record["seconds"] is not None else ""
    return f"{head}: {ready}{took}; {counts}."


_HEADS = {
    "COMPLETED": "Done",
    "COMPLETED_WITH_FAILURES": "Done, but not all of it",
    "FAILED": "Failed",
    "DEFERRED": "Put off, because the source asked us to slow down",
    "DEFERRED_WITH_FAILURES": "Put off, and not all of it went well",
    "CANCELED": "Stopped",
    "IN_PROGRESS": "Running",
}


def _advice(record: Mapping[str, Any]) -> str:
    name = shlex.quote(record["pipeline"])
    lines = []
    if waiting := record.get("waiting"):
        are = "record is" if waiting == 1 else "records are"
        lines.append(f"{waiting:,} more {are} read and staged; the next run delivers them first.")
    if record["oversize"]:
        job = shlex.quote(record["job"])
        lines.append(f"Too large to load; warnings name them: penstock jobs show {job} --json")
    if record["failed"]:
        lines.append(f"See why: penstock failed {name}")
    elif record["status"] in ("CANCELED", "DEFERRED", "DEFERRED_WITH_FAILURES"):
        lines.append(f"The state is consistent. Go on with: penstock run {name}")
    return "".join(f"\n{line}" for line in lines)
