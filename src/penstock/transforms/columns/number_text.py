"""Numbers written by a pattern such as `#,##0.00`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Part
from penstock.transforms.columns.numbers import DIGITS, largest_scale, rounded

_BODY: Final = re.compile(r"[0#,.]+")
_PLAIN: Final = r"^-?[0-9]+(\.[0-9]+)?$"


@dataclass(frozen=True)
class NumberPattern:
    """A pattern read.

    Args:
        prefix, suffix: literal text around.
        whole: digits that are always written before the point.
        least, most: digits behind the point that are always, and at most, written.
        grouping: commas between thousands.
        percent: the number counts in hundredths.
    """

    prefix: str = ""
    suffix: str = ""
    whole: int = 1
    least: int = 0
    most: int = 0
    grouping: bool = False
    percent: bool = False


def read_pattern(pattern: str) -> NumberPattern:
    """The pattern read.

    Raises:
        ValueError: it says nothing about digits, or it has a character that needs quotes.
    """
    plain, literals = _without_quotes(pattern)
    body = _BODY.search(plain)
    if body is None or not set(body[0]) & {"0", "#"}:
        raise ValueError("a number pattern needs 0 or #")
    whole, _, behind = body[0].partition(".")
    if "." in behind or "," in behind or not re.fullmatch(r"[#,]*[0,]*", whole):
        raise ValueError(f"the pattern {body[0]} mixes its signs")
    if not re.fullmatch(r"0*#*", behind):
        raise ValueError("behind the point zeros come before #")
    return NumberPattern(
        prefix=_literal(plain[: body.start()], literals),
        suffix=_literal(plain[body.end() :], literals),
        whole=whole.count("0"),
        least=behind.count("0"),
        most=len(behind),
        grouping="," in whole,
        percent="%" in plain,
    )


def _without_quotes(pattern: str) -> tuple[str, list[str]]:
    """Quoted text taken out: each is one NUL in the rest."""
    literals: list[str] = []

    def keep(found: re.Match[str]) -> str:
        literals.append(found[1].replace("''", "'") or "'")
        return "\0"

    return re.sub(r"'((?:[^']|'')*)'", keep, pattern), literals


def _literal(text: str, literals: list[str]) -> str:
    made = []
    for character in text:
        if character == "\0":
            made.append(literals.pop(0))
        elif character in "%-+ ()/$€£¥":
            made.append(character)
        else:
            raise ValueError(f"put quotes around {character} in a number pattern")
    return "".join(made)


def written(part: Part, pattern: NumberPattern) -> pa.StringArray:
    """Numbers by the pattern, rounded half up."""
    texts = _exact_texts(part, pattern)
    negative = pc.starts_with(texts, "-")
    bare = pc.utf8_ltrim(texts, "-")
    point = pc.find_substring(bare, ".")
    whole = pc.replace_substring_regex(bare, r"\..*$", "")
    behind = pc.if_else(pc.less(point, 0), "", pc.replace_substring_regex(bare, r"^[^.]*\.?", ""))
    behind = _padded(pc.utf8_rtrim(behind, "0"), pattern.least)
    whole = pc.utf8_lpad(pc.utf8_ltrim(whole, "0"), pattern.whole, "0")
    zero = pc.and_(pc.equal(pc.utf8_trim(whole, "0,"), ""), pc.equal(pc.utf8_trim(behind, "0"), ""))
    if pattern.grouping:
        whole = grouped(whole)
    dot = pc.if_else(pc.equal(behind, ""), "", ".")
    sign = pc.if_else(pc.and_(negative, pc.invert(zero)), "-", "")
    return pc.binary_join_element_wise(sign, pattern.prefix, whole, dot, behind, pattern.suffix, "")


def _exact_texts(part: Part, pattern: NumberPattern) -> pa.StringArray:
    """The numbers without exponent, times a hundred for percents, at the most places wanted."""
    values = part.values
    if pattern.percent or not pa.types.is_integer(values.type):
        values = _decimals(part.texts(), 2 if pattern.percent else 0)
        values = rounded(values, pattern.most)
    return _plain(values)


def _decimals(texts: pa.StringArray, shift: int) -> pa.Array:
    """Texts of numbers as exact decimals, times ten to the power of `shift`."""
    usual = masks.certain(pc.match_substring_regex(texts, _PLAIN))
    if not masks.is_all(masks.either(usual, texts.is_null())):
        exact = [None if t is None else _finite_text(t) for t in texts.to_pylist()]
        texts = pa.array(exact, pa.string())
    scale = min(largest_scale(texts), 40)
    numbers = texts.cast(pa.decimal256(DIGITS, scale))
    if shift == 0:
        return numbers
    return pc.multiply(
        numbers.cast(pa.decimal256(DIGITS - 5, scale)), pa.scalar(10**shift, pa.decimal256(3, 0))
    )


def _finite_text(text: str) -> str | None:
    number = Decimal(text)
    return format(number, "f") if number.is_finite() else None


def _plain(values: pa.Array) -> pa.StringArray:
    texts = values.cast(pa.string())
    if pc.any(pc.match_substring_regex(texts, "[eE]"), min_count=0).as_py():
        exact = [None if v is None else format(v, "f") for v in values.to_pylist()]
        return pa.array(exact, pa.string())
    return texts


def _padded(behind: pa.StringArray, least: int) -> pa.StringArray:
    return pc.utf8_rpad(behind, least, "0") if least else behind


def grouped(whole: pa.StringArray) -> pa.StringArray:
    """Commas between thousands; RE2 has no lookahead, so thousands are split off one by one."""
    text = whole
    longest = int(pc.max(pc.utf8_length(whole)).as_py() or 0)
    for _ in range((longest - 1) // 3):
        text = pc.replace_substring_regex(text, r"^(\d+)(\d{3})((?:,\d{3})*)$", r"\1,\2\3")
    return text


def fixed(part: Part, decimals: int | None, grouping: bool) -> pa.StringArray:
    """Numbers at so many places; without a number of places as their shortest text."""
    if decimals is not None:
        return written(part, NumberPattern("", "", 1, decimals, decimals, grouping))
    texts = part.texts()
    if not grouping:
        return texts
    whole = pc.replace_substring_regex(texts, r"^-?(\d+).*$", r"\1")
    sign = pc.if_else(pc.starts_with(texts, "-"), "-", "")
    rest = pc.replace_substring_regex(texts, r"^-?\d+", "")
    return pc.binary_join_element_wise(sign, grouped(whole), rest, "")
