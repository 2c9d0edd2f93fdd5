"""One section of the page for each work."""
# ruff: noqa: E501 (lines of the page)

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from bench.goals import BARE, OURS

Figures = dict[str, Any]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    marks = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *rows))


def _costs(figures: Figures, count: int, unit: str) -> str:
    """Tools by the CPU they took; those that could not do it, last."""
    tools = figures["tools"]
    measured = sorted(
        (name for name in tools if "cpu_s" in tools[name]), key=lambda name: tools[name]["cpu_s"]
    )
    bare = tools.get(BARE, {}).get("cpu_s")
    head = ["tool", "CPU s", "server CPU s", "wall s", "RSS MB", f"{unit} per CPU s"]
    head += ["times the bare CPU"] if bare else []
    rows = [_cost(name, tools[name], count, bare) for name in measured]
    return "\n".join([_table(head, rows), "", *_notes(tools)])


def _cost(name: str, one: Figures, count: int, bare: float | None) -> list[str]:
    shown = f"**{name}**" if name.startswith(OURS) else name
    return [
        shown + (" (wrong)" if "wrong" in one else ""),
        f"{one['cpu_s']:.2f}", f"{one['server_cpu_s']:.2f}", f"{one['wall_s']:.1f}",
        f"{one['rss_mb']:.0f}", f"{count / one['cpu_s']:,.0f}",
        *([f"{one['cpu_s'] / bare:.2f}"] if bare else []),
    ]  # fmt: skip


def _notes(tools: Figures) -> list[str]:
    """What was wrong, which types changed, and who could not do it."""
    lines = []
    for name, one in tools.items():
        if "wrong" in one:
            lines.append(f"- {name} is wrong: {one['wrong']}.")
        if one.get("types"):
            changed = ", ".join(
                f"`{column}` became {kind}" for column, kind in one["types"].items()
            )
            lines.append(f"- {name}: {changed}.")
        if "failed" in one:
            lines.append(f"- {name}: {_cell(one['failed'])}")
    return lines


def _cell(text: str) -> str:
    """Text of a tool as it may stand in a table: no line breaks, bars, markup or addresses."""
    plain = " ".join(text.replace("|", "/").replace("`", "'").split())
    words = [word for word in plain.split(" ") if "://" not in word]
    return "`" + " ".join(words)[:160] + "`"


def _full(figures: Figures, title: str) -> str:
    about = f"One table of {figures['rows']:,} orders (10 columns, in the shape of TPC-H's), into nothing."
    return f"## {title}\n\n{about}\n\n{_costs(figures, figures['rows'], 'rows')}"


def _merge(figures: Figures, title: str) -> str:
    about = (
        f"{figures['changed']:,} rows, spread over a table of {figures['rows']:,}, were changed in PostgreSQL since "
        "the last run; each tool asks by `updated_at` and merges by the key."
    )
    return f"## {title}\n\n{about}\n\n{_costs(figures, figures['changed'], 'rows')}"


def _changes(figures: Figures, title: str) -> str:
    about = (
        f"{figures['changes']:,} updates of a table with 12 columns wait in the log, each row ten times, in transactions of "
        "1,000. One process reads them to the end. Ours merges them into a table that is then equal to the source; "
        "Debezium loads nothing."
    )
    return f"## {title}\n\n{about}\n\n{_costs(figures, figures['changes'], 'changes')}"


def _odd(figures: Figures) -> str:
    counts = figures["columns"]
    about = (
        "One row of values that the server allows, in columns of less usual types "
        f"({', '.join(f'{count} from {name}' for name, count in counts.items())}), into DuckDB with each tool's defaults. "
        "A tool that stops at a column copies the others without it."
    )
    rows, lines = [], []
    for name, one in figures["tools"].items():
        if "wrong_columns" not in one:
            lines.append(f"- {name}: {_cell(one['failed'])}")
            continue
        by_source = one["wrong_columns"]
        rows.append(
            [name, *(f"{counts[at] - len(by_source[at])} of {counts[at]}" for at in counts)]
        )
        for source, columns in by_source.items():
            lines += [f"- {name}, {source}, `{at}`: {_cell(said)}" for at, said in columns.items()]
    table = _table(["columns that arrived", *(f"from {name}" for name in counts)], rows)
    return "\n".join(["## Less usual types", "", about, "", table, "", *lines])


