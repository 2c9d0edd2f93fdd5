"""MySQL's binary form of JSON as text, in the form that the server writes it.

https://dev.mysql.com/doc/dev/mysql-server/latest/json__binary_8h.html
"""

from __future__ import annotations

import base64
import json
from struct import unpack_from
from typing import Any, Final

from penstock.connectors.sources.mysql.log.texts import number_text

_SMALL_OBJECT, _LARGE_OBJECT, _SMALL_ARRAY, _LARGE_ARRAY = 0, 1, 2, 3
_LITERAL, _INT16, _UINT16, _INT32, _UINT32, _INT64, _UINT64, _DOUBLE, _STRING = range(4, 13)
_OPAQUE: Final = 15
_LITERALS: Final = {0: "null", 1: "true", 2: "false"}
_NUMBERS: Final = {
    _INT16: "<h", _UINT16: "<H", _INT32: "<i", _UINT32: "<I", _INT64: "<q", _UINT64: "<Q",
}  # fmt: skip
_NEWDECIMAL, _DATE, _TIME, _DATETIME, _TIMESTAMP = 246, 10, 11, 12, 7


def json_text(value: bytes) -> str:
    """The document as text.

    Raises:
        ValueError: it is none.
    """
    # The server writes an empty value for what it could not keep; clients see null.
    return _value(value, value[0], 1) if value else "null"


def _value(data: bytes, kind: int, at: int) -> str:
    if kind in (_SMALL_OBJECT, _LARGE_OBJECT):
        return _object(data[at:], large=kind == _LARGE_OBJECT)
    if kind in (_SMALL_ARRAY, _LARGE_ARRAY):
        return _array(data[at:], large=kind == _LARGE_ARRAY)
    if kind == _LITERAL:
        return _LITERALS[data[at]]
    if kind in _NUMBERS:
        return str(unpack_from(_NUMBERS[kind], data, at)[0])
    if kind == _DOUBLE:
        number = number_text(unpack_from("<d", data, at)[0])
        # So that it stays a number with a fraction.
        return number if set(number) & set(".e") else f"{number}.0"
    if kind == _STRING:
        size, at = _size(data, at)
        return _quoted(data[at : at + size].decode())
    if kind == _OPAQUE:
        size, start = _size(data, at + 1)
        return _opaque(data[at], data[start : start + size])
    raise ValueError(f"a JSON value of kind {kind}")


def _object(data: bytes, *, large: bool) -> str:
    size, form = (4, "<I") if large else (2, "<H")
    count = unpack_from(form, data)[0]
    keys_at = 2 * size
    values_at = keys_at + count * (size + 2)
    parts = []
    for i in range(count):
        place = keys_at + i * (size + 2)
        start = unpack_from(form, data, place)[0]
        length = unpack_from("<H", data, place + size)[0]
        key = _quoted(data[start : start + length].decode())
        parts.append(f"{key}: {_entry(data, values_at + i * (size + 1), large=large)}")
    return "{" + ", ".join(parts) + "}"


def _array(data: bytes, *, large: bool) -> str:
    size, form = (4, "<I") if large else (2, "<H")
    count = unpack_from(form, data)[0]
    entries = (_entry(data, 2 * size + i * (size + 1), large=large) for i in range(count))
    return "[" + ", ".join(entries) + "]"


def _entry(data: bytes, at: int, *, large: bool) -> str:
    """A value that stands in its entry when it is small, else where the entry says."""
    kind = data[at]
    inline = kind in (_LITERAL, _INT16, _UINT16) or (large and kind in (_INT32, _UINT32))
    if inline:
        return _value(data, kind, at + 1)
    return _value(data, kind, unpack_from("<I" if large else "<H", data, at + 1)[0])


def _size(data: bytes, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first."""
    size = shift = 0
    while True:
        byte = data[at]
        at += 1
        size |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return size, at
        shift += 7


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _opaque(kind: int, data: bytes) -> str:
    if kind == _NEWDECIMAL:
        return _decimal(data)
    if kind in (_DATE, _TIME, _DATETIME, _TIMESTAMP):
        return f'"{_moment(kind, unpack_from("<q", data)[0])}"'
    return f'"base64:type{kind}:{base64.b64encode(data).decode()}"'


def _decimal(data: bytes) -> str:
    precision, scale, body = data[0], data[1], bytearray(data[2:])
    negative = not body[0] & 0x80
    body[0] ^= 0x80
    if negative:
        body = bytearray(byte ^ 0xFF for byte in body)
    sizes = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
    text, at = "", 0
    for digits, first in ((precision - scale, True), (scale, False)):
        groups = [9] * (digits // 9)
        rest = [digits % 9] if digits % 9 else []
        for group in [*rest, *groups] if first else [*groups, *rest]:
            text += f"{int.from_bytes(body[at : at + sizes[group]], 'big'):0{group}}"
            at += sizes[group]
    whole = text[: precision - scale].lstrip("0") or "0"
    return ("-" if negative else "") + whole + (f".{text[precision - scale :]}" if scale else "")


def _moment(kind: int, packed: int) -> str:
    sign, packed = ("-", -packed) if packed < 0 else ("", packed)
    micros, rest = packed & 0xFFFFFF, packed >> 24
    clock: Any = (rest >> 12 & (1023 if kind == _TIME else 31), rest >> 6 & 63, rest & 63)
    time = f"{clock[0]:02}:{clock[1]:02}:{clock[2]:02}.{micros:06}"
    if kind == _TIME:
        return sign + time
    date, month = rest >> 17, rest >> 22
    day = f"{month // 13:04}-{month % 13:02}-{date & 31:02}"
    return day if kind == _DATE else f"{day} {time}"
