"""What reading a stream needs besides its calls: columns and the cutter of its pages."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from penstock.core.stream import ReadMode, RowId, Stream
from penstock.sdk.json_columns import JsonColumns
from penstock.sdk.json_kinds import FieldSpec
from penstock.sdk.rest.page import Cutter, Fields, envelope_of
from penstock.sdk.rest.paging.keyset import KeysetPages
from penstock.sdk.rest.paging.offset import OffsetPages
from penstock.sdk.rest.spec import RestSpec, SideloadSpec, StreamSpec


def columns_of(
    rest: RestSpec, spec: StreamSpec, envelope: str | None = None, *, infer_dates: bool = True
) -> JsonColumns:
    """A reader of the stream's rows; it learns types, so each read has its own."""
    drop = _dropped(rest, spec)
    return JsonColumns(
        _declared(spec.fields),
        drop,
        envelope=envelope or envelope_of(spec.records),
        infer_dates=infer_dates,
        id_field=spec.primary_key[0] if spec.primary_key else "id",
        row_id=_row_id(spec, drop),
    )


def side_columns(spec: SideloadSpec, *, infer_dates: bool = True) -> JsonColumns:
    return JsonColumns(
        _declared(spec.fields),
        spec.drop,
        envelope=spec.records,
        infer_dates=infer_dates,
        id_field=spec.primary_key[0] if spec.primary_key else "id",
        row_id=_row_id(spec, spec.drop),
    )


def cutter_of(
    rest: RestSpec, spec: StreamSpec, columns: JsonColumns, sides: Mapping[str, JsonColumns]
) -> Cutter:
    """Cuts bodies into pages; `sides` are the columns of the sideloads that are read."""
    fields = Fields(
        key=spec.primary_key,
        cursor=spec.cursor.field if spec.cursor else None,
        order=_order_field(rest, spec),
        whole=spec.whole_field,
    )
    others = {
        spec.sideloads[name].records: (side, Fields(key=spec.sideloads[name].primary_key))
        for name, side in sides.items()
    }
    return Cutter(columns, spec.records, fields, total=rest.total, others=others)


def _order_field(rest: RestSpec, spec: StreamSpec) -> str | None:
    pages = spec.pages or rest.pages
    if isinstance(pages, KeysetPages):
        pages = pages.fallback
    return pages.order_field if isinstance(pages, OffsetPages) else None


def streams_of(rest: RestSpec) -> list[Stream]:
    """All streams, each followed by its sideloads."""
    found = []
    for name, spec in rest.streams.items():
        found.append(
            Stream(
                name=name,
                schema=_schema(columns_of(rest, spec)),
                primary_key=spec.primary_key,
                cursor=spec.cursor.field if spec.cursor else None,
                mode=ReadMode.INCREMENTAL if spec.cursor else ReadMode.FULL,
                title=spec.title or name,
                reports_deletes=spec.deletes,
                modified_field=spec.modified_field,
                sensitive=spec.sensitive,
                row_id=_row_id(spec, _dropped(rest, spec)),
            )
        )
        found += [
            Stream(
                side,
                _schema(side_columns(one)),
                one.primary_key,
                title=one.title or side,
                row_id=_row_id(one, one.drop),
            )
            for side, one in spec.sideloads.items()
        ]
    return found


def _dropped(rest: RestSpec, spec: StreamSpec) -> frozenset[str]:
    return rest.drop if spec.drop is None else spec.drop


def _row_id(spec: StreamSpec | SideloadSpec, drop: frozenset[str]) -> RowId | None:
    """What the rows' generated ids are made of; None for rows with a key."""
    if spec.primary_key:
        return None
    return RowId(spec.row_id if isinstance(spec.row_id, tuple) else (), drop)


def _schema(columns: JsonColumns) -> pa.Schema:
    return columns.to_arrow([]).schema


def _declared(fields: Mapping[str, str]) -> list[FieldSpec]:
    return [FieldSpec.of(name, kind) for name, kind in fields.items()]
