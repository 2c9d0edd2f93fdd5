"""Where the parts of a JSON body begin and end, for bodies that a strict decoder refuses.

Only brackets, commas and strings are looked at, so a lone surrogate, a wrong byte or
nesting of any depth stays inside its own part. Slow; used for damaged pages only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:"]', re.DOTALL)
_CLOSES: Final = {b"[": b"]", b"{": b"}"}


class NotJson(ValueError):
    """The body is not a JSON object, or is cut off; the same request may go well later."""


def members(body: bytes) -> dict[str, bytes]:
    """Members of the outermost object, each value as its own bytes.

    Raises:
        NotJson: the body is no object, or ends too early or too late.
    """
    if not body.lstrip().startswith(b"{"):
        raise NotJson("The body is not a JSON object.")
    return dict(_member(part) for part in parts(body))


def _member(part: bytes) -> tuple[str, bytes]:
    name = _TOKEN.match(part)
    if name is None or not part[name.end() :].lstrip().startswith(b":"):
        raise NotJson("A member of the body has no name.")
    value = part[name.end() :].lstrip()[1:].strip()
    try:
        return msgspec.json.decode(name[0], type=str), value
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJson("A member of the body has a name that cannot be read.") from error


def parts(body: bytes) -> Iterator[bytes]:
    """What stands between the commas of the outermost array or object.

    Raises:
        NotJson: brackets do not match, or text follows the last one.
    """
    open_brackets: list[bytes] = []
    start = 0
    for token in _TOKEN.finditer(body):
        sign = token[0]
        if sign in _CLOSES:
            open_brackets.append(_CLOSES[sign])
            start = token.end() if len(open_brackets) == 1 else start
        elif sign in (b"]", b"}"):
            if not open_brackets or open_brackets.pop() != sign:
                raise NotJson("The brackets of the body do not match.")
            if not open_brackets:
                yield from _last(body, start, token)
                return
        elif sign == b"," and len(open_brackets) == 1:
            yield _part(body, start, token.start())
            start = token.end()
        elif sign == b'"':
            break
    raise NotJson("The body is cut off.")


def _last(body: bytes, start: int, closing: re.Match[bytes]) -> Iterator[bytes]:
    if body[closing.end() :].strip():
        raise NotJson("Text follows the end of the body.")
    # An empty container has no parts; after a comma there must be one.
    if body[start - 1 : start] == b"," or body[start : closing.start()].strip():
        yield _part(body, start, closing.start())


def _part(body: bytes, start: int, end: int) -> bytes:
    part = body[start:end].strip()
    if not part:
        raise NotJson("Nothing stands between two commas of the body.")
    return part
