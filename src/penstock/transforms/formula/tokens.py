"""The words of a formula."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from penstock.transforms.formula.tree import FormulaError

Sort = Literal["text", "number", "name", "odd name", "keyword", "op", "end"]

_WORDS: Final = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*")
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)
      | (?P<odd>`[^`]+`)
      | (?P<keyword>\$[A-Za-z_]+)
      | (?P<name>[^\W\d]\w*)
      | (?P<op>&&|\|\||[=!<>]=|[-+*/%!<>(),.])
    )""",
    re.VERBOSE,
)
_ESCAPES: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True)
class Token:
    """One word and where it begins."""

    sort: Sort
    text: str
    at: int


def tokens(formula: str) -> Iterator[Token]:
    """The words in order, then one that says "end".

    Raises:
        FormulaError: a character that begins no word.
    """
    at = 0
    end = len(formula.rstrip())
    while at < end:
        found = _WORDS.match(formula, at)
        if found is None:
            at += len(formula[at:]) - len(formula[at:].lstrip())
            raise FormulaError(_trouble(formula[at]), at)
        at = found.end()
        yield _token(found)
    yield Token("end", "", end)


def _token(found: re.Match[str]) -> Token:
    sort = str(found.lastgroup)
    word, at = found[sort], found.start(sort)
    if sort == "text":
        inner = _ESCAPES.sub(lambda m: _ESCAPED.get(m[1], m[1]), word[1:-1])
        return Token("text", inner, at)
    if sort == "odd":
        return Token("odd name", word[1:-1], at)
    return Token(sort, word, at)  # type: ignore[arg-type]


def _trouble(character: str) -> str:
    if character == '"':
        return "A text does not end: a quote is missing."
    if character == "`":
        return "A field name does not end: a backtick is missing."
    return f"The character {character} means nothing here."
