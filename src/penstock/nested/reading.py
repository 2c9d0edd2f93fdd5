"""JSON texts as nodes: parsed once, in bulk, level by level."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import chain, compress, repeat
from operator import is_not
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import astuple

from penstock.core.infer import JsonNumber
from penstock.core.untyped import typed_scalars
from penstock.nested.node import Member, Node, Places
from penstock.nested.seen import REFUSED, Form, Seen, Twins

_FIRST_LOOK: Final = 200
"""Values from which the first types are made."""
_SPACES: Final = r'[\[\]{},:"][ \t\r\n]|[ \t\r\n][\]}]|^[ \t\r\n]'
"""Perhaps spaces between the tokens of JSON, perhaps such signs inside a text."""
_ANY: Final = msgspec.json.Decoder(list[Any], float_hook=JsonNumber)
_ONE: Final = msgspec.json.Decoder(Any, float_hook=JsonNumber)


class Unforeseen(Exception):
    """Values have another form than all that were seen at their place before."""


class Malformed(Exception):
    """Texts that are no JSON, or are nested too deeply to be read; `rows` tells which."""

    def __init__(self, rows: dict[int, str]) -> None:
        super().__init__(rows)
        self.rows = rows


def compact(texts: pa.StringArray) -> pa.StringArray:
    """JSON texts without spaces between tokens; all else stays as it was written."""
    spaced = pc.match_substring_regex(texts, _SPACES)
    if not pc.any(spaced, min_count=0).as_py():
        return texts
    tidy = [_tidy(text) for text in texts.filter(spaced).to_pylist()]
    return pc.replace_with_mask(texts, spaced, pa.array(tidy, pa.string()))


def _tidy(text: str) -> str:
    try:
        return msgspec.json.format(text, indent=-1)
    except REFUSED:
        return text  # told when it is parsed; what stays whole stays as it came


def read_json(texts: pa.StringArray, seen: Seen) -> Node:
    """A column of compact JSON.

    Raises:
        Malformed: some rows cannot be read.
    """
    if not seen.groups:
        _learn(texts.slice(0, _FIRST_LOOK), seen)
    for learn in (_learn, _learn_twins):
        try:
            return _parsed(texts, seen)
        except (Unforeseen, *REFUSED):
            learn(texts, seen)
    return _parsed(texts, seen)


def _learn(texts: pa.StringArray, seen: Seen) -> None:
    try:
        seen.learn(_decoded(texts, _ANY))
    except (Unforeseen, *REFUSED):
        seen.learn(_one_by_one(texts))


def _learn_twins(texts: pa.StringArray, seen: Seen) -> None:
    """Learn from members of equal names, too: the last counts, but all are decoded."""
    seen.learn(
        json.loads(text, parse_float=JsonNumber, object_pairs_hook=Twins)
        for text in texts.to_pylist()
        if text is not None
    )


def _one_by_one(texts: pa.StringArray) -> list[Any]:
    """Values of texts some of which are not JSON."""
    values, bad = [], {}
    for row, text in enumerate(texts.to_pylist()):
        try:
            values.append(None if text is None else _ONE.decode(text))
        except RecursionError:
            bad[row] = "The value is nested too deeply."
        except REFUSED as error:
            bad[row] = f"The value is no JSON: {error}."
    if bad:
        raise Malformed(bad)
    return values


def _decoded(texts: pa.StringArray, decoder: msgspec.json.Decoder[list[Any]]) -> list[Any]:
    """The value of each text; null where there is none."""
    rows = pa.ListArray.from_arrays([0, len(texts)], pc.fill_null(texts, "null"))
    joined = pc.binary_join(rows, ",")[0].as_buffer()
    values = decoder.decode(b"".join((b"[", joined, b"]")))
    if len(values) != len(texts):
        raise Unforeseen  # texts that are JSON only together
    return values


def _parsed(texts: pa.StringArray, seen: Seen) -> Node:
    if seen.form is Form.TEXTS:
        return _parted(texts, seen)
    return _node(_decoded(texts, seen.column), seen)


def _node(values: Sequence[Any], seen: Seen) -> Node:
    """Decoded values of one place."""
    match seen.form:
        case Form.SCALARS:
            return Node(len(values), seen.way, _scalars(values, seen))
        case Form.RECORDS:
            return _records(values, seen)
        case Form.LISTS:
            return _lists(values, seen)
        case Form.TEXTS:
            return _parted(pa.array([*map(bytes, values)], pa.string()), seen)


def _scalars(values: Sequence[Any], seen: Seen) -> pa.Array | None:
    if not {*map(type, values)}.isdisjoint((dict, list)):
        raise Unforeseen
    array = typed_scalars(values, dates=seen.dates)
    return None if array.type == pa.null() else array


def _present(values: Sequence[Any]) -> Places:
    """Slots that are not null."""
    there = compress(range(len(values)), map(is_not, values, repeat(None)))
    return Places.of(pa.array([*there], pa.int64()), len(values))


def _records(values: Sequence[Any], seen: Seen) -> Node:
    at = _present(values)
    rows = values if at.rows is None else list(filter(None, values))
    columns = zip(*map(astuple, rows), strict=True) if rows else ()
    members = {
        name: Member(at, _node(column, inner))
        for (name, inner), column in zip(seen.members.items(), columns, strict=False)
    }
    return Node(len(values), seen.way, objects=at, members=members)


def _lists(values: Sequence[Any], seen: Seen) -> Node:
    at = _present(values)
    rows = values if at.rows is None else [value for value in values if value is not None]
    lengths = pa.array([*map(len, rows)], pa.int32())
    items = None
    if seen.items is not None:
        items = _node(list(chain.from_iterable(rows)), seen.items)
    return Node(len(values), seen.way, arrays=at, lengths=lengths, items=items)


def _parted(texts: pa.StringArray, seen: Seen) -> Node:
    """Values as they stand in the JSON, each kind by itself."""
    first = pc.utf8_slice_codeunits(texts, 0, 1)
    texts = pc.if_else(pc.equal(texts, "null"), pa.scalar(None, pa.string()), texts)
    if seen.way.as_json:
        return Node(len(texts), seen.way, whole=texts)
    is_object, is_array = (pc.fill_null(pc.equal(first, sign), False) for sign in "{[")
    scalar = pc.and_(texts.is_valid(), pc.invert(pc.or_(is_object, is_array)))
    parts = _Parts(texts, seen)
    parts.take(is_object, seen.opens_objects, _objects)
    parts.take(is_array, seen.opens_arrays, _arrays)
    parts.take(scalar, not (seen.way.one_column and seen.mixed), _plain)
    return parts.node()


class _Parts:
    """Gathers a node from the kinds of values that a place has."""

    def __init__(self, texts: pa.StringArray, seen: Seen) -> None:
        self._texts = texts
        self._seen = seen
        self._whole: pa.BooleanArray | None = None
        self._found: dict[str, Any] = {}

    def take(
        self, where: pa.BooleanArray, opened: bool, read: Callable[..., dict[str, Any]]
    ) -> None:
        """Values of one kind: opened, or left whole."""
        if not where.true_count:
            return
        if not opened:
            self._whole = where if self._whole is None else pc.or_(self._whole, where)
            return
        rows = pc.indices_nonzero(where).cast(pa.int64())
        at = Places.of(rows, len(self._texts))
        self._found |= read(at.gathered(self._texts), at, self._seen)

    def node(self) -> Node:
        whole = None
        if self._whole is not None:
            whole = pc.if_else(self._whole, self._texts, pa.scalar(None, pa.string()))
        return Node(len(self._texts), self._seen.way, whole=whole, **self._found)


def _objects(texts: pa.StringArray, at: Places, seen: Seen) -> dict[str, Any]:
    values = _decoded(texts, seen.records)
    if seen.is_odd:
        return {"objects": at, "members": _by_name(values, at, seen)}
    node = _records(values, seen)
    return {
        "objects": at,
        "members": {name: Member(at, member.node) for name, member in node.members.items()},
    }


def _by_name(values: list[dict[str, msgspec.Raw]], at: Places, seen: Seen) -> dict[str, Member]:
    """Members of dictionaries, for names that no struct can have, and for very many names."""
    found: dict[str, tuple[list[int], list[bytes]]] = {}
    for place, members in enumerate(values):
        for name, raw in members.items():
            places, raws = found.setdefault(name, ([], []))
            places.append(place)
            raws.append(bytes(raw))
    if not found.keys() <= seen.members.keys():
        raise Unforeseen
    return {
        name: Member(
            at.inner(Places.of(pa.array(places, pa.int64()), len(values))),
            _parsed(pa.array(raws, pa.string()), seen.members[name]),
        )
        for name, (places, raws) in found.items()
    }


def _arrays(texts: pa.StringArray, at: Places, seen: Seen) -> dict[str, Any]:
    node = _lists(_decoded(texts, seen.lists), seen)
    return {"arrays": at, "lengths": node.lengths, "items": node.items}


def _plain(texts: pa.StringArray, at: Places, seen: Seen) -> dict[str, Any]:
    scalars = _scalars(_decoded(texts, _ANY), seen)
    return {} if scalars is None else {"scalars": at.spread(scalars)}
