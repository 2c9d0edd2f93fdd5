"""From the workspace's words to what the engine is given: streams, modes, keys, generations."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from glob import escape

from penstock.core import metadata
from penstock.core.errors import ConfigError
from penstock.core.load import Deletes, Truncates, WriteMode
from penstock.core.mapping import Mapping as EventType
from penstock.core.records import Generation
from penstock.core.spec import PipelineSpec
from penstock.core.stream import ReadMode, Stream
from penstock.engine.mappers import key_fields
from penstock.engine.task import StreamPlan
from penstock.sdk.destination import Capabilities


def chosen(spec: PipelineSpec, streams: Sequence[Stream], only: Sequence[str]) -> list[Stream]:
    """Streams of the pipeline's selection, narrowed to `only` when objects were named."""
    known = [stream.name for stream in streams]
    for name in only:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise ConfigError(
                f"The source has no object called {name!r}.",
                hint=f"Did you mean {near[0]!r}?"
                if near
                else f"`penstock discover {spec.source}` lists its objects.",
                code="config.unknown_object",
                object=name,
            )
    return [
        stream
        for stream in streams
        if spec.objects.takes(stream.name) and (not only or stream.name in only)
    ]


def held_back(
    spec: PipelineSpec, streams: Sequence[Stream], before: Collection[str], *, by_default: bool
) -> list[str]:
    """Objects that appeared after the first job and that nobody has named (pipelines.md 9.1).

    A schema policy other than ALLOW_ALL holds them back whatever else is set (12.3).

    Args:
        before: objects of earlier jobs; at the first job nothing is new.
        by_default: whether the source includes new objects when the pipeline does not say.
    """
    wanted = by_default if spec.include_new_tables is None else spec.include_new_tables
    wanted &= spec.schema_policy == "ALLOW_ALL"
    if wanted or not before:
        return []
    named = {*spec.objects.include, *spec.settings, *before}
    return [item.name for item in streams if not named & {item.name, escape(item.name)}]


def gone(spec: PipelineSpec, streams: Sequence[Stream], before: Collection[str]) -> list[str]:
    """Objects of earlier jobs that the pipeline wants and the source has no more."""
    there = {stream.name for stream in streams}
    return sorted(name for name in before if name not in there and spec.objects.takes(name))


def stream_plan(
    spec: PipelineSpec,
    stream: Stream,
    capabilities: Capabilities,
    generation: Generation,
    *,
    accept_deletes: bool = False,
) -> StreamPlan:
    """How one stream is loaded; a stream without a key is appended (pipelines.md 4.2).

    Raises:
        ConfigError: history without a key, a mode the destination does not have, or a key
            field that the stream does not have.
    """
    settings = spec.object_settings(stream.name)
    mode, key = WriteMode(settings.load_mode or spec.load_mode), _key(spec, stream)
    _check_key(stream, key)
    if mode not in capabilities.modes:
        raise ConfigError(
            f"The destination cannot load in {mode.value} mode.",
            hint=f"Choose one of: {', '.join(sorted(capabilities.modes))}.",
            code="config.mode",
            object=stream.name,
        )
    if not key and mode is WriteMode.HISTORY:
        raise ConfigError(
            f"History needs a key, and {stream.name} has none.",
            hint="Set primary_key for it, or load it with append.",
            code="config.history_without_key",
            object=stream.name,
        )
    safety = settings.delete_safety if settings.delete_safety is not None else spec.delete_safety
    deletes = Deletes(settings.delete_handling or spec.delete_handling)
    if deletes is Deletes.IGNORE:
        stream = replace(stream, reports_deletes=False)
    return StreamPlan(
        stream=stream,
        event_type=stream.name,
        mode=load_mode(spec, stream),
        key=tuple(key),
        generation=generation.building if generation.building is not None else generation.current,
        published=generation.current,
        delete_safety=1.0 if accept_deletes else safety,
        deletes=deletes,
        truncates=Truncates(settings.on_source_truncate or spec.on_source_truncate),
        wanted=mode,
    )


def with_mapped_key(
    plan: StreamPlan, mapping: EventType | None, *, auto_mapping: bool
) -> StreamPlan:
    """The plan with the key that the user chose for the table, where auto mapping is off.

    Of a log the source's key stays: a row that is deleted has no other.
    """
    if mapping is None or not mapping.table or mapping.is_auto(auto_mapping):
        return plan
    key = key_fields(mapping)
    if key == plan.key or plan.stream.mode is ReadMode.LOG:
        return plan
    return replace(plan, key=key, mode=(plan.wanted or plan.mode) if key else WriteMode.APPEND)


def load_mode(spec: PipelineSpec, stream: Stream) -> WriteMode:
    """The mode that is set; a stream without a key is appended."""
    settings = spec.object_settings(stream.name)
    mode = WriteMode(settings.load_mode or spec.load_mode)
    return mode if _key(spec, stream) else WriteMode.APPEND


def _key(spec: PipelineSpec, stream: Stream) -> Sequence[str]:
    settings = spec.object_settings(stream.name)
    return settings.primary_key if settings.primary_key is not None else stream.key


def _check_key(stream: Stream, key: Sequence[str]) -> None:
    generated = stream.row_id is not None and tuple(key) == metadata.GENERATED_KEY
    if generated or not stream.schema.names:
        return
    for field in key:
        if field not in stream.schema.names:
            raise ConfigError(
                f"{stream.name} has no field {field!r} to use as a key.",
                hint=f"Its fields are: {', '.join(stream.schema.names)}.",
                code="config.unknown_key",
                object=stream.name,
                field=field,
            )


def keyless(plans: Mapping[str, StreamPlan], spec: PipelineSpec) -> list[str]:
    """Streams that are appended although merge was asked for, because they have no key."""
    return [
        name
        for name, plan in plans.items()
        if not plan.key and (spec.object_settings(name).load_mode or spec.load_mode) == "merge"
    ]
