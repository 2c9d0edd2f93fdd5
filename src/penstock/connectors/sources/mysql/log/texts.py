"""Text of the log, which comes in the character set of its column, as UTF-8."""

from __future__ import annotations

from codecs import charmap_decode
from decimal import Decimal
from typing import Final

import numpy as np
import pyarrow as pa

from penstock.connectors.sources.mysql.log.charsets import TABLES
from penstock.core.errors import ConfigError

_UTF8: Final = frozenset({"utf8mb4", "utf8mb3", "utf8", "ascii", None})
_CODECS: Final = {
    "latin1": "cp1252", "latin2": "iso8859_2", "latin5": "iso8859_9", "latin7": "iso8859_13",
    "cp1250": "cp1250", "cp1251": "cp1251", "cp1256": "cp1256", "cp1257": "cp1257",
    "cp850": "cp850", "cp852": "cp852", "cp932": "cp932", "sjis": "shift_jis",
    "ujis": "euc_jp", "eucjpms": "euc_jp", "euckr": "cp949", "gbk": "gbk", "gb2312": "gb2312",
    "gb18030": "gb18030", "big5": "big5", "hp8": "hp_roman8", "koi8r": "koi8_r",
    "macce": "mac_latin2", "macroman": "mac_roman", "ucs2": "utf_16_be", "utf16": "utf_16_be",
    "utf16le": "utf_16_le", "utf32": "utf_32_be",
}  # fmt: skip
_NOT_ASCII: Final = frozenset({"ucs2", "utf16", "utf16le", "utf32", "swe7"})
_OTHERWISE: Final = {
    "sjis": str.maketrans("＼", "\\"),
    "ujis": str.maketrans("＼", "\\"),
    "eucjpms": str.maketrans("〜‖−¢£¬", "～∥－￠￡￢"),
}
"""Characters that the servers take for others than Python does."""

_PLAIN: Final = range(-14, 16)
"""Places of the point, counted from the first digit, for which no exponent is written
(MAX_DECPT_FOR_F_FORMAT in the server's dtoa.cc)."""


def number_text(value: float) -> str:
    """A DOUBLE as the server writes it: the fewest digits that tell it from its neighbours."""
    number = Decimal(repr(value))
    if number.is_zero() or number.adjusted() + 1 in _PLAIN:
        text = f"{number:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, _, exponent = f"{number:e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"


def decoded(raw: pa.BinaryArray, charset: str | None) -> tuple[pa.Array, dict[int, str]]:
    """The text, null where the bytes are none; and where that is.

    Raises:
        ConfigError: there is no way to read the character set.
    """
    if charset not in _UTF8 and charset not in _CODECS and charset not in TABLES:
        raise ConfigError(
            f"Text in the character set {charset} cannot be read from the log.",
            hint="Convert the column: ALTER TABLE ... MODIFY ... CHARACTER SET utf8mb4;",
            code="source.charset",
        )
    if charset in _UTF8 or (charset not in _NOT_ASCII and _is_ascii(raw)):
        try:
            return raw.cast(pa.string()), {}
        except pa.ArrowInvalid:
            charset = "utf8mb4"
    texts: list[str | None] = []
    wrong = {}
    for at, value in enumerate(raw.to_pylist()):
        text = None if value is None else _text(value, charset or "utf8mb4")
        if value is not None and text is None:
            wrong[at] = f"{value[:40]!r} is no text in {charset}"
        texts.append(text)
    return pa.array(texts, pa.string()), wrong


def _is_ascii(raw: pa.BinaryArray) -> bool:
    """Whether no byte is above 127: then all but the wide character sets agree."""
    data = raw.buffers()[2]
    return data is None or not len(data) or int(np.frombuffer(data, np.uint8).max()) < 0x80


def _text(value: bytes, charset: str) -> str | None:
    try:
        if charset in TABLES:
            return charmap_decode(value, "strict", TABLES[charset])[0]
        text = value.decode(_CODECS.get(charset, "utf_8"))
    except UnicodeDecodeError:
        # The server's latin1 is cp1252 with the five free places as in ISO 8859-1.
        return "".join(map(_latin1, value)) if charset == "latin1" else None
    return text.translate(_OTHERWISE[charset]) if charset in _OTHERWISE else text


def _latin1(byte: int) -> str:
    try:
        return bytes((byte,)).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)
