"""Numbers in text as people write them: 1.234,50 and (12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column, Kind, Part, joined
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.numbers import DIGITS, from_text, rounded
from penstock.transforms.columns.replacing import quoted

Output = Literal["AUTO", "INTEGER", "DECIMAL"]


@dataclass(frozen=True)
class NumberReading:
    """How numbers are written.

    Args:
        decimal, group: the signs; no group sign when empty.
        strip: characters removed first.
        decimals: places kept, rounded half up; None for all.
    """

    decimal: str = "."
    group: str = ","
    strip: str = ""
    decimals: int | None = None
    output: Output = "AUTO"

    def __call__(self, texts: pa.StringArray) -> tuple[Column, Mask]:
        """Numbers, null set for blank texts; and the texts that are no number."""
        plain = texts
        for character in self.strip:
            plain = pc.replace_substring(plain, character, "")
        plain = pc.utf8_trim_whitespace(plain)
        blank = masks.certain(pc.equal(plain, ""))
        plain = masks.kept(self._ungrouped(_unbracketed(plain)), masks.outside(blank))
        found = self._shaped(from_text(plain))
        bad = masks.minus(masks.minus(texts.is_valid(), blank), found.valid)
        return Column(found.rows, found.parts, blank), bad

    def _ungrouped(self, texts: pa.StringArray) -> pa.StringArray:
        """Groups of three joined, and the point for the sign of decimals; other texts stay."""
        if self.group:
            sign = quoted(self.group)
            point = quoted(self.decimal)
            pattern = rf"^[+-]?\d{{1,3}}(?:{sign}\d{{2,3}})*{sign}\d{{3}}(?:{point}.*)?$"
            whole = pc.match_substring_regex(texts, pattern)
            joined_groups = pc.replace_substring(texts, self.group, "")
            texts = pc.if_else(whole, joined_groups, texts)
        if self.decimal == ".":
            return texts
        foreign = pc.match_substring(texts, ".")
        return pc.if_else(foreign, "?", pc.replace_substring(texts, self.decimal, "."))

    def _kept(self, values: pa.Array) -> pa.Array:
        """At the places kept, and of no larger scale."""
        places = self.decimals or 0
        near = rounded(values, places)
        if not pa.types.is_decimal(near.type) or near.type.scale <= max(places, 0):
            return near
        return near.cast(pa.decimal256(DIGITS, max(places, 0)))

    def _shaped(self, found: Column) -> Column:
        if self.decimals is not None:
            parts = [Part(p.kind, self._kept(p.values)) for p in found.parts]
            found = joined(found.rows, parts)
        if self.output == "DECIMAL":
            parts = [Part(Kind.NUMBER, _decimal(p.values)) for p in found.parts]
            return joined(found.rows, parts)
        if self.output == "INTEGER":
            parts = [Part(Kind.NUMBER, _integer(p.values)) for p in found.parts]
            return joined(found.rows, parts)
        return found


def _unbracketed(texts: pa.StringArray) -> pa.StringArray:
    """(12) is how accountants write -12."""
    return pc.replace_substring_regex(texts, r"^\(\s*([^()+-][^()]*)\)$", r"-\1")


def _decimal(values: pa.Array) -> pa.Array:
    return values.cast(pa.decimal128(19, 0)) if pa.types.is_integer(values.type) else values


def _integer(values: pa.Array) -> pa.Array:
    """Whole numbers; those with a fraction, or past 64 bits, are left out."""
    if pa.types.is_integer(values.type):
        return values
    whole = pc.equal(values, rounded(values, 0).cast(values.type))
    return masks.kept(values, masks.certain(whole)).cast(pa.int64())
