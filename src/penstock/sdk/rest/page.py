"""One answer of an API as rows, and what reading needs to know of each of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from penstock.sdk.http import BadBody, error_text
from penstock.sdk.json_columns import JsonColumns
from penstock.sdk.json_pages import NoEnvelope, NotAnArray, Row
from penstock.sdk.json_pages import Page as Decoded
from penstock.sdk.json_skim import RowKey
from penstock.sdk.json_slices import NotJson
from penstock.sdk.rest.ids import Key

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_REFUSED = (msgspec.DecodeError, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class Rows:
    """Decoded rows in parallel lists with what paging and cursors look at.

    Args:
        keys: primary key; a tuple when it has several fields, None when a part is missing.
        cursors, orders: values of the cursor and of the ordering field, None when missing.
        partial: the row lacks the field that complete rows have.
        bad: elements that are no rows, as (bytes, reason).
        oversize: elements over the size limit, as (id or None, bytes).
        ids: generated ids; empty when the rows have a key.
    """

    rows: list[Row] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    cursors: list[Any] = field(default_factory=list)
    orders: list[Any] = field(default_factory=list)
    partial: list[bool] = field(default_factory=list)
    bad: list[tuple[bytes, str]] = field(default_factory=list)
    oversize: list[tuple[str | None, int]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def count(self) -> int:
        """Elements received, good or not."""
        return len(self.rows) + len(self.bad) + len(self.oversize)

    @property
    def names(self) -> Sequence[Key]:
        """What pages are compared by: the keys, or the generated ids, which may come twice."""
        return self.ids or self.keys

    @property
    def all_good(self) -> bool:
        return not (self.bad or self.oversize)

    def take(self, places: Sequence[int]) -> Rows:
        """Some of the rows; what is bad or too large stays with them."""
        if len(places) == len(self.rows):
            return self
        rows, keys, cursors, orders, partial = (
            [column[i] for i in places] for column in self._columns()
        )
        ids = [self.ids[i] for i in places] if self.ids else []
        return Rows(rows, keys, cursors, orders, partial, self.bad, self.oversize, ids)

    def extend(self, more: Rows) -> None:
        for mine, theirs in zip(self._columns(), more._columns(), strict=True):
            mine.extend(theirs)
        self.bad.extend(more.bad)
        self.oversize.extend(more.oversize)
        self.ids.extend(more.ids)

    def _columns(self) -> tuple[list[Any], ...]:
        return (self.rows, self.keys, self.cursors, self.orders, self.partial)


@dataclass(frozen=True, slots=True)
class Page:
    """One answer.

    Args:
        total: how many rows the API says there are in all; None when it does not say.
        others: rows of sideloaded arrays, by member.
        size: bytes of the body.
    """

    rows: Rows
    total: int | None = None
    others: Mapping[str, Rows] = field(default_factory=dict)
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    server_ms: int | None = None
    size: int = 0

    def joined(self, more: Page) -> Page:
        """This page with the rows of the one after it."""
        self.rows.extend(more.rows)
        for name, rows in more.others.items():
            self.others[name].extend(rows)
        total = self.total if more.total is None else more.total
        return replace(self, total=total, size=self.size + more.size)

    def value(self, path: str) -> Any:
        """The member at a dotted path of the body; None when it is not there."""
        return dig(self.members, path)

    def told(self, headers: Mapping[str, str], server_ms: int | None) -> Page:
        return replace(self, headers=headers, server_ms=server_ms)


@dataclass(frozen=True)
class Fields:
    """Names of the fields that reading looks at; None where a stream has no such field."""

    key: tuple[str, ...] = ()
    cursor: str | None = None
    order: str | None = None
    whole: str | None = None
    """A field that complete rows have and partial (redacted) ones lack."""


class Cutter:
    """Turns bodies of one stream into pages; may be used from several threads.

    Args:
        records: dotted path of the array of rows; empty when the body is the array.
        total: dotted path of the number of all rows.
        others: columns and key fields of sideloaded arrays, by member.
    """

    def __init__(
        self,
        columns: JsonColumns,
        records: str,
        fields: Fields,
        *,
        total: str | None = None,
        others: Mapping[str, tuple[JsonColumns, Fields]] | None = None,
    ) -> None:
        self._columns = columns
        self._records = records
        self._fields = fields
        self._total = total
        self._others = dict(others or {})
        self._lock = threading.Lock()

    def row_key(self) -> RowKey | None:
        """Finds the key of the first row in a body too large to cut; None: rows have no key."""
        return RowKey(self._records, self._fields.key[0]) if self._fields.key else None

    def cut(self, body: bytes) -> Page:
        """The page in a body.

        Raises:
            BadBody: nothing, no JSON, or cut off: worth another try; final when it is sound
                JSON without the rows.
        """
        if not body.strip():
            raise BadBody("the body is empty")
        with self._lock:
            decoded = self._decoded(body)
            rows = rows_of(self._columns, decoded, self._fields)
            others = {
                name: rows_of(columns, columns.decode(body), fields)
                for name, (columns, fields) in self._others.items()
                if name in decoded.other
            }
        members = decoded.other if "." not in self._records else _outer(body)
        total = count(dig(members, self._total)) if self._total else None
        return Page(rows, total, others, members, size=len(body))

    def _decoded(self, body: bytes) -> Decoded:
        try:
            return self._columns.decode(_inner(body, self._records))
        except NotJson as error:
            raise BadBody(_what_came(body)) from error
        except (NoEnvelope, NotAnArray) as error:
            raise BadBody(_without_rows(body, self._records), final=True) from error


def rows_of(columns: JsonColumns, decoded: Decoded, fields: Fields) -> Rows:
    """Rows with the fields that reading looks at picked out."""
    rows = decoded.rows

    def pick(name: str | None) -> list[Any]:
        return columns.values(rows, name) if name else [None] * len(rows)

    partial = [v is None for v in pick(fields.whole)] if fields.whole else [False] * len(rows)
    oversize = [(row_id, len(raw)) for row_id, raw in decoded.oversize]
    keys = _keys([pick(name) for name in fields.key], len(rows))
    cursors, orders = pick(fields.cursor), pick(fields.order)
    return Rows(rows, keys, cursors, orders, partial, decoded.bad, oversize, decoded.ids)


def _keys(columns: list[list[Any]], size: int) -> list[Key]:
    if not columns:
        return [None] * size
    if len(columns) == 1:
        return [_scalar(value) for value in columns[0]]
    return [
        None if any(_scalar(v) is None for v in values) else values
        for values in zip(*columns, strict=True)
    ]


def _scalar(value: Any) -> str | int | None:
    return value if isinstance(value, str | int) and value != "" else None


def count(value: Any) -> int | None:
    """A count as a number: APIs write it as a number or as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def dig(value: Any, path: str) -> Any:
    """The value at a dotted path; None when it is not there."""
    for name in path.split(".") if path else ():
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _inner(body: bytes, records: str) -> bytes:
    """The object that holds the rows as a direct member; see `envelope_of`."""
    if not records:
        return b'{"rows":' + body + b"}"
    for name in records.split(".")[:-1]:
        try:
            body = bytes(_MEMBERS.decode(body).get(name, b"null"))
        except _REFUSED as error:
            raise BadBody(_what_came(body)) from error
    return body


def envelope_of(records: str) -> str:
    """The member that `JsonColumns` is to look for, after unwrapping."""
    return records.rsplit(".", 1)[-1] if records else "rows"


def _outer(body: bytes) -> Mapping[str, Any]:
    found: Mapping[str, Any] = msgspec.json.decode(body)
    return found


def _without_rows(body: bytes, records: str) -> str:
    told = error_text(body)
    return f"the body has no list {records!r}" + (f" but says: {told}" if told else "")


def _whole(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except (*_REFUSED, RecursionError):
        return False
    return True


def _what_came(body: bytes) -> str:
    start = body.lstrip()[:1]
    if start == b"<":
        return "the body is a web page"
    if start in b"{[":
        return "the body is no JSON object" if _whole(body) else "the body is cut off"
    return "the body is not JSON"
