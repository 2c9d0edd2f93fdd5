"""Mappings and surroundings for tests of the mapper."""

from __future__ import annotations

from collections.abc import Mapping as Dict

import pyarrow as pa

from penstock.core.mapping import Column, Left, Mapping
from penstock.mapper.applying import Around
from penstock.mapper.limits import Limits


def columns(**types: pa.DataType) -> tuple[Column, ...]:
    """Columns named as their fields, in lower case."""
    return tuple(
        Column(name, name.lower(), pa.field(name.lower(), kind)) for name, kind in types.items()
    )


DEALS = Mapping(
    "deals", "ac_deals", ("id",),
    columns(id=pa.int64(), title=pa.string(), value=pa.decimal128(10, 2)),
    left=(Left("Net Worth", pa.float64(), "no column"),),
)  # fmt: skip
NEW = Mapping(
    "notes", "", (), left=(Left("id", pa.int64()), Left("Body", pa.string()), Left("n", pa.null()))
)  # fmt: skip


def around(
    tables: Dict[str, pa.Schema] | None = None, *, auto_mapping: bool = True, limit: int = 100
) -> Around:
    there = tables if tables is not None else {"ac_deals": DEALS.schema}
    return Around(
        auto_mapping, Limits(columns=limit), there.get, {"deals": ("id",), "notes": ("id",)}
    )
