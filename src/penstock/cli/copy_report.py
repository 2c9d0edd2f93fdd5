"""The end of a copy: the job's report, and what was compared."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.cli.failures import clean, cleaned
from penstock.cli.report import report_record
from penstock.cli.words import number, plural
from penstock.worker.copy_check import METHOD, Compared

if TYPE_CHECKING:
    from penstock.cli.context import Cli
    from penstock.worker.copy import Copied


def report_copy(cli: Cli, copied: Copied, kept: Path | None) -> None:
    """Print it, even when nobody reads any more.

    Args:
        kept: the state folder, when there is something to go on with.
    """
    with suppress(BrokenPipeError):
        if cli.out.json:
            cli.out.record(cleaned(cli, _record(copied, kept)))
        else:
            report_record(cli, copied.summary.to_dict(), advise=lambda _record: "")
            for reason in copied.reasons:
                text = f"{reason.object}: {plural(reason.count, 'record')} failed. {reason.text}"
                cli.out.say(clean(cli, text))
            for line in _told(copied.compared):
                cli.out.say(clean(cli, line))


def _record(copied: Copied, kept: Path | None) -> Mapping[str, Any]:
    """The summary of interfaces.md section 4, and what only a copy has."""
    return {
        **copied.summary.to_dict(),
        "failed_reasons": [
            {"object": item.object, "reason": item.text, "count": item.count}
            for item in copied.reasons
        ],
        "verification": {
            "method": METHOD,
            "tables": [
                {
                    "object": item.object, "table": item.table, "equal": item.equal,
                    "expected": item.expected, "found": item.found, "note": item.note,
                }
                for item in copied.compared
            ],
        }
        if copied.compared
        else None,
        "state": str(kept) if kept else None,
    }  # fmt: skip


def _told(compared: tuple[Compared, ...]) -> list[str]:
    """What was compared and how it came out; a line for each table that differs."""
    known = [item for item in compared if item.equal is not None]
    wrong = [item for item in known if not item.equal]
    lines = []
    if known:
        rows = number(sum(item.found or 0 for item in known))
        right = f"{len(known) - len(wrong)} of {plural(len(known), 'table')} agree"
        lines.append(f"Compared: {METHOD}; {right}, {rows} rows.")
    for item in wrong:
        lines.append(
            f"Different: {item.table} has {number(item.found)} rows, and this copy has written "
            f"{number(item.expected)}."
        )
    if unknown := [item for item in compared if item.equal is None]:
        tables = ", ".join(item.table for item in unknown)
        lines.append(f"Not compared: {tables} ({unknown[0].note}).")
    return lines
