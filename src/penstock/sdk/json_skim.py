"""The key of a row that is too large to be received, found while its bytes pass by."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(rb'["{}\[\],:]|[^\s"{}\[\],:]+')
_INSIDE: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_MOST_BYTES: Final = 1_000
"""Names and keys are shorter; of longer texts only so much is kept."""


@dataclass
class _Open:
    """A container that has begun; an object with the name of the member it is at."""

    sign: bytes
    name: str | None = None
    names_next: bool = True


class RowKey:
    """Fed with a body chunk by chunk, holds hardly more than one of them.

    Args:
        records: dotted path of the array of rows; empty when the body is the array.
        field: the row's member to look for; the first row that has it ends the search.
    """

    def __init__(self, records: str, field: str) -> None:
        self._path = records.split(".") if records else []
        self._field = field
        self._open: list[_Open] = []
        self._text: bytes | None = None
        """The start of the string we are in."""
        self._rest = b""
        self.found: str | None = None

    def feed(self, chunk: bytes) -> bool:
        """Look at the next bytes; True once the key is found."""
        data, at = self._rest + chunk, 0
        self._rest = b""
        while self.found is None and at < len(data):
            step = self._outside if self._text is None else self._inside
            after = step(data, at)
            if after is None:
                break
            at = after
        return self.found is not None

    def _inside(self, data: bytes, at: int) -> int | None:
        match = _INSIDE.match(data, at)
        end = match.end() if match else at
        assert self._text is not None
        self._text += data[at : min(end, at + _MOST_BYTES - len(self._text))]
        if data[end : end + 1] != b'"':
            self._rest = data[end:]  # the chunk ends, perhaps after half an escape
            return None
        text, self._text = self._text, None
        self._scalar(b'"' + text + b'"')
        return end + 1

    def _outside(self, data: bytes, at: int) -> int | None:
        match = _TOKEN.search(data, at)
        if match is None:
            return None
        token = match[0]
        if token == b'"':
            self._text = b""
        elif token in b"{[":
            self._open.append(_Open(token))
        elif token in b"}]":
            self._open[-1:] = []
        elif token in b",:":
            if self._open:
                self._open[-1].names_next = token == b","
        elif match.end() == len(data):
            self._rest = token[:_MOST_BYTES]  # it may go on in the next chunk
            return None
        else:
            self._scalar(token)
        return match.end()

    def _scalar(self, raw: bytes) -> None:
        here = self._open[-1] if self._open else None
        if here is None or here.sign != b"{":
            return
        if here.names_next:
            here.name = _plain(raw)
        elif here.name == self._field and self._in_a_row():
            self.found = _plain(raw)

    def _in_a_row(self) -> bool:
        *outer, rows, _row = [*self._open] if len(self._open) > 1 else [_Open(b""), _Open(b"")]
        return rows.sign == b"[" and [one.name for one in outer] == self._path


def _plain(raw: bytes) -> str | None:
    """A JSON string or whole number as text; None for what is neither."""
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if number or isinstance(value, str) else None
