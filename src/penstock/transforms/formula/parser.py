"""Text of a formula to its tree, by binding powers (Pratt, 1973)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from penstock.transforms.formula.tokens import Token, tokens
from penstock.transforms.formula.tree import (
    Binary,
    Call,
    Constant,
    FormulaError,
    Node,
    Null,
    Own,
    Reference,
    Unary,
)

_POWERS: Final = {
    "||": 1,
    "&&": 2,
    "==": 3,
    "!=": 3,
    ">": 4,
    ">=": 4,
    "<": 4,
    "<=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "%": 6,
}
_UNARY_POWER: Final = 7
_DEEPEST: Final = 100
"""Parentheses in one another: more is a mistake, and would exhaust Python's stack."""


def parse(formula: str) -> Node:
    """The tree of a formula.

    Raises:
        FormulaError: with the place of the mistake.
    """
    return _Parser(formula).whole()


class _Parser:
    def __init__(self, formula: str) -> None:
        self._tokens = list(tokens(formula))
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        tree = self._expression(0)
        rest = self._peek()
        if rest.sort != "end":
            raise FormulaError(f"An operator is missing before {rest.text}.", rest.at)
        return tree

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += token.sort != "end"
        return token

    def _expect(self, op: str, opened_at: int) -> None:
        token = self._take()
        if token.sort != "op" or token.text != op:
            raise FormulaError(
                f"A {op} is missing.", token.at if token.sort != "end" else opened_at
            )

    def _expression(self, power: int) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FormulaError("The formula is nested too deeply.", self._peek().at)
        left = self._first()
        while (token := self._peek()).sort == "op" and _POWERS.get(token.text, 0) > power:
            self._take()
            left = Binary(token.text, left, self._expression(_POWERS[token.text]), token.at)
        self._depth -= 1
        return left

    def _first(self) -> Node:
        token = self._take()
        if token.sort == "op" and token.text in ("-", "!"):
            return _unary(token, self._expression(_UNARY_POWER))
        if token.sort == "op" and token.text == "(":
            inside = self._expression(0)
            self._expect(")", token.at)
            return inside
        if token.sort == "name" and self._is_op("("):
            return self._call(token)
        if token.sort in ("name", "odd name"):
            return self._name(token)
        return _plain(token)

    def _is_op(self, op: str) -> bool:
        token = self._peek()
        return token.sort == "op" and token.text == op

    def _call(self, name: Token) -> Node:
        opened = self._take()
        args: list[Node] = []
        while not self._is_op(")"):
            args.append(self._expression(0))
            if not self._is_op(","):
                break
            self._take()
        self._expect(")", opened.at)
        return Call(name.text.upper(), tuple(args), name.at)

    def _name(self, first: Token) -> Node:
        if first.sort == "name" and first.text in ("true", "false"):
            return Constant(first.text == "true", first.at)
        path = [first.text]
        while self._is_op("."):
            dot = self._take()
            part = self._take()
            if part.sort not in ("name", "odd name", "number"):
                raise FormulaError("The name of a field is missing after the dot.", dot.at)
            path.append(part.text)
        return Reference(tuple(path), first.at)


def _unary(token: Token, of: Node) -> Node:
    """A minus before a number is part of it."""
    if token.text == "-" and isinstance(of, Constant) and type(of.value) in (int, Decimal):
        return Constant(-of.value, token.at)  # type: ignore[operator]
    return Unary(token.text, of, token.at)


def _plain(token: Token) -> Node:
    if token.sort == "text":
        return Constant(token.text, token.at)
    if token.sort == "number":
        whole = token.text.isdigit()
        return Constant(int(token.text) if whole else Decimal(token.text), token.at)
    if token.sort == "keyword":
        if token.text == "$self":
            return Own(token.at)
        if token.text == "$null":
            return Null(token.at)
        raise FormulaError(
            f"There is no keyword {token.text}; there are $self and $null.", token.at
        )
    if token.sort == "end":
        raise FormulaError("The formula ends too early.", token.at)
    raise FormulaError(f"A value is missing before {token.text}.", token.at)
