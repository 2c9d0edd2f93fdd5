"""The end of a copy: the job's report, and how source and tables compare."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.cli.comparison import plain, show
from penstock.cli.failures import clean, cleaned
from penstock.cli.report import report_record
from penstock.cli.words import number, plural

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
            return
        report_record(cli, copied.summary.to_dict(), advise=lambda _record: "")
        for reason in copied.reasons:
            text = f"{reason.object}: {plural(reason.count, 'record')} failed. {reason.text}"
            cli.out.say(clean(cli, text))
        if copied.compared:
            _tell(cli, copied)


def _record(copied: Copied, kept: Path | None) -> Mapping[str, Any]:
    """The summary of interfaces.md section 4, and what only a copy has."""
    reasons = [
        {"object": item.object, "reason": item.text, "count": item.count} for item in copied.reasons
    ]
    compared = {
        "equal": not any(map(copied.differs, copied.compared)),
        "objects": [plain(item) | {"differs": copied.differs(item)} for item in copied.compared],
    }
    return {
        **copied.summary.to_dict(),
        "failed_reasons": reasons,
        "verification": compared if copied.compared else None,
        "state": str(kept) if kept else None,
    }


def _tell(cli: Cli, copied: Copied) -> None:
    wrong = [item for item in copied.compared if copied.differs(item)]
    if not wrong:
        cli.out.say(_verdict(copied))
        return
    cli.out.say()
    show(cli, copied.compared)
    tables = ", ".join(item.table for item in wrong)
    cli.out.say(f"\nSource and tables differ: {tables}.")


def _verdict(copied: Copied) -> str:
    """How each table was compared, in one sentence."""
    words = {
        "hashes": "by sums of hashes made in both databases",
        "rows": "row by row",
        "counts": "by counts, having no key",
    }
    done = [item for item in copied.compared if item.status != "not compared"]
    parts = [
        f"{number(count)} {text}"
        for method, text in words.items()
        if (count := sum(item.method == method for item in done))
    ]
    rows = sum(item.destination_rows or 0 for item in done)
    told = (
        f"Verified: {plural(len(done), 'table')} with {plural(rows, 'row')} ({', '.join(parts)})."
    )
    left = [item for item in copied.compared if item.status == "not compared"]
    return told + "".join(f" {item.table}: {' '.join(item.notes)}" for item in left)
