"""MariaDB's UUID and INET types of the log as the text that the server makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from struct import unpack
from typing import Final


def _uuid(value: bytes) -> str:
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _inet4(value: bytes) -> str:
    return ".".join(map(str, value))


def _inet6(value: bytes) -> str:
    """As the server writes it: the first longest run of zeros is left out, be it of one word.

    Addresses of IPv4 in those of IPv6 end as such: `Inet6::to_string` of `sql_type_inet.cc`.
    """
    words = unpack(">8H", value)
    start, size = max(
        ((at, _zeros(words[at:])) for at in range(8)), key=lambda run: (run[1], -run[0])
    )
    if start == 0 and (size == 6 or (size == 5 and words[5] == 0xFFFF)):
        return f"::{'ffff:' if size == 5 else ''}{_inet4(value[12:])}"
    parts = [f"{word:x}" for word in words]
    if not size:
        return ":".join(parts)
    return f"{':'.join(parts[:start])}::{':'.join(parts[start + size :])}"


def _zeros(words: Sequence[int]) -> int:
    return next((at for at, word in enumerate(words) if word), len(words))


ADDRESSES: Final[Mapping[str, Callable[[bytes], str]]] = {
    "uuid": _uuid,
    "inet6": _inet6,
    "inet4": _inet4,
}
