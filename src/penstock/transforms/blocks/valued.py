"""The setting "value or formula", and what it gives for a frame."""

from __future__ import annotations

from collections.abc import Container
from functools import cached_property
from typing import ClassVar, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, model_validator

from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column
from penstock.transforms.columns.frame import Frame
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.reading import constant
from penstock.transforms.events import Events
from penstock.transforms.formula.formula import Formula, is_formula
from penstock.transforms.formula.means import Means
from penstock.transforms.formula.tree import FormulaError

ValueKind = Literal["LITERAL", "FORMULA"]


class Valued(BaseModel):
    """A value or a formula. Without `value_kind` the text itself decides, see `is_formula`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    has_own: ClassVar[bool] = True
    """Whether there is a current field that `$self` means."""

    value: str | int | float | bool
    """A value, or a formula such as `price * qty`."""
    value_kind: ValueKind | None = None
    """Whether the value is meant as it stands or as a formula; left out, the text decides."""

    @model_validator(mode="after")
    def _readable(self) -> Valued:
        """A text that was declared a formula, or can be nothing else, must be one."""
        if self.value_kind == "FORMULA" or (self.value_kind is None and self._must_be_formula):
            Formula.read(str(self.value), own=self.has_own)
        return self

    @property
    def _must_be_formula(self) -> bool:
        text = self.value
        return not (not isinstance(text, str) or not is_formula(text, ()))

    @cached_property
    def formula(self) -> Formula | None:
        """The text as a formula; None when it cannot be one, or is declared a literal."""
        if not isinstance(self.value, str) or self.value_kind == "LITERAL":
            return None
        try:
            return Formula.read(self.value, own=self.has_own)
        except FormulaError:
            return None

    def is_formula_in(self, frame: Frame) -> bool:
        """Whether the text means a formula here: undecided ones do when a field is known."""
        if self.formula is None or self.value_kind == "FORMULA":
            return self.formula is not None
        text = str(self.value)
        if is_formula(text, ()):
            return True
        roots = (field.split(".")[0] for field in self.formula.fields)
        return any(root in frame.columns for root in roots)

    def is_formula_of(self, known: Container[str]) -> bool:
        """Whether the text means a formula to somebody who knows these fields."""
        if self.formula is None or self.value_kind is not None:
            return self.formula is not None
        return is_formula(str(self.value), known)

    def type_in(self, schema: pa.Schema, own: str | None, means: Means) -> pa.DataType:
        """The type of the values for events of these fields; `pa.null()` for null alone."""
        rows = pa.RecordBatch.from_arrays([pa.nulls(1, f.type) for f in schema], schema=schema)
        frame = Frame.read(Events("", (), rows, pa.array([0], pa.int32())))
        current = None if own is None else frame.get((own,))
        return self.values(frame, masks.every(1), current, means)[0].array().type

    def values(
        self, frame: Frame, where: Mask, own: Column | None, means: Means
    ) -> tuple[Column, list[tuple[Mask, str]]]:
        """The values in these rows; null set where there is none."""
        if self.formula is not None and self.is_formula_in(frame):
            column, faults = self.formula.value(frame, where, own, means)
            return column.marked(), faults
        return constant(self.value, frame.rows), []
