"""Which tables the transformation of a pipeline fills, as far as that can be told beforehand."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from penstock.control.workspace import Workspace
from penstock.core.records import Method
from penstock.engine.mappers import event_type_plan, key_fields
from penstock.engine.task import StreamPlan, Task
from penstock.store import Catalog

if TYPE_CHECKING:
    from penstock.transforms.stored import Step


@dataclass(frozen=True)
class Shapes:
    """What becomes of events: of blocks that can be computed, of a script only looked up.

    Args:
        steps: of the flow; None for a script.
    """

    steps: tuple[Step, ...] | None

    def plans(self, task: Task, plan: StreamPlan) -> list[StreamPlan]:
        """A plan for each event type that a stream's events may become."""
        found: dict[str, StreamPlan] = {}
        for name in task.memory.event_types().get(plan.stream.name, {}):
            mapping = task.memory.mapping(name)
            if mapping is not None:
                found[name] = event_type_plan(task, plan, name, key_fields(mapping))
        for name, fields in self._computed(plan):
            if name not in found:
                found[name] = _with(plan, name, fields)
        return list(found.values()) or [plan]

    def _computed(self, plan: StreamPlan) -> list[tuple[str, pa.Schema]]:
        if self.steps is None or not plan.stream.schema.names:
            return []
        from penstock.transforms.shaping import shapes

        return shapes(self.steps, plan.event_type, plan.stream.schema)


def shapes_of(workspace: Workspace, pipeline: str, catalog: Catalog | None) -> Shapes | None:
    """None where a run would load events as they are read."""
    flow = _method_and_flow(workspace, pipeline, catalog)
    if flow is None:
        return None
    method, stored = flow
    if method is not Method.BLOCKS:
        return Shapes(None)
    from penstock.transforms.stored import compiled

    return Shapes(compiled(stored.get("blocks", [])).steps)


def _method_and_flow(
    workspace: Workspace, pipeline: str, catalog: Catalog | None
) -> tuple[Method, dict[str, Any]] | None:
    """Of the version in force, else of what the first job would deploy."""
    known = catalog is not None and pipeline in {item.name for item in catalog.pipelines.list()}
    version = catalog.transformations.deployed(pipeline) if catalog and known else None
    if version is not None:
        if version.method is Method.NONE:
            return None
        blocks = version.method is Method.BLOCKS
        return version.method, json.loads(version.body)["flow"] if blocks else {}
    if workspace.pipeline(pipeline).transform is None:
        return None
    from penstock.worker.drafts import read_draft

    draft = read_draft(workspace, pipeline)
    return draft.method, draft.flow if draft.method is Method.BLOCKS else {}


def _with(plan: StreamPlan, name: str, fields: pa.Schema) -> StreamPlan:
    """The plan of an event type with fields that were computed; those of an unknown type wait."""
    known = pa.schema([field for field in fields if not pa.types.is_null(field.type)])
    key = plan.key if set(plan.key) <= {*fields.names} else ()
    stream = replace(plan.stream, schema=known)
    mode = plan.mode if key else plan.mode.APPEND
    return replace(plan, stream=stream, event_type=name, key=key, mode=mode)
