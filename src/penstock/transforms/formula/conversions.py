"""Functions from one kind of value to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_args

import pyarrow as pa

from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column, Kind, Part, joined
from penstock.transforms.columns.date_reading import DateOutput, DatePattern, read
from penstock.transforms.columns.date_text import written
from penstock.transforms.columns.hashing import Algorithm, hashed
from penstock.transforms.columns.json_text import parsed
from penstock.transforms.columns.masking import Masking, MaskMode
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.nested import json_texts
from penstock.transforms.columns.number_reading import NumberReading
from penstock.transforms.columns.number_text import fixed, read_pattern
from penstock.transforms.columns.number_text import written as number_written
from penstock.transforms.columns.zones import zone
from penstock.transforms.date_patterns import elements
from penstock.transforms.formula.arguments import (
    constant_number,
    constant_text,
    number,
    of_kind,
    text,
)
from penstock.transforms.formula.tree import Call, FormulaError, Node

if TYPE_CHECKING:
    from penstock.transforms.formula.evaluate import Evaluation

Args = tuple[Node, ...]


def check_places(call: Call) -> None:
    """ROUND and STRING_TO_NUMBER count places with a constant."""
    places = number(call, 1, 0)
    if places is None or not -10 <= places <= 18:
        raise FormulaError("Places are from -10 to 18.", call.args[1].at)


def check_number(call: Call) -> None:
    """The pattern of NUMBER_TO_STRING."""
    if len(call.args) == 2:
        _checked(call, 1, read_pattern)


def check_date(call: Call) -> None:
    """Pattern and zone."""
    if len(call.args) > 1:
        _checked(call, 1, elements)
    if len(call.args) > 2:
        _checked(call, 2, zone)


def check_hash(call: Call) -> None:
    """The algorithm."""
    if text(call, 1, "SHA256").upper() not in get_args(Algorithm):
        raise FormulaError(f"HASH knows {', '.join(get_args(Algorithm))}.", call.args[1].at)


def check_mask(call: Call) -> None:
    """MASK(value, mode, n, character)."""
    if text(call, 1, "ALL") not in get_args(MaskMode) or text(call, 1, "ALL") == "RANGE":
        raise FormulaError("MASK knows no such mode.", call.args[1].at)
    if (number(call, 2, 1) or 0) < 1:
        raise FormulaError("MASK counts characters from 1.", call.args[2].at)
    if len(text(call, 3, "*")) != 1:
        raise FormulaError("MASK needs one character here.", call.args[3].at)


def _checked(call: Call, at: int, check: Any) -> None:
    try:
        check(text(call, at))
    except FormulaError:
        raise
    except ValueError as error:
        raise FormulaError(f"{call.name}: {error}.", call.args[at].at) from error


def string_to_number(work: Evaluation, args: Args, where: Mask) -> Column:
    """The number a text holds; numbers stay, blank text is null."""
    places = constant_number(args[1]) if len(args) == 2 else None
    reading = NumberReading(group="", decimals=places)
    parts: list[Part] = []
    for part in work.value(args[0], where).parts:
        if part.kind is Kind.STRING:
            found, bad = reading(part.values)
            parts += found.parts
            work.fail(masks.both(bad, where), "The text is no number.")
        elif part.kind is Kind.NUMBER:
            parts.append(part)
        else:
            wrong = masks.both(part.values.is_valid(), where)
            work.fail(wrong, "STRING_TO_NUMBER needs text.")
    return joined(work.rows, parts)


def number_to_string(work: Evaluation, args: Args, where: Mask) -> Column:
    """A number by its pattern, else as its shortest text."""
    parts = []
    for part in work.value(args[0], where).parts:
        if part.kind is not Kind.NUMBER:
            wrong = masks.both(part.values.is_valid(), where)
            work.fail(wrong, "NUMBER_TO_STRING needs a number.")
        elif len(args) == 2:
            texts = number_written(part, read_pattern(constant_text(args[1])))
            parts.append(Part(Kind.STRING, texts))
        else:
            parts.append(Part(Kind.STRING, fixed(part, None, grouping=False)))
    return joined(work.rows, parts)


def string_to_date(work: Evaluation, args: Args, where: Mask) -> Column:
    """The date that a text names."""
    return _read(work, args, where, "DATE", Kind.DATE)


def string_to_datetime(work: Evaluation, args: Args, where: Mask) -> Column:
    """The instant that a text names."""
    return _read(work, args, where, "TIMESTAMP", Kind.TIMESTAMP)


def _read(work: Evaluation, args: Args, where: Mask, output: DateOutput, kind: Kind) -> Column:
    pattern = [DatePattern(elements(constant_text(args[1])))] if len(args) > 1 else []
    in_zone = zone(constant_text(args[2])) if len(args) > 2 else "UTC"

    def change(texts: pa.Array) -> pa.Array:
        found = read(texts, pattern, in_zone, output)
        blank = masks.certain(pa.compute.equal(pa.compute.utf8_trim_whitespace(texts), ""))
        bad = masks.minus(masks.minus(texts.is_valid(), blank), found.is_valid())
        work.fail(masks.both(bad, where), "The text does not match the date pattern.")
        return found

    return of_kind(work, args[0], where, "STRING_TO_DATE", Kind.STRING, change, kind)


def date_to_string(work: Evaluation, args: Args, where: Mask) -> Column:
    """A date, time or timestamp by the pattern."""
    pattern = elements(constant_text(args[1]))
    in_zone = zone(constant_text(args[2])) if len(args) > 2 else "UTC"
    parts = []
    for part in work.value(args[0], where).parts:
        if part.kind in (Kind.DATE, Kind.TIME, Kind.TIMESTAMP):
            parts.append(Part(Kind.STRING, written(part, pattern, in_zone)))
        else:
            work.fail(masks.both(part.values.is_valid(), where), "DATE_TO_STRING needs a date.")
    return joined(work.rows, parts)


def hash_value(work: Evaluation, args: Args, where: Mask) -> Column:
    """The digest in hexadecimal."""
    name = constant_text(args[1]).upper() if len(args) == 2 else "SHA256"
    algorithm = cast("Algorithm", name)
    value = work.value(args[0], where)
    return joined(work.rows, [Part(Kind.STRING, hashed(p, algorithm)) for p in value.parts])


def mask_value(work: Evaluation, args: Args, where: Mask) -> Column:
    """Characters of a text or a number hidden."""
    mode = cast("MaskMode", constant_text(args[1])) if len(args) > 1 else "ALL"
    count = constant_number(args[2]) if len(args) > 2 else 1
    masking = Masking(mode, count, character=constant_text(args[3]) if len(args) > 3 else "*")
    parts = []
    for part in work.value(args[0], where).parts:
        if part.kind in (Kind.STRING, Kind.NUMBER):
            parts.append(Part(Kind.STRING, masking(part.texts())))
        else:
            wrong = masks.both(part.values.is_valid(), where)
            work.fail(wrong, "MASK needs text or a number.")
    return joined(work.rows, parts)


def json_parse(work: Evaluation, args: Args, where: Mask) -> Column:
    """The value that a JSON text holds; blank text is null."""
    value = work.value(args[0], where)
    parts: list[Part] = []
    for part in value.parts:
        if part.kind is Kind.STRING:
            found, bad = parsed(part.values)
            work.fail(masks.both(bad, where), "The text is no JSON.")
            parts += found.parts
        elif part.kind in (Kind.ARRAY, Kind.OBJECT):
            parts.append(part)
        else:
            work.fail(masks.both(part.values.is_valid(), where), "JSON_PARSE needs text.")
    return joined(work.rows, parts)


def json_string(work: Evaluation, args: Args, where: Mask) -> Column:
    """The value as compact JSON."""
    return Column.of(Kind.STRING, json_texts(work.value(args[0], where)))
