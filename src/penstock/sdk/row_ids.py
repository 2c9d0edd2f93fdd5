"""Generated row ids: the keys of records whose source gives them none (pipelines.md 3.1).

The id is the SHA-256, in hex, of the record's canonical JSON: RFC 8785 but for two things, so
that an id never depends on a float. A number keeps all its digits, and a whole number that is
written without point and exponent stays as it is. docs/row-ids.md tells the form with examples;
it can never change, for the ids are in tables.
"""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from penstock.core.stream import RowId

_MOST_PLAIN: Final = 21
_LEAST_PLAIN: Final = -6
"""Between these powers of ten numbers are written without an exponent, as in ECMAScript."""
_USUAL: Final = re.compile(
    r"(-?(?:[1-9][0-9]{0,20}(?:\.[0-9]*[1-9])?|0\.0{0,5}[1-9](?:[0-9]*[1-9])?))(?:\.0+|0*)",
    re.ASCII,
)
"""A number that is in the one form already, but for zeros at its end."""


def row_id(record: bytes | msgspec.Raw, spec: RowId) -> str:
    """The id of one record: 64 hexadecimal digits.

    Args:
        record: a JSON object as the source gave it, UTF-8.
        spec: which of its members count. Of named fields one that is missing counts as null;
            else the members that came count, nulls among them.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is not such an object.
    """
    members = _DECODER.decode(record)
    if spec.fields:
        members = {name: members.get(name) for name in spec.fields}
    elif spec.drop:
        members = {name: value for name, value in members.items() if name not in spec.drop}
    return hashlib.sha256(_ENCODER.encode(members)).hexdigest()


def canonical_number(text: str) -> str:
    """A JSON number with point or exponent in the one form that numbers of its value have."""
    usual = _USUAL.fullmatch(text) if "." in text else None
    return usual[1] if usual else _by_value(text)


def _by_value(text: str) -> str:
    try:
        sign, digits, exponent = Decimal(text).as_tuple()
    except InvalidOperation:  # an exponent of more than eighteen digits
        return text.lower()
    known = "".join(map(str, digits)).lstrip("0")
    shown = known.rstrip("0")
    if not shown:
        return "0"
    assert isinstance(exponent, int)
    point = exponent + len(known)
    return "-" * sign + _placed(shown, point)


def _placed(digits: str, point: int) -> str:
    """Digits with the point after so many of them, which may be none or more than there are."""
    if len(digits) <= point <= _MOST_PLAIN:
        return digits.ljust(point, "0")
    if 0 < point <= _MOST_PLAIN:
        return f"{digits[:point]}.{digits[point:]}"
    if _LEAST_PLAIN < point <= 0:
        return f"0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{rest}e{point - 1:+d}"


def _number(text: str) -> msgspec.Raw:
    return msgspec.Raw(canonical_number(text).encode())


_DECODER: Final = msgspec.json.Decoder(dict[str, Any], float_hook=_number)
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