def _latency(figures: Figures) -> str:
    one = figures["tools"][OURS]
    about = (
        f"`penstock run --follow --flush {figures['flush']}` from PostgreSQL's log into PostgreSQL for {figures['seconds']:.0f} s, while "
        "transactions of 101 updates were committed at a fixed pace. From just before the commit to the first look that saw it, "
        "with a look every 5 ms."
    )
    head = ["changes/s", "p50 ms", "p95 ms", "p99 ms", "largest ms", "CPU s", "RSS MB"]
    names = ["changes_per_s", "p50_ms", "p95_ms", "p99_ms", "max_ms", "cpu_s", "rss_mb"]
    return f"## Latency\n\n{about}\n\n{_table(head, [[f'{one[name]:,}' for name in names]])}"


def _memory(figures: Figures) -> str:
    one = figures["tools"][OURS]
    about = f"{figures['rows']:,} rows of 4 columns from PostgreSQL into DuckDB with `PENSTOCK_MEMORY={figures['budget']}`."
    if "cpu_s" not in one:
        return "\n".join(["## Memory", "", about, "", *_notes(figures["tools"])])
    head = ["CPU s", "wall s", "largest RSS MB", "second quarter MB", "last quarter MB"]
    names = ["cpu_s", "wall_s", "rss_mb", "second_quarter_mb", "last_quarter_mb"]
    table = _table(head, [[f"{one[name]:,.0f}" for name in names]])
    step = max(1, len(figures["samples"]) // 12)
    course = ", ".join(f"{mb:.0f}" for _, mb in figures["samples"][::step])
    return "\n".join(
        ["## Memory", "", about, "", table, "", f"Resident MB over time: {course}.",
         *_notes(figures["tools"])]
    )  # fmt: skip


def _books(figures: Figures) -> str:
    about = (
        f"CPU spent inside of the code that keeps the books (the catalog, the ledger in the destination, the cards of packages) "
        f"during a load of {figures['rows']:,} orders, measured by a clock around each of its functions. `penstock verify`, "
        "which compares source and table by hashes afterwards, is a command of its own; most of its work is done by the servers."
    )
    head = ["load", "CPU s", "books CPU s", "share", "catalog", "ledger", "packages"]
    head += ["verify CPU s", "verify server CPU s"]
    rows = [
        [
            name, f"{one['cpu_s']:.2f}", f"{one['books_cpu_s']:.2f}", f"{one['books_percent']:.1f} %",
            *(f"{one['parts'][part]:.2f}" for part in ("catalog", "ledger", "packages")),
            f"{one['verify_cpu_s']:.2f}", f"{one['verify_server_cpu_s']:.2f}",
        ]
        for name, one in figures["tools"].items()
    ]  # fmt: skip
    return f"## The price of the books\n\n{about}\n\n{_table(head, rows)}"


def _late(figures: Figures) -> str:
    about = (
        f"{figures['writers']} writers insert into one table of PostgreSQL, with random waits of up to {figures['longest_wait_s']:g} s "
        "before each commit; rows carry the time at which their transaction began. Meanwhile each tool reads by that time, "
        "once a second, and once more at the end."
    )
    rows = [
        [name, *(f"{one[key]:,}" for key in ("written", "reads", "lost", "doubled"))]
        for name, one in figures["tools"].items()
        if "lost" in one
    ]
    table = _table(["tool", "rows written", "reads", "lost", "doubled"], rows)
    return "\n".join(
        ["## Rows that are committed late", "", about, "", table, "", *_notes(figures["tools"])]
    )


SECTIONS: dict[str, Callable[[Figures], str]] = {
    "pg-pg": partial(_full, title="PostgreSQL to PostgreSQL"),
    "pg-duckdb": partial(_full, title="PostgreSQL to DuckDB"),
    "maria-duckdb": partial(_full, title="MariaDB to DuckDB"),
    "odd-types": _odd,
    "merge-duckdb": partial(_merge, title="Changed rows into DuckDB"),
    "merge-pg": partial(_merge, title="Changed rows into PostgreSQL"),
    "changes-pg": partial(_changes, title="PostgreSQL's change log"),
    "changes-maria": partial(_changes, title="MariaDB's change log"),
    "latency": _latency,
    "memory": _memory,
    "books": _books,
    "late": _late,
}
