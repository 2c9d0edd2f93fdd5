"""Texts in another case."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc


class Casing(StrEnum):
    """How letters are written."""

    LOWER = "LOWER"
    UPPER = "UPPER"
    TITLE = "TITLE"
    SNAKE_CASE = "SNAKE_CASE"
    CAMEL = "CAMEL"
    SENTENCE = "SENTENCE"


def snake(texts: pa.StringArray) -> pa.StringArray:
    """orderLine ID to order_line_id: words end where case, or anything but letters, says so."""
    words = pc.replace_substring_regex(texts, r"[^\p{L}\p{N}]+", "_")
    words = pc.replace_substring_regex(words, r"([\p{Ll}\p{N}])(\p{Lu})", r"\1_\2")
    words = pc.replace_substring_regex(words, r"(\p{Lu})(\p{Lu}\p{Ll})", r"\1_\2")
    return pc.utf8_lower(pc.utf8_trim(words, "_"))


def _camel(texts: pa.StringArray) -> pa.StringArray:
    joined = pc.replace_substring(pc.utf8_title(snake(texts)), "_", "")
    first = pc.utf8_lower(pc.utf8_slice_codeunits(joined, 0, 1))
    return pc.binary_join_element_wise(first, pc.utf8_slice_codeunits(joined, 1), "")


_CASINGS: Final[dict[Casing, Callable[[pa.StringArray], pa.StringArray]]] = {
    Casing.LOWER: pc.utf8_lower,
    Casing.UPPER: pc.utf8_upper,
    Casing.TITLE: pc.utf8_title,
    Casing.SNAKE_CASE: snake,
    Casing.CAMEL: _camel,
    Casing.SENTENCE: pc.utf8_capitalize,
}


def cased(texts: pa.StringArray, casing: Casing) -> pa.StringArray:
    """Each text in that case."""
    return _CASINGS[casing](texts)
