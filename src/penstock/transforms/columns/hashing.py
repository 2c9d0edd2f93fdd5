"""Values as digests of their text."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Literal

import msgspec
import pyarrow as pa

from penstock.transforms.columns.column import Column, Kind, Part
from penstock.transforms.columns.nested import arrays

Algorithm = Literal["MD5", "SHA1", "SHA256", "SHA512"]
Encoding = Literal["HEX", "BASE64"]


def hashed(
    part: Part, algorithm: Algorithm, salt: str = "", encoding: Encoding = "HEX"
) -> pa.StringArray:
    """The digest of each value, the salt before it; null stays null."""
    # A digest here hides a value; nothing is signed with it.
    start = hashlib.new(algorithm, salt.encode(), usedforsecurity=False)
    digests: list[str | None] = []
    for data in _bytes(part):
        if data is None:
            digests.append(None)
            continue
        digest = start.copy()
        digest.update(data)
        digests.append(_written(digest.digest(), encoding))
    return pa.array(digests, pa.string())


def _written(digest: bytes, encoding: Encoding) -> str:
    return digest.hex() if encoding == "HEX" else base64.b64encode(digest).decode()


def _bytes(part: Part) -> Iterable[bytes | None]:
    """What is hashed: bytes as they are, objects with sorted keys, all else as text."""
    if part.kind is Kind.BYTES:
        return list(part.values.to_pylist())
    if part.kind in (Kind.ARRAY, Kind.OBJECT):
        texts = arrays(Column(len(part.values), (part,))).parts[0].values
        return [None if text is None else _sorted(text) for text in texts.to_pylist()]
    return list(part.texts().cast(pa.binary()).to_pylist())


def _sorted(text: str) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(text), order="sorted")
