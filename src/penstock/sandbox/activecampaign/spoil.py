"""Rows that are wrong in themselves: too big, of the wrong kind, or not quite JSON."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from penstock.sandbox.activecampaign.encode import Encode
from penstock.sandbox.activecampaign.makers.world import Row

SpoilKind = Literal[
    "oversize", "not_object", "no_id", "null_id", "lone_surrogate", "duplicate_key", "bad_escape"
]


@dataclass(frozen=True)
class Spoil:
    """How one row is spoiled.

    Args:
        kind: which way.
        field: the field that is padded, doubled or broken; the first text field by default.
        size_bytes: length of the whole row when it is oversize.
    """

    kind: SpoilKind
    field: str | None = None
    size_bytes: int = 1_000_000

    def __post_init__(self) -> None:
        if self.kind not in get_args(SpoilKind):
            raise ValueError(
                f"No spoilt row {self.kind!r}; kinds: {', '.join(get_args(SpoilKind))}."
            )

    def encode(self, row: Row, encode: Encode) -> bytes:
        """The JSON text of the row, spoilt."""
        field = self.field or next(name for name, value in row.items() if isinstance(value, str))
        return _WAYS[self.kind](self, row, field, encode)


def _oversize(spoil: Spoil, row: Row, field: str, encode: Encode) -> bytes:
    missing = spoil.size_bytes - len(encode(row | {field: ""}))
    return encode(row | {field: "x" * max(missing, 0)})


def _not_object(_spoil: Spoil, row: Row, _field: str, encode: Encode) -> bytes:
    return encode(str(row["id"]))


def _no_id(_spoil: Spoil, row: Row, _field: str, encode: Encode) -> bytes:
    return encode({name: value for name, value in row.items() if name != "id"})


def _null_id(_spoil: Spoil, row: Row, _field: str, encode: Encode) -> bytes:
    return encode(row | {"id": None})


def _lone_surrogate(_spoil: Spoil, row: Row, field: str, encode: Encode) -> bytes:
    """Valid JSON whose text is no Unicode: half of an emoji, as cut by a careless client."""
    return encode(row | {field: "half @@ pair"}).replace(b"@@", rb"\ud83d", 1)


def _duplicate_key(_spoil: Spoil, row: Row, field: str, encode: Encode) -> bytes:
    return encode(row)[:-1] + b"," + encode({field: "second"})[1:]


def _bad_escape(_spoil: Spoil, row: Row, field: str, encode: Encode) -> bytes:
    """Not JSON at all; the whole page cannot be read."""
    return encode(row | {field: "bad @@ escape"}).replace(b"@@", rb"\x41", 1)


_WAYS: dict[str, Callable[[Spoil, Row, str, Encode], bytes]] = {
    "oversize": _oversize,
    "not_object": _not_object,
    "no_id": _no_id,
    "null_id": _null_id,
    "lone_surrogate": _lone_surrogate,
    "duplicate_key": _duplicate_key,
    "bad_escape": _bad_escape,
}
