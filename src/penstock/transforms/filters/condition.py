"""Conditions as they are stored, and the rows they hold for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, reduce
from typing import Literal, Self

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from penstock.transforms.columns import masks, nested
from penstock.transforms.columns.column import Column, Kind, Part
from penstock.transforms.columns.frame import Frame
from penstock.transforms.columns.masks import Mask
from penstock.transforms.filters.compare import compared, lowered, mask_of
from penstock.transforms.filters.operand import Operand, Typed, operand
from penstock.transforms.filters.operators import (
    FOR_NAMES,
    LISTS,
    NEGATIONS,
    RANGES,
    WITHOUT_OPERAND,
    Operator,
)

Match = Literal["ALL", "ANY"]


class Condition(BaseModel):
    """One question about an event, a field's name or a field's value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: Literal["EVENT_TYPE", "EVENT_FIELD", "FIELD_NAME", "FIELD_VALUE"]
    op: Operator
    field: str | None = None
    """The field asked about, for EVENT_FIELD."""
    value: Typed | list[Typed] | None = None
    ignore_case: bool = False

    @field_validator("value")
    @classmethod
    def _no_empty_list(cls, value: Typed | list[Typed] | None) -> Typed | list[Typed] | None:
        if value == []:
            raise ValueError("name at least one value")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.on == "EVENT_FIELD" and not self.asked:
            raise ValueError("name the field")
        if self.on in ("EVENT_TYPE", "FIELD_NAME") and self.op not in FOR_NAMES:
            raise ValueError(f"a name cannot be asked {self.op}")
        if self.op in WITHOUT_OPERAND:
            return self
        if self.value is None:
            raise ValueError(f"{self.op} needs a value")
        if self.op in RANGES and len(self.operands) != 2:
            raise ValueError(f"{self.op} needs a low and a high value")
        if self.op not in RANGES | LISTS and len(self.operands) != 1:
            raise ValueError(f"{self.op} takes one value")
        if self.op is Operator.IS_TYPE and self.operands[0].text.upper() not in Kind.__members__:
            raise ValueError(f"there is no type {self.operands[0].text}")
        if self.op is Operator.REGEX:
            check_pattern(self.operands[0].text)
        return self

    @property
    def asked(self) -> str | None:
        """The field: for Has Field it may stand as the operand."""
        if self.field is None and self.op in (Operator.HAS_FIELD, Operator.NOT_HAS_FIELD):
            return self.value if isinstance(self.value, str) else None
        return self.field

    @cached_property
    def operands(self) -> tuple[Operand, ...]:
        """What was typed; text of IN may hold several, with commas between."""
        typed = self.value
        if isinstance(typed, str) and self.op in LISTS:
            return tuple(operand(item.strip()) for item in typed.split(","))
        items = typed if isinstance(typed, list) else [] if typed is None else [typed]
        return tuple(operand(item) for item in items)

    def names(self, name: str) -> bool:
        """Whether it holds of the name of an event or a field."""
        column = Column.of(Kind.STRING, pa.array([name]))
        return bool(self._of(column, as_names=True)[0].as_py())

    def values(self, column: Column) -> Mask:
        """The rows of the column it holds for."""
        return self._of(column, as_names=False)

    def _of(self, column: Column, *, as_names: bool) -> Mask:
        if self.op in _PRESENCE:
            return _PRESENCE[self.op](column)
        operands = [Operand(o.text) for o in self.operands] if as_names else list(self.operands)
        holds = masks.none(column.rows)
        for part in column.parts:
            found = _asked(part, self.op, operands, self.ignore_case)
            holds = masks.either(holds, masks.both(found, part.values.is_valid()))
        return masks.either(holds, column.null) if self.op in NEGATIONS else holds


_PRESENCE: dict[Operator, Callable[[Column], Mask]] = {
    Operator.HAS_FIELD: lambda column: column.present,
    Operator.NOT_HAS_FIELD: lambda column: masks.outside(column.present),
    Operator.IS_NULL: lambda column: column.null,
    Operator.IS_NOT_NULL: lambda column: column.valid,
}


