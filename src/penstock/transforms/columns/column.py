"""A column on its way through blocks: of several kinds at once, with set nulls beside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import to_text, types
from penstock.core.convert import convert
from penstock.core.widen import common
from penstock.transforms.columns import masks
from penstock.transforms.columns.masks import Mask


class Kind(StrEnum):
    """What a value is, as users see it (transformations.md 2.1)."""

    STRING = "STRING"
    NUMBER = "NUMBER"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIME = "TIME"
    TIMESTAMP = "TIMESTAMP"
    ARRAY = "ARRAY"
    OBJECT = "OBJECT"
    BYTES = "BYTES"


@dataclass(frozen=True)
class Part:
    """The values of one kind; null where the row holds none of it.

    Objects and arrays are JSON texts under string, arrays of a source may also be lists.
    """

    kind: Kind
    values: pa.Array

    @property
    def family(self) -> tuple[Kind, str]:
        """Parts of one family can be put into one array without loss."""
        return self.kind, _family(self.values.type)

    def texts(self) -> pa.StringArray:
        """The values as text: numbers by their shortest, times by ISO 8601, nested compact."""
        if self.kind in (Kind.STRING, Kind.OBJECT) or pa.types.is_string(self.values.type):
            return self.values
        text = to_text.as_text(self.values)
        if not pa.types.is_floating(self.values.type):
            return text
        whole = pc.invert(pc.match_substring_regex(text, r"[.eNI]"))
        return pc.if_else(whole, pc.binary_join_element_wise(text, ".0", ""), text)


def _family(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_decimal(kind):
        return "decimal"
    if pa.types.is_floating(kind):
        return "float"
    return str(kind)


@dataclass(frozen=True)
class Column:
    """n rows, each with a value in one of the parts, with null that was set, or with nothing.

    Args:
        rows: n.
        parts: arrays of length n; at each row at most one is valid.
        nulls: rows where null was set; None for no row.
        source: the array this was read from, while nothing has changed: it leaves as it came.
    """

    rows: int
    parts: tuple[Part, ...] = ()
    nulls: Mask | None = None
    source: pa.Array | None = None

    @classmethod
    def of(cls, kind: Kind, values: pa.Array, nulls: Mask | None = None) -> Column:
        """A column of one kind."""
        return cls(len(values), (Part(kind, values),), nulls)

    @cached_property
    def valid(self) -> Mask:
        """Rows with a value."""
        found = masks.none(self.rows)
        for part in self.parts:
            found = pc.or_(found, part.values.is_valid())
        return found

    @cached_property
    def null(self) -> Mask:
        """Rows where null was set."""
        return masks.none(self.rows) if self.nulls is None else self.nulls

    @cached_property
    def present(self) -> Mask:
        """Rows that have the field, null counts."""
        return self.valid if self.nulls is None else pc.or_(self.valid, self.nulls)

    def only(self, where: Mask) -> Column:
        """The same, and nothing in the other rows."""
        if masks.is_all(where):
            return self
        parts = tuple(Part(p.kind, masks.kept(p.values, where)) for p in self.parts)
        nulls = None if self.nulls is None else pc.and_(self.nulls, where)
        return joined(self.rows, parts, nulls)

    def merged(self, where: Mask, new: Column) -> Column:
        """Rows of `new` where the mask is true, our own elsewhere."""
        if masks.is_all(where):
            return new
        if masks.is_none(where):
            return self
        mine, others = self.only(masks.outside(where)), new.only(where)
        nulls = (
            None if mine.nulls is None and others.nulls is None else pc.or_(mine.null, others.null)
        )
        return joined(self.rows, (*mine.parts, *others.parts), nulls)

    def with_null(self, where: Mask) -> Column:
        """Null set in these rows."""
        if masks.is_none(where):
            return self
        return self.merged(where, Column(self.rows, (), masks.every(self.rows)))

    def picked(self, where: Mask) -> Column:
        """Only the rows of the mask, fewer than before."""
        count = where.true_count
        return Column(
            count,
            tuple(Part(p.kind, p.values.filter(where)) for p in self.parts),
            None if self.nulls is None else self.nulls.filter(where),
            None if self.source is None else self.source.filter(where),
        )

    def taken(self, order: pa.Array) -> Column:
        """The rows in another order."""
        return Column(
            len(order),
            tuple(Part(p.kind, p.values.take(order)) for p in self.parts),
            None if self.nulls is None else self.nulls.take(order),
            None if self.source is None else self.source.take(order),
        )

    def marked(self) -> Column:
        """Null set wherever there is no value."""
        return replace(self, nulls=masks.outside(self.valid), source=None)

    def part(self, kind: Kind) -> Part | None:
        """The part of a kind, when there is exactly one."""
        found = [part for part in self.parts if part.kind is kind]
        return found[0] if len(found) == 1 else None

    def array(self) -> pa.Array:
        """One array of all kinds, under the smallest type that holds every value."""
        if self.source is not None:
            return self.source
        arrays = [_leaving(part) for part in _filled(self.parts)]
        if not arrays:
            return pa.nulls(self.rows)
        if len(arrays) == 1:
            return arrays[0]
        if all(types.is_json(a.type) or pa.types.is_list(a.type) for a in arrays):
            target, arrays = types.JSON, [to_text.as_json(a) for a in arrays]
        else:
            target = common(a.type for a in arrays)
            arrays = [convert(a, a.type, target).array for a in arrays]
        return _coalesced(arrays, target)


def _filled(parts: Sequence[Part]) -> Sequence[Part]:
    """Parts with a value; where there is none, the first for the sake of its type."""
    return [p for p in parts if p.values.null_count < len(p.values)] or parts[:1]


def _leaving(part: Part) -> pa.Array:
    if part.kind in (Kind.OBJECT, Kind.ARRAY) and pa.types.is_string(part.values.type):
        return types.json_array(part.values)
    return part.values


def _coalesced(arrays: Sequence[pa.Array], target: pa.DataType) -> pa.Array:
    if target == types.JSON:
        return types.json_array(pc.coalesce(*(a.storage for a in arrays)))
    return pc.coalesce(*arrays)


def joined(rows: int, parts: Iterable[Part], nulls: Mask | None = None) -> Column:
    """A column of parts that overlap nowhere; those of one family become one."""
    families: dict[tuple[Kind, str], list[Part]] = {}
    for part in _filled(tuple(parts)):
        families.setdefault(part.family, []).append(part)
    return Column(rows, tuple(_one(group) for group in families.values()), nulls)


def _one(group: Sequence[Part]) -> Part:
    if len(group) == 1:
        return group[0]
    target = common(part.values.type for part in group)
    return Part(group[0].kind, pc.coalesce(*(part.values.cast(target) for part in group)))


def stacked(columns: Sequence[Column]) -> Column:
    """Columns below one another."""
    rows = sum(column.rows for column in columns)
    families: dict[tuple[Kind, str], pa.DataType] = {}
    for column in columns:
        for part in column.parts:
            known = families.get(part.family, part.values.type)
            families[part.family] = common((known, part.values.type))
    parts = [
        Part(kind, pa.concat_arrays([_of_family(c, (kind, name), target) for c in columns]))
        for (kind, name), target in families.items()
    ]
    nulls = None
    if any(column.nulls is not None for column in columns):
        nulls = pa.concat_arrays([column.null for column in columns])
    sources = [column.source for column in columns if column.source is not None]
    source = None
    if len(sources) == len(columns) and len({s.type for s in sources}) == 1:
        source = pa.concat_arrays(sources)
    return Column(rows, tuple(_filled(parts)), nulls, source)


def _of_family(column: Column, family: tuple[Kind, str], target: pa.DataType) -> pa.Array:
    for part in column.parts:
        if part.family == family:
            return part.values.cast(target)
    return pa.nulls(column.rows, target)


def missing(rows: int) -> Column:
    """A field that no row has."""
    return Column(rows)
