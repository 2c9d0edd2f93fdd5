"""The strategies for nested data of a pipeline, at work in a job."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.core.events import Transformer
from penstock.core.spec import PipelineSpec
from penstock.engine.task import StreamPlan
from penstock.nested import NameStore, NestedSettings, Nesting, PathNames, Shaper, Strategy


def with_nested(
    spec: PipelineSpec,
    pipeline: str,
    plans: Mapping[str, StreamPlan],
    memory: NameStore,
    before: Transformer | None,
) -> Transformer | None:
    """The transformation with the shaping of nested data behind it, where there is any to do.

    JSON columns need none: they are the default of every destination.
    """
    chosen = {plan.event_type: _strategy(spec, name) for name, plan in plans.items()}
    if {*chosen.values()} <= {Strategy.JSON_COLUMNS}:
        return before
    names = PathNames(memory, f"nested data of {pipeline}: ", chosen)
    shapers = {
        strategy: Shaper(NestedSettings(strategy=strategy, infer_dates=spec.infer_dates), names)
        for strategy in {*chosen.values()}
    }
    return Nesting(lambda event_type: shapers[chosen[event_type]], before)


def is_taken_apart(spec: PipelineSpec, name: str) -> bool:
    """Whether nested data of an object becomes something else than a column of JSON."""
    return _strategy(spec, name) is not Strategy.JSON_COLUMNS


def _strategy(spec: PipelineSpec, name: str) -> Strategy:
    own = spec.object_settings(name).json_strategy
    return Strategy(own or spec.json_strategy or Strategy.JSON_COLUMNS)
