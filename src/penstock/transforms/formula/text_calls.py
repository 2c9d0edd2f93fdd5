"""Functions on text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from penstock.transforms.columns import masks
from penstock.transforms.columns.casing import snake
from penstock.transforms.columns.column import Column, Kind, Part
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.replacing import replaced
from penstock.transforms.columns.splitting import split
from penstock.transforms.filters.condition import check_pattern
from penstock.transforms.formula.arguments import constant_text, of_kind, text
from penstock.transforms.formula.tree import Call, FormulaError, Node, Own

if TYPE_CHECKING:
    from penstock.transforms.formula.evaluate import Evaluation

Args = tuple[Node, ...]
Run = Callable[["Evaluation", Args, Mask], Column]


def _on_text(name: str, change: Callable[[pa.Array], pa.Array]) -> Run:
    return lambda work, args, where: of_kind(work, args[0], where, name, Kind.STRING, change)


lower = _on_text("LOWER", pc.utf8_lower)
upper = _on_text("UPPER", pc.utf8_upper)
title = _on_text("TITLE", pc.utf8_title)
snake_case = _on_text("SNAKE_CASE", snake)
trim = _on_text("TRIM", pc.utf8_trim_whitespace)
ltrim = _on_text("LTRIM", pc.utf8_ltrim_whitespace)
rtrim = _on_text("RTRIM", pc.utf8_rtrim_whitespace)


def length(work: Evaluation, args: Args, where: Mask) -> Column:
    """Characters of a text."""

    def count(texts: pa.Array) -> pa.Array:
        return pc.utf8_length(texts).cast(pa.int64())

    return of_kind(work, args[0], where, "LENGTH", Kind.STRING, count, Kind.NUMBER)


def check_replace(call: Call) -> None:
    """REPLACE(s, find, put) or REPLACE(s, regexFlag, caseFlag, find, put)."""
    if len(call.args) == 4:
        raise FormulaError("REPLACE takes 3 or 5 values.", call.at)
    for at in range(1, len(call.args)):
        text(call, at)
    if not text(call, 3 if len(call.args) == 5 else 1):
        raise FormulaError("REPLACE needs something to find.", call.at)
    if len(call.args) == 5:
        _flag(call, 1, ("REGEX", "OTHERS"))
        _flag(call, 2, ("MATCH_EXACT", "OTHERS"))
        if text(call, 1) == "REGEX":
            _pattern(call, 3)


def _flag(call: Call, at: int, allowed: tuple[str, str]) -> None:
    if text(call, at) not in allowed:
        raise FormulaError(f"REPLACE needs {allowed[0]} or {allowed[1]} here.", call.args[at].at)


def _pattern(call: Call, at: int) -> None:
    try:
        check_pattern(text(call, at))
    except ValueError as error:
        raise FormulaError(f"{call.name}: {error}", call.args[at].at) from error


def replace(work: Evaluation, args: Args, where: Mask) -> Column:
    """All that was found replaced."""
    words = [constant_text(arg) for arg in args[1:]]
    regex, exact = (
        (words[0] == "REGEX", words[1] == "MATCH_EXACT") if len(words) == 4 else (False, True)
    )
    find, put = words[-2:]

    def change(texts: pa.Array) -> pa.Array:
        return replaced(texts, find, put, regex=regex, match_case=exact)

    return of_kind(work, args[0], where, "REPLACE", Kind.STRING, change)


def check_split(call: Call) -> None:
    """The delimiter is a constant and says something."""
    if not text(call, len(call.args) - 1):
        raise FormulaError(f"{call.name} needs a delimiter.", call.args[-1].at)


def split_array(work: Evaluation, args: Args, where: Mask) -> Column:
    """The parts of a text, of the current field when only a delimiter is given."""
    of = args[0] if len(args) == 2 else Own(0)
    delimiter = constant_text(args[-1])

    def change(texts: pa.Array) -> pa.Array:
        return split(texts, delimiter)

    return of_kind(work, of, where, "SPLIT_ARRAY", Kind.STRING, change, Kind.ARRAY)


def substring(work: Evaluation, args: Args, where: Mask) -> Column:
    """From the character at `start`, counted from 1, so many characters or all."""
    bounds = [_whole(work, arg, where) for arg in args[1:]]
    value = work.value(args[0], where)
    parts = []
    for part in value.parts:
        if part.kind is Kind.STRING:
            parts.append(Part(Kind.STRING, _cut(part.values, *bounds)))
        else:
            work.fail(masks.both(part.values.is_valid(), where), "SUBSTRING needs text.")
    return Column(work.rows, tuple(parts))


def _whole(work: Evaluation, node: Node, where: Mask) -> pa.Array:
    def change(values: pa.Array) -> pa.Array:
        return pc.trunc(values.cast(pa.float64(), safe=False)).cast(pa.int64())

    column = of_kind(work, node, where, "SUBSTRING", Kind.NUMBER, change)
    return column.parts[0].values if column.parts else pa.nulls(work.rows, pa.int64())


def _cut(texts: pa.Array, starts: pa.Array, lengths: pa.Array | None = None) -> pa.Array:
    """At once where all rows have the same bounds, as with constants; else text by text."""
    bounds = [b for b in (starts, lengths) if b is not None]
    if all(len(pc.unique(b)) == 1 and b.null_count == 0 for b in bounds):
        first = max(starts[0].as_py() - 1, 0)
        last = None if lengths is None else first + max(lengths[0].as_py(), 0)
        return pc.utf8_slice_codeunits(texts, first, last)
    many = starts.to_pylist() if lengths is None else lengths.to_pylist()
    rows = zip(texts.to_pylist(), starts.to_pylist(), many, strict=True)
    made = [
        None
        if text is None or start is None or count is None
        else _sliced(text, start, None if lengths is None else count)
        for text, start, count in rows
    ]
    return pa.array(made, pa.string())


def _sliced(whole: str, start: int, count: int | None) -> str:
    first = max(start - 1, 0)
    return whole[first:] if count is None else whole[first : first + max(count, 0)]


def concat(work: Evaluation, args: Args, where: Mask) -> Column:
    """All values as text, one after another; nulls are skipped."""
    made = []
    for arg in args:
        value = work.value(arg, where)
        texts = [part.texts() for part in value.parts]
        made.append(pc.coalesce(*texts, "") if texts else "")
    if all(isinstance(piece, str) for piece in made):
        return Column.of(Kind.STRING, pa.repeat(pa.scalar(""), work.rows))
    return Column.of(Kind.STRING, pc.binary_join_element_wise(*made, ""))
