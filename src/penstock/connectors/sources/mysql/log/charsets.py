"""Character sets of one byte that Python does not have, or has otherwise than the servers.

Source: `sql/share/charsets/*.xml` of the servers, whose tables `CONVERT(... USING utf8mb4)` shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NONE: Final = "\ufffe"
"""For `charmap_decode`: no character."""


def _high(of_latin1: Mapping[int, str]) -> str:
    """A set that is ISO 8859-1 but for some places; "" where there is no character."""
    return "".join(of_latin1.get(byte, chr(byte)) or _NONE for byte in range(256))


def _of(codec: str, other: Mapping[int, str]) -> str:
    """A codec of Python but for some places; "" where the servers have no character."""
    codec_has = bytes(range(256)).decode(codec, "replace").replace("\ufffd", _NONE)
    return "".join(other.get(byte, codec_has[byte]) or _NONE for byte in range(256))


def _row(first: int, texts: str) -> dict[int, str]:
    return {first + at: text for at, text in enumerate(texts)}


_SWEDISH: Final = {
    **_row(0x40, "É"), **_row(0x5B, "ÄÖÅÜ"), **_row(0x60, "é"), **_row(0x7B, "äöåü"),
    **dict.fromkeys(range(0x7F, 0x100), ""),
}  # fmt: skip
_DEC: Final = {
    **dict.fromkeys((0xA4, 0xA6, *range(0xAC, 0xB0), 0xB4, 0xB8, 0xBE, 0xD0, 0xDE, 0xF0), ""),
    0xA8: "¤", 0xD7: "Œ", 0xDD: "Ÿ", 0xF7: "œ", 0xFD: "ÿ", 0xFE: "", 0xFF: "",
}  # fmt: skip
_ARMENIAN: Final = _row(0xA1, "❁§։)(»«—.՝,-՟…՜՛՞") | _row(
    0xB2, "".join(chr(0x531 + at) + chr(0x561 + at) for at in range(38)) + "’'"
)
_KAMENICKY: Final = _row(0x80, "ČüéďäĎŤčěĚĹÍľĺÄÁÉžŽôöÓůÚýÖÜŠĽÝŘťáíóúňŇŮÔšřŕŔ") | {0xAD: "¡"}
_GEORGIAN: Final = {
    **_row(0x80, "€"), 0x81: "", **_row(0x82, "‚"), 0x83: "", **_row(0x84, "„…†‡"), 0x88: "",
    0x89: "‰", 0x8A: "", 0x8B: "‹", **dict.fromkeys(range(0x8C, 0x91), ""),
    **_row(0x91, "‘’“”•–—"), 0x98: "", 0x99: "", 0x9A: "", 0x9B: "›",
    **dict.fromkeys(range(0x9C, 0xA0), ""), **_row(0xC0, "აბგდევზჱთიკლმნჲოპჟრსტჳუფქღყშჩცძწჭხჴჯჰჵ"),
    **dict.fromkeys(range(0xE6, 0x100), ""), 0xFD: "№",
}  # fmt: skip

TABLES: Final[Mapping[str, str]] = {
    "swe7": _high(_SWEDISH),
    "dec8": _high(_DEC),
    "armscii8": _high(_ARMENIAN),
    "keybcs2": _of("cp437", _KAMENICKY),
    "geostd8": _high(_GEORGIAN),
    "hebrew": _of("iso8859_8", {0xAF: "‾"}),
    "koi8u": _of("koi8_u", {0x95: "•"}),
    "greek": _of("iso8859_7", {0xA1: "ʽ", 0xA2: "ʼ", 0xA4: "", 0xA5: "", 0xAA: ""}),
    "cp866": _of("cp866", {0xFC: "ⁿ", 0xFD: "²"}),
    "tis620": _of(
        "tis_620", dict.fromkeys((0xA0, *range(0xDB, 0xDF), *range(0xFC, 0x100)), "\ufffd")
    ),
}
"""The character of each byte; no byte above 127 in `swe7`, where those below differ from ASCII."""
