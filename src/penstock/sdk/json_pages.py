"""Pages of an API: JSON bodies whose rows are decoded into structs made to measure.

A struct that knows every member of the rows is decoded three times as fast as dictionaries.
So the first page, and any page with a new member, teaches the reader a struct.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import msgspec

from penstock.core.infer import JsonNumber
from penstock.core.stream import RowId
from penstock.sdk import json_slices
from penstock.sdk.row_ids import row_id as id_of_row

MAX_ROW_BYTES: Final = 128_000_000
_REFUSED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NULL: Final = msgspec.Raw(b"null")
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RAWS: Final = list[msgspec.Raw]
_VALUES: Final = msgspec.json.Decoder(dict[str, Any], float_hook=JsonNumber)
_ODD: Final = re.compile(r'["\\\x00-\x1f\x7f]')
"""Names that a struct cannot have; their pages are read row by row, by way of dictionaries."""
_BOM: Final = b"\xef\xbb\xbf"

Row = msgspec.Struct
"""One row: attributes f0, f1, ... in the order in which the page lists the members."""


class NoEnvelope(ValueError):
    """The body is a JSON object without the expected member."""


class NotAnArray(ValueError):
    """The expected member is there, but holds no array."""


@dataclass(frozen=True)
class Page:
    """One decoded body; every element of its envelope is in `rows`, `bad` or `oversize`.

    Args:
        rows: in the order received.
        bad: rows set aside as (bytes, reason).
        oversize: rows over the limit as (id or None, bytes).
        ids: generated ids of the rows; empty when they have a key.
    """

    rows: list[Row]
    bad: list[tuple[bytes, str]] = field(default_factory=list)
    oversize: list[tuple[str | None, bytes]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    _others: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def count(self) -> int:
        """Elements of the envelope, good or not."""
        return len(self.rows) + len(self.bad) + len(self.oversize)

    @cached_property
    def other(self) -> dict[str, Any]:
        """The other top-level members (meta, sideloads) as plain objects, decoded on demand."""
        return {name: _plain(bytes(raw)) for name, raw in self._others.items()}


def _plain(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except _REFUSED:
        return None


class PageReader:
    """Decodes the pages of one stream, learning members as they appear.

    Args:
        row_id: give each row an id made of its JSON, for streams without a key.
    """

    def __init__(
        self,
        envelope: str,
        drop: frozenset[str] = frozenset(),
        *,
        id_field: str = "id",
        max_row_bytes: int = MAX_ROW_BYTES,
        row_id: RowId | None = None,
    ) -> None:
        self._envelope = envelope
        self._drop = drop
        self._id_field = id_field
        self._max_row_bytes = max_row_bytes
        self._row_id = row_id
        self._top: list[str] = [envelope]
        self.members: list[str] = []
        """Members seen so far, in order of appearance, without the dropped ones."""
        self._names: list[str] = []
        self._learn([])

    def decode(self, body: bytes) -> Page:
        """The rows of one body.

        Raises:
            json_slices.NotJson: no JSON object, or a cut-off one.
            NoEnvelope: an object without the envelope.
            NotAnArray: the envelope is no array.
        """
        body = body.removeprefix(_BOM)
        if len(body) <= self._max_row_bytes:
            try:
                return self._page(self._decoder.decode(body), body)
            except _REFUSED:
                pass  # a new member, or something wrong: look at every row by itself
        return self._row_by_row(body)

    def names(self, kind: type[Row]) -> list[str]:
        """The members of a row type, in the order of its attributes."""
        # Members are only ever added at the end, so older types know the first ones.
        return self._names[: len(kind.__struct_fields__)]

    def values(self, rows: Sequence[Row], member: str) -> list[Any]:
        """One member of each row, None where a row lacks it."""
        if member not in self._names:
            return [None] * len(rows)
        attribute = f"f{self._names.index(member)}"
        return [getattr(row, attribute, None) for row in rows]

    def _page(self, top: Any, body: bytes) -> Page:
        rows = top.t0
        if rows is msgspec.UNSET:
            raise NoEnvelope(f"The body has no member {self._envelope}.")
        self._let_go(rows)
        others = {name: getattr(top, f"t{at}") for at, name in enumerate(self._top)}
        del others[self._envelope]
        others = {k: v for k, v in others.items() if v is not msgspec.UNSET}
        return Page(rows, ids=self._ids_in(body), _others=others)

    def _ids_in(self, body: bytes) -> list[str]:
        """The ids of all rows of a sound body; rows as read do not tell null from missing."""
        if self._row_id is None:
            return []
        return self._ids(msgspec.json.decode(_MEMBERS.decode(body)[self._envelope], type=_RAWS))

    def _ids(self, raws: Iterable[bytes | msgspec.Raw]) -> list[str]:
        spec = self._row_id
        return [] if spec is None else [id_of_row(raw, spec) for raw in raws]

    def _row_by_row(self, body: bytes) -> Page:
        others, raws = self._slices(body)
        page = Page([], _others=others)
        sound = self._learn_from(raws, page)
        for raw in sound:
            try:
                row, ids = self._row(raw), self._ids([raw])
            except _REFUSED as error:
                page.bad.append((raw, _reason(error)))
                continue
            page.rows.append(row)
            page.ids.extend(ids)
        self._let_go(page.rows)
        return page

    def _row(self, raw: bytes) -> Row:
        if self._odd:
            members = _VALUES.decode(raw)
            known = [(at, name) for at, name in enumerate(self._names) if name in members]
            row: Row = self._row_type(**{f"f{at}": members[name] for at, name in known})
        else:
            row = self._row_decoder.decode(raw)
        return row

    def _let_go(self, rows: Sequence[Row]) -> None:
        """Empty the dropped members, so that rows do not keep the whole body in memory."""
        for attribute in self._dropped:
            for row in rows:
                setattr(row, attribute, _NULL)

    def _slices(self, body: bytes) -> tuple[dict[str, Any], list[bytes]]:
        """The other members, and the bytes of each row."""
        try:
            top: dict[str, Any] = dict(_MEMBERS.decode(body))
        except _REFUSED:
            top = dict(json_slices.members(body))
        if self._envelope not in top:
            raise NoEnvelope(f"The body has no member {self._envelope}.")
        rows = bytes(top.pop(self._envelope))
        if not rows.startswith(b"["):
            raise NotAnArray(f"The member {self._envelope} is not an array.")
        try:
            raws: Iterable[Any] = msgspec.json.decode(rows, type=_RAWS)
        except _REFUSED:
            raws = json_slices.parts(rows)
        return top, [bytes(raw) for raw in raws]

    def _learn_from(self, raws: list[bytes], page: Page) -> list[bytes]:
        """Learn the members of rows that can be read; set the others aside."""
        names: dict[str, None] = {}
        sound = []
        for raw in raws:
            if len(raw) > self._max_row_bytes:
                page.oversize.append((self._id_of(raw), raw))
                continue
            try:
                names.update(dict.fromkeys(_MEMBERS.decode(raw)))
                sound.append(raw)
            except _REFUSED as error:
                page.bad.append((raw, _reason(error)))
        known = {*self._names}
        new = [name for name in names if name not in known]
        top = [name for name in page._others if name not in self._top]
        if new or top:
            self._top += top
            self._learn(new)
        return sound

    def _learn(self, new: list[str]) -> None:
        self._names += new
        self.members += [name for name in new if name not in self._drop]
        self._odd = any(_ODD.search(name) for name in self._names)
        row: Any = _struct("Row", "f", [(n, *self._member_type(n)) for n in self._names])
        rest = [(name, msgspec.Raw, msgspec.UNSET) for name in self._top[1:]]
        top = _struct("Top", "t", [(self._envelope, list[row], msgspec.UNSET), *rest])
        self._row_type = row
        self._decoder = msgspec.json.Decoder(top, float_hook=JsonNumber)
        self._row_decoder = msgspec.json.Decoder(row, float_hook=JsonNumber)
        self._dropped = [f"f{at}" for at, name in enumerate(self._names) if name in self._drop]

    def _member_type(self, name: str) -> tuple[Any, Any]:
        # A Raw member is skipped, not built.
        return (msgspec.Raw, _NULL) if name in self._drop else (Any, None)

    def _id_of(self, raw: bytes) -> str | None:
        try:
            found = msgspec.json.decode(_MEMBERS.decode(raw)[self._id_field])
        except (*_REFUSED, KeyError):
            return None
        return None if found is None else str(found)


def _struct(name: str, prefix: str, members: list[tuple[str, Any, Any]]) -> type[Row]:
    """A struct with one attribute per member, so that any JSON name will do."""
    return msgspec.defstruct(
        name,
        [
            (f"{prefix}{at}", kind, msgspec.field(default=default, name=_field_name(member, at)))
            for at, (member, kind, default) in enumerate(members)
        ],
        forbid_unknown_fields=True,
        gc=False,
    )


def _field_name(member: str, at: int) -> str:
    return f"\x7f{at}" if _ODD.search(member) else member


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "The row holds bytes that are not UTF-8."
    if isinstance(error, RecursionError):
        return "The row is nested too deeply."
    return f"The row cannot be decoded: {error}."