class Group(BaseModel):
    """Conditions of which all must hold, or any; groups may stand in groups."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: Match = "ALL"
    conditions: list[Condition | Group] = Field(min_length=1)


def as_group(value: object) -> object:
    """A single condition or a plain list of them counts as a group of which all must hold."""
    if isinstance(value, dict) and "conditions" not in value:
        value = [value]
    return {"conditions": value} if isinstance(value, list) else value


def conditions_of(group: Group) -> Iterator[Condition]:
    """All conditions inside."""
    for item in group.conditions:
        if isinstance(item, Group):
            yield from conditions_of(item)
        else:
            yield item


def events_of(condition: Condition | Group, frame: Frame) -> Mask:
    """The events it holds for."""
    if isinstance(condition, Group):
        return combined((events_of(c, frame) for c in condition.conditions), condition.match)
    if condition.on == "EVENT_TYPE":
        return masks.every(frame.rows) if condition.names(frame.name) else masks.none(frame.rows)
    return condition.values(frame.get(frame.path(condition.asked or "")))


def combined(found: Iterable[Mask], match: Match) -> Mask:
    """All of them, or any of them."""
    return reduce(masks.both if match == "ALL" else masks.either, found)


def _asked(part: Part, op: Operator, operands: list[Operand], ignore_case: bool) -> Mask:
    """Whether a row's value answers; rows without value may say anything."""
    rows = len(part.values)
    if op is Operator.IS_TYPE:
        wanted = operands[0].text.upper() == part.kind
        return masks.every(rows) if wanted else masks.none(rows)
    if op in (Operator.IS_TRUE, Operator.IS_FALSE):
        if part.kind is not Kind.BOOLEAN:
            return masks.none(rows)
        return masks.certain(pc.equal(part.values, op is Operator.IS_TRUE))
    if op in RANGES:
        return _range(part, op, operands, ignore_case)
    if op in LISTS:
        found = _member(part, operands, ignore_case)
        return found if op is Operator.IN else masks.outside(found)
    if op in _TEXTUAL:
        found = _TEXTUAL[op](part, operands[0].text, ignore_case)
        return masks.outside(found) if op is Operator.NOT_CONTAINS else found
    result = compared(part, NEGATIONS.get(op, op), operands[0], ignore_case)
    if op is Operator.NEQ:
        # Text that is no number stays null here: such a condition is false.
        return masks.every(rows) if result is None else masks.certain(pc.invert(result))
    return mask_of(result, rows)


def _range(part: Part, op: Operator, operands: list[Operand], ignore_case: bool) -> Mask:
    low = compared(part, Operator.GTE, operands[0], ignore_case)
    high = compared(part, Operator.LTE, operands[1], ignore_case)
    if low is None or high is None:
        return masks.none(len(part.values))
    inside = pc.and_(low, high)
    return masks.certain(inside if op is Operator.IN_RANGE else pc.invert(inside))


def _member(part: Part, operands: list[Operand], ignore_case: bool) -> Mask:
    rows = len(part.values)
    if part.kind is Kind.STRING and all(o.number is None for o in operands):
        texts = [lowered(o.text) if ignore_case else o.text for o in operands]
        values = pc.utf8_lower(part.values) if ignore_case else part.values
        return pc.is_in(values, pa.array(texts))
    found = (mask_of(compared(part, Operator.EQ, o, ignore_case), rows) for o in operands)
    return combined(found, "ANY")


def _contains(part: Part, text: str, ignore_case: bool) -> Mask:
    if part.kind is Kind.STRING:
        return masks.certain(pc.match_substring(part.values, text, ignore_case=ignore_case))
    if part.kind is not Kind.ARRAY:
        return masks.none(len(part.values))
    wanted = operand(text)
    texts = nested.arrays(Column(len(part.values), (part,))).parts[0].values
    found = [text is not None and _holds(text, wanted, ignore_case) for text in texts.to_pylist()]
    return pa.array(found, pa.bool_())


def _holds(array: str, wanted: Operand, ignore_case: bool) -> bool:
    """Whether an element of a JSON array equals the operand."""
    return any(_same(item, wanted, ignore_case) for item in msgspec.json.decode(array))


def _same(item: object, wanted: Operand, ignore_case: bool) -> bool:
    if isinstance(item, bool):
        return item is wanted.flag
    if isinstance(item, str):
        return lowered(item) == lowered(wanted.text) if ignore_case else item == wanted.text
    if isinstance(item, int | float):
        return wanted.number is not None and operand(item).number == wanted.number
    return False


def _starts(part: Part, text: str, ignore_case: bool) -> Mask:
    return _text_asked(part, lambda v: pc.starts_with(v, text, ignore_case=ignore_case))


def _ends(part: Part, text: str, ignore_case: bool) -> Mask:
    return _text_asked(part, lambda v: pc.ends_with(v, text, ignore_case=ignore_case))


def _regex(part: Part, text: str, ignore_case: bool) -> Mask:
    return _text_asked(part, lambda v: pc.match_substring_regex(v, text, ignore_case=ignore_case))


def _text_asked(part: Part, ask: Callable[[pa.Array], pa.Array]) -> Mask:
    if part.kind is not Kind.STRING:
        return masks.none(len(part.values))
    return masks.certain(ask(part.values))


_TEXTUAL: dict[Operator, Callable[[Part, str, bool], Mask]] = {
    Operator.CONTAINS: _contains,
    Operator.NOT_CONTAINS: _contains,
    Operator.STARTS_WITH: _starts,
    Operator.ENDS_WITH: _ends,
    Operator.REGEX: _regex,
}


def check_pattern(pattern: str) -> None:
    """Raises ValueError with RE2's words for a pattern it does not take."""
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        raise ValueError(f"the pattern is not valid: {str(error).splitlines()[0]}") from error
