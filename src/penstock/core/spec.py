"""What the user wants: the model behind `penstock.yaml`, the API and the screens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from glob import escape
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_serializer,
    model_validator,
)

from penstock.core.schedule import Schedule

LoadMode = Literal["merge", "append", "history"]
NameStyle = Literal["classic", "snake", "off"]
SchemaPolicy = Literal["ALLOW_ALL", "ALLOW_COLUMNS", "BLOCK_ALL"]
FailurePolicy = Literal["MODERATE", "STRICT"]
QueryMode = Literal[
    "FULL_LOAD", "UNIQUE_INCREMENTING_APPEND_ONLY", "DELTA_TIMESTAMP", "CHANGE_DATA_CAPTURE", "XMIN"
]
JsonStrategy = Literal["JSON_COLUMNS", "JSON_STRINGS", "FLATTEN_SPLIT"]

DeleteHandling = Literal["SOFT", "IGNORE", "HARD"]
TruncateHandling = Literal["IGNORE", "FLAG_ALL"]
OffsetRecovery = Literal["NONE", "REPAIR", "RESTART_HISTORICAL"]

NAME_LIMIT = 255
PREFIX_LIMIT = 32


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ConnectionSpec(_Strict):
    """One connection: its connector's type, and settings that only the connector understands.

    In the file the settings stand beside `type`. In a workspace's spec they are as written,
    with references; what `Workspace.source` gives has the values, secrets as `SecretStr`.
    """

    type: str
    settings: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        rest = {name: value for name, value in raw.items() if name != "type"}
        return {**({"type": raw["type"]} if "type" in raw else {}), "settings": rest}

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        return {"type": self.type, **self.settings}

    @staticmethod
    def of(kind: str, settings: Mapping[str, Any]) -> ConnectionSpec:
        return ConnectionSpec.model_validate({"type": kind, **settings})


class Selection(_Strict):
    """Which objects of the source are read; patterns as in a shell, exclusions win."""

    include: Names = ("*",)
    exclude: Names = ()

    def takes(self, name: str) -> bool:
        wanted = any(fnmatchcase(name, pattern) for pattern in self.include)
        return wanted and not any(fnmatchcase(name, pattern) for pattern in self.exclude)

    def without(self, names: Iterable[str]) -> Selection:
        """The same, and none of these."""
        return Selection(include=self.include, exclude=(*self.exclude, *map(escape, names)))


class ObjectSettings(_Strict):
    """What differs for one object; None keeps the pipeline's or the source's choice.

    Args:
        query_mode: how a table is read again (pipelines.md 2.5).
        cursor: the columns that the mode asks for: the incrementing one, or the timestamp,
            or the timestamp and the incrementing one.
        delay_ms: rows younger than this wait for a later read.
    """

    primary_key: Names | None = None
    load_mode: Annotated[LoadMode | None, BeforeValidator(_lower)] = None
    json_strategy: Annotated[JsonStrategy | None, BeforeValidator(_upper)] = None
    delete_safety: Share | None = None
    query_mode: Annotated[QueryMode | None, BeforeValidator(_upper)] = None
    cursor: Names | None = None
    delay_ms: Annotated[int | None, Field(ge=0)] = None
    delete_handling: Annotated[DeleteHandling | None, BeforeValidator(_upper)] = None
    on_source_truncate: Annotated[TruncateHandling | None, BeforeValidator(_upper)] = None


class TransformSpec(_Strict):
    """What changes the events of a pipeline on their way; in the file also just a path.

    Args:
        script: a Python file, relative to the workspace.
        flow: a file with the stored form of a block flow, JSON or YAML.
        blocks: the blocks themselves (transformations.md 7.1).
    """

    script: str | None = None
    flow: str | None = None
    blocks: list[dict[str, Any]] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, raw: Any) -> Any:
        if not isinstance(raw, str):
            return raw
        return {"flow" if raw.endswith((".json", ".yaml", ".yml")) else "script": raw}

    @model_validator(mode="after")
    def _one(self) -> TransformSpec:
        if sum(value is not None for value in (self.script, self.flow, self.blocks)) != 1:
            raise ValueError("needs one of script, flow and blocks")
        return self


class PipelineSpec(_Strict):
    """One pipeline (pipelines.md 9.1).

    Args:
        delete_safety: when a complete read would mark more than this share of a table's
            rows as deleted, none is marked until the user accepts it.
        delete_handling: what a row becomes that is deleted in the source: flagged (SOFT), left
            as it is (IGNORE) or removed (HARD, in merge mode).
        on_source_truncate: what becomes of a table's rows when the source empties it at once.
        json_strategy: None takes the destination's default.
        include_new_tables: whether tables that appear after the first job are read when only
            a pattern takes them; None leaves it to the source (yes for logs, no for tables).
        package_rows: rows after which a load package closes, at the next checkpoint; None
            lets the memory budget decide. Smaller ones show progress sooner and cost more.
        auto_mapping: whether new event types get tables and new fields columns by themselves; an
            event type may have a switch of its own, see `penstock mapping`.
        keep_op_column: tables get `_ps_op`, what brought a row last: I, U, D or R.
        auto_recover_offset: what is done by itself when the position in a change log is lost:
            nothing, read again what differs, or read everything again (pipelines.md 19.3).
        transform: what `penstock transform` tests and deploys; jobs use what is deployed.
    """

    source: str
    destination: str
    destination_prefix: str = ""
    schedule: Schedule = Schedule(every_s=6 * 3600)
    load_mode: Annotated[LoadMode, BeforeValidator(_lower)] = "merge"
    objects: Selection = Selection()
    settings: dict[str, ObjectSettings] = {}
    name_style: Annotated[NameStyle, BeforeValidator(_lower)] = "classic"
    infer_dates: bool = True
    auto_mapping: bool = True
    schema_policy: Annotated[SchemaPolicy, BeforeValidator(_upper)] = "ALLOW_ALL"
    failure_policy: Annotated[FailurePolicy, BeforeValidator(_upper)] = "MODERATE"
    json_strategy: Annotated[JsonStrategy | None, BeforeValidator(_upper)] = None
    delete_safety: Share = 0.2
    delete_handling: Annotated[DeleteHandling, BeforeValidator(_upper)] = "SOFT"
    on_source_truncate: Annotated[TruncateHandling, BeforeValidator(_upper)] = "IGNORE"
    include_new_tables: bool | None = None
    package_rows: Annotated[int | None, Field(ge=1)] = None
    keep_op_column: bool = False
    auto_recover_offset: Annotated[OffsetRecovery, BeforeValidator(_upper)] = "NONE"
    transform: TransformSpec | None = None

    @field_validator("destination_prefix")
    @classmethod
    def _prefix(cls, value: str) -> str:
        if not re.fullmatch(rf"[A-Za-z0-9_]{{0,{PREFIX_LIMIT}}}", value):
            raise ValueError(f"can have letters, digits and _ only, at most {PREFIX_LIMIT} of them")
        return value

    def object_settings(self, name: str) -> ObjectSettings:
        return self.settings.get(name, ObjectSettings())


class StateSpec(_Strict):
    """Where Penstock keeps what it remembers; empty means `.penstock/` in the workspace."""

    dir: str | None = None
    catalog: str | None = None
    staging: str | None = None


class WorkspaceSpec(_Strict):
    """All of `penstock.yaml`, references to secrets unresolved."""

    version: int
    sources: dict[str, ConnectionSpec] = {}
    destinations: dict[str, ConnectionSpec] = {}
    pipelines: dict[str, PipelineSpec] = {}
    state: StateSpec = StateSpec()

    @field_validator("version")
    @classmethod
    def _known(cls, value: int) -> int:
        if value != 1:
            raise ValueError("must be 1, the only version of this file so far")
        return value

    @field_validator("pipelines")
    @classmethod
    def _names(cls, value: dict[str, PipelineSpec]) -> dict[str, PipelineSpec]:
        for name in value:
            if not 0 < len(name) <= NAME_LIMIT or not name.isprintable() or name != name.strip():
                raise ValueError(
                    f"has a pipeline name that does not work: {name[:40]!r}. "
                    f"Use 1 to {NAME_LIMIT} printable characters"
                )
        return value

    def to_plain(self) -> dict[str, Any]:
        """Lists, mappings and scalars for YAML or JSON; defaults are left out."""
        return {"version": self.version, **self.model_dump(exclude_defaults=True, mode="json")}
