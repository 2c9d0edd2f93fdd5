"""The mappings of a pipeline as users read and write them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict

from penstock.core.mapping import Mapping
from penstock.core.records import MappingStatus
from penstock.core.types import logical_name

INHERIT: Final = "inherit"
IGNORED: Final = "ignored"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class FieldEntry(_Strict):
    """A field: its column and type; without a column it is not loaded."""

    column: str | None = None
    type: str | None = None
    ignored: bool = False


def _field(raw: Any) -> Any:
    if isinstance(raw, str):
        if raw != IGNORED:
            raise ValueError(f"must be `{IGNORED}`, or have a column and a type")
        return {"ignored": True}
    return {} if raw is None else raw


def _switch(raw: Any) -> Any:
    return None if raw == INHERIT else raw


class EventTypeEntry(_Strict):
    """An event type; what is not written stays as it is.

    Args:
        status: SKIPPED skips it, any other includes it; these follow from the rest.
        auto_mapping: `inherit` leaves it to the pipeline.
        table: null for none.
        key: names of columns.
    """

    status: MappingStatus | None = None
    auto_mapping: Annotated[bool | None, BeforeValidator(_switch)] = None
    table: str | None = None
    key: tuple[str, ...] | None = None
    fields: dict[str, Annotated[FieldEntry, BeforeValidator(_field)]] = {}

    def says(self, name: str) -> bool:
        """Whether the file has a line of this name."""
        return name in self.model_fields_set


class MappingFile(_Strict):
    """All of a mapping file. `pipeline`, where it is there, keeps the file from other ones."""

    pipeline: str | None = None
    event_types: dict[str, EventTypeEntry] = {}


def to_plain(pipeline: str, mappings: Iterable[Mapping], *, auto_mapping: bool) -> dict[str, Any]:
    """The mappings as lists, dicts and scalars; reading them back changes nothing."""
    return {
        "pipeline": pipeline,
        "event_types": {
            item.event_type: entry(item, auto_mapping=auto_mapping)
            for item in sorted(mappings, key=lambda item: item.event_type)
        },
    }


def entry(mapping: Mapping, *, auto_mapping: bool) -> dict[str, Any]:
    """One event type as in `to_plain`."""
    fields: dict[str, Any] = {
        column.field: {"column": column.name, "type": logical_name(column.type)}
        for column in mapping.columns
    }
    for item in mapping.left:
        fields[item.field] = IGNORED if item.ignored else {"type": logical_name(item.type)}
    return {
        "status": mapping.status(auto_mapping).value,
        "auto_mapping": INHERIT if mapping.auto is None else mapping.auto,
        "table": mapping.table or None,
        "key": list(mapping.key),
        "fields": fields,
    }
