"""A flow of blocks as it is stored, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from penstock.transforms.blocks import BLOCKS
from penstock.transforms.blocks.block import Block, OnError
from penstock.transforms.blocks.if_else import IfElse
from penstock.transforms.filters.filters import Filters
from penstock.transforms.formula.tree import FormulaError

DEEPEST = 10
"""If-Else blocks within one another."""


@dataclass(frozen=True)
class Problem:
    """What keeps a flow from being deployed, or what its author should know.

    Args:
        block: id of the block; empty for the flow.
        field: the setting, e.g. `settings.value` or `filters.event.0`.
        at: place in a formula, counted from 0.
        warning: the flow can be deployed all the same.
    """

    block: str
    field: str
    message: str
    at: int | None = None
    warning: bool = False


class StoredBlock(BaseModel):
    """One block in its stored form; its settings are read by its class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    type: str
    label: str = ""
    filters: Filters = Field(default_factory=Filters)
    settings: dict[str, Any] = Field(default_factory=dict)
    on_error: OnError = OnError.FAIL


class StoredFlow(BaseModel):
    """The stored form of transformations.md 7.1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["BLOCKS"] = "BLOCKS"
    version: int = 1
    blocks: list[dict[str, Any]] = Field(default_factory=list)


@dataclass(frozen=True)
class Step:
    """A block ready to run; an If-Else has its two branches."""

    id: str
    label: str
    block: Block
    filters: Filters
    on_error: OnError
    then: tuple[Step, ...] = ()
    otherwise: tuple[Step, ...] = ()

    @property
    def name(self) -> str:
        """As errors speak of it."""
        return f"Block {self.id} ({self.label or self.block.title})"


@dataclass(frozen=True)
class Compiled:
    """The steps that can run, and the problems found on the way."""

    steps: tuple[Step, ...]
    problems: tuple[Problem, ...]


def compiled(blocks: Sequence[dict[str, Any]]) -> Compiled:
    """The blocks of a flow read; each is looked at, whatever is wrong with the others."""
    problems: list[Problem] = []
    steps = _sequence(blocks, 0, problems)
    problems += _repeated(steps)
    return Compiled(steps, tuple(problems))


def _sequence(
    blocks: Sequence[dict[str, Any]], depth: int, problems: list[Problem]
) -> tuple[Step, ...]:
    steps = []
    for place, raw in enumerate(blocks):
        step = _step(raw, depth, problems)
        if step is None:
            continue
        if isinstance(step.block, IfElse) and place < len(blocks) - 1:
            message = "An If-Else is the last block of its sequence: its branches never meet."
            problems.append(Problem(step.id, "", message))
        steps.append(step)
    return tuple(steps)


def _step(raw: dict[str, Any], depth: int, problems: list[Problem]) -> Step | None:
    name = str(raw.get("id", "")) if isinstance(raw, dict) else ""
    try:
        stored = StoredBlock.model_validate(raw)
    except ValidationError as error:
        problems += _of(error, name, "")
        return None
    kind = BLOCKS.get(stored.type)
    if kind is None:
        problems.append(Problem(name, "type", f"There is no block {stored.type}."))
        return None
    if not kind.on_fields and stored.filters.field:
        message = f"{kind.title} works on whole events: it has no field filter."
        problems.append(Problem(name, "filters.field", message))
    try:
        block = kind.model_validate(stored.settings)
    except ValidationError as error:
        problems += _of(error, name, "settings")
        return None
    step = Step(stored.id, stored.label, block, stored.filters, stored.on_error)
    return _branched(step, depth, problems) if isinstance(block, IfElse) else step


def _branched(step: Step, depth: int, problems: list[Problem]) -> Step | None:
    assert isinstance(step.block, IfElse)
    if depth >= DEEPEST:
        message = f"If-Else blocks stand in one another at most {DEEPEST} deep."
        problems.append(Problem(step.id, "", message))
        return None
    return replace(
        step,
        then=_sequence(step.block.then, depth + 1, problems),
        otherwise=_sequence(step.block.otherwise, depth + 1, problems),
    )


def _of(error: ValidationError, block: str, under: str) -> Iterator[Problem]:
    for found in error.errors(include_url=False):
        place = ".".join(str(part) for part in (*([under] if under else []), *found["loc"]))
        cause = found.get("ctx", {}).get("error")
        if isinstance(cause, FormulaError):
            yield Problem(block, place or "settings", cause.message, cause.at)
        else:
            message = found["msg"].removeprefix("Value error, ")
            yield Problem(block, place, message[:1].upper() + message[1:] + ".")


def every_step(steps: Iterable[Step]) -> Iterator[Step]:
    """All steps, those of branches too."""
    for step in steps:
        yield step
        yield from every_step(step.then)
        yield from every_step(step.otherwise)


def _repeated(steps: Iterable[Step]) -> Iterator[Problem]:
    seen: set[str] = set()
    for step in every_step(steps):
        if step.id in seen:
            yield Problem(step.id, "id", f"Two blocks have the id {step.id}.")
        seen.add(step.id)
