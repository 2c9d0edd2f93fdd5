"""Arrays of a source as columns, each value under its kind."""

from __future__ import annotations

from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import to_text, types
from penstock.core.convert import convert
from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column, Kind, Part, joined
from penstock.transforms.columns.masks import Mask

_KINDS: Final = {
    types.Logical.BOOLEAN: Kind.BOOLEAN,
    types.Logical.BYTES: Kind.BYTES,
    types.Logical.DATE: Kind.DATE,
    types.Logical.TIME: Kind.TIME,
    types.Logical.TIMESTAMP: Kind.TIMESTAMP,
    types.Logical.TIMESTAMPTZ: Kind.TIMESTAMP,
    types.Logical.ARRAY: Kind.ARRAY,
    types.Logical.STRING: Kind.STRING,
}
_TEXTS: Final = {types.Logical.UUID, types.Logical.TIMETZ}
_INTEGER: Final = r"^-?[0-9]+$"


def read(array: pa.Array, nulls: Mask | None = None) -> Column:
    """A column of the source; it leaves as it came when nothing changes it."""
    column = _read(array)
    if nulls is None or masks.is_none(nulls):
        nulls = column.nulls
    return Column(len(array), column.parts, nulls, array)


def _read(array: pa.Array) -> Column:
    family = types.logical(array.type)
    if family is types.Logical.UNKNOWN:
        return Column(len(array))
    if family is types.Logical.JSON:
        return from_json(to_text.as_json(array).storage)
    if family in _TEXTS:
        return Column.of(Kind.STRING, to_text.as_text(array))
    plain = convert(array, array.type, types.normal(array.type)).array
    return Column.of(_KINDS.get(family, Kind.NUMBER), plain)


def from_json(texts: pa.StringArray) -> Column:
    """Compact JSON texts as the values they hold; JSON null is null that was set."""
    first = pc.utf8_slice_codeunits(texts, 0, 1)
    objects = masks.certain(pc.equal(first, "{"))
    if objects.true_count == len(texts) - texts.null_count:
        return Column.of(Kind.OBJECT, texts)
    arrays = masks.certain(pc.equal(first, "["))
    rest = masks.minus(texts.is_valid(), pc.or_(objects, arrays))
    parts = [
        Part(kind, masks.kept(texts, where))
        for kind, where in ((Kind.OBJECT, objects), (Kind.ARRAY, arrays))
    ]
    if masks.is_none(rest):
        return joined(len(texts), parts)
    parts += _scalars(texts, first, rest)
    return joined(len(texts), parts, masks.certain(pc.equal(texts, "null")))


def _scalars(texts: pa.StringArray, first: pa.StringArray, rest: Mask) -> list[Part]:
    quoted = masks.certain(pc.equal(first, '"'))
    flags = masks.certain(pc.is_in(texts, pa.array(["true", "false"])))
    null = masks.certain(pc.equal(texts, "null"))
    numbers = masks.minus(rest, pc.or_(pc.or_(quoted, flags), null))
    whole = masks.both(numbers, masks.certain(pc.match_substring_regex(texts, _INTEGER)))
    parts = [
        Part(Kind.STRING, _unquoted(masks.kept(texts, quoted))),
        Part(Kind.BOOLEAN, masks.kept(pc.equal(texts, "true"), flags)),
        Part(Kind.NUMBER, masks.kept(texts, masks.minus(numbers, whole)).cast(pa.float64())),
        *_integers(masks.kept(texts, whole)),
    ]
    return [part for part in parts if part.values.null_count < len(texts)]


def _integers(texts: pa.StringArray) -> list[Part]:
    small = convert(texts, pa.string(), pa.int64())
    parts = [Part(Kind.NUMBER, small.array)]
    if small.bad is not None:
        wide = masks.kept(texts, small.bad)
        parts.append(Part(Kind.NUMBER, convert(wide, pa.string(), pa.decimal256(76, 0)).array))
    return parts


def _unquoted(texts: pa.StringArray) -> pa.StringArray:
    plain = pc.utf8_slice_codeunits(texts, 1, -1)
    escaped = masks.certain(pc.match_substring(texts, "\\"))
    if masks.is_none(escaped):
        return plain
    decoded = [msgspec.json.decode(text) for text in texts.filter(escaped).to_pylist()]
    return pc.replace_with_mask(plain, escaped, pa.array(decoded, pa.string()))


def constant(value: str | float | bool | None, rows: int) -> Column:
    """The same plain value in every row; None is null that was set."""
    if value is None:
        return Column(rows, (), masks.every(rows))
    kind = Kind.STRING if isinstance(value, str) else Kind.NUMBER
    if isinstance(value, bool):
        kind = Kind.BOOLEAN
    return Column.of(kind, pa.repeat(pa.scalar(value), rows))
