"""Texts with characters hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from penstock.transforms.columns import masks

MaskMode = Literal["ALL", "FIRST_N", "LAST_N", "KEEP_FIRST_N", "KEEP_LAST_N", "RANGE", "EMAIL"]
FIXED_LENGTH = 8
"""Characters put for the hidden part when its length is not to be seen."""
_NO_SEPARATOR = r"[^\s\-./@]"

Piece: TypeAlias = pa.StringArray | str


@dataclass(frozen=True)
class Masking:
    """What to hide, and how.

    Args:
        n: characters, for the modes with N.
        start, end: first and last character hidden, counted from 1, for RANGE.
    """

    mode: MaskMode = "ALL"
    n: int = 1
    start: int = 1
    end: int = 1
    character: str = "*"
    preserve_length: bool = True
    keep_separators: bool = False

    def __call__(self, texts: pa.StringArray) -> pa.StringArray:
        """Each text masked; one not longer than what would stay is hidden whole."""
        before, inside, after = self._pieces(texts)
        return pc.binary_join_element_wise(before, self._cover(inside), after, "")

    def _pieces(self, texts: pa.StringArray) -> tuple[Piece, pa.StringArray, Piece]:
        """What stays before, what is hidden, what stays after."""
        cut = pc.utf8_slice_codeunits
        if self.mode == "FIRST_N":
            return "", cut(texts, 0, self.n), cut(texts, self.n)
        if self.mode == "LAST_N":
            return cut(texts, 0, -self.n), cut(texts, -self.n), ""
        if self.mode == "RANGE":
            first = self.start - 1
            return cut(texts, 0, first), cut(texts, first, self.end), cut(texts, self.end)
        if self.mode == "EMAIL":
            return self._mail(texts)
        if self.mode == "ALL":
            return "", texts, ""
        longer = pc.greater(pc.utf8_length(texts), self.n)
        if self.mode == "KEEP_FIRST_N":
            kept = pc.if_else(longer, cut(texts, 0, self.n), "")
            return kept, pc.if_else(longer, cut(texts, self.n), texts), ""
        kept = pc.if_else(longer, cut(texts, -self.n), "")
        return "", pc.if_else(longer, cut(texts, 0, -self.n), texts), kept

    @staticmethod
    def _mail(texts: pa.StringArray) -> tuple[Piece, pa.StringArray, Piece]:
        """All but the first character before the last @; the whole of a text without one."""
        parts = pc.split_pattern(texts, "@", max_splits=1, reverse=True)
        is_mail = pc.equal(pc.list_value_length(parts), 2)
        local = pc.list_element(parts, 0)
        places = pc.add(parts.offsets.slice(0, len(parts)), 1)
        behind = parts.values.take(masks.kept(places, masks.certain(is_mail)))
        domain = pc.coalesce(pc.binary_join_element_wise("@", behind, ""), "")
        longer = pc.and_(is_mail, pc.greater(pc.utf8_length(local), 1))
        first = pc.if_else(longer, pc.utf8_slice_codeunits(local, 0, 1), "")
        return first, pc.if_else(longer, pc.utf8_slice_codeunits(local, 1), local), domain

    def _cover(self, inside: pa.StringArray) -> pa.StringArray:
        if self.preserve_length and self.keep_separators:
            return pc.replace_substring_regex(
                inside, _NO_SEPARATOR, self.character.replace("\\", "\\\\")
            )
        length = pc.utf8_length(inside)
        if not self.preserve_length:
            length = pc.if_else(pc.greater(length, 0), FIXED_LENGTH, 0)
        return pc.binary_repeat(self.character, length)
