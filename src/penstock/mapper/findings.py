"""Fields whose values do not all go into their columns (pipelines.md 12.7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from penstock.core.fits import Fit, fit
from penstock.core.types import logical_name

_WORDS: Final = {
    Fit.LOSSY: "values may lose precision",
    Fit.CHECKED: "values that do not convert fail",
    Fit.NEVER: "no value converts, all fail",
}


@dataclass(frozen=True)
class Finding:
    """One field and its column: how `source` goes into `target` (logical names)."""

    field: str
    column: str
    source: str
    target: str
    fit: Fit

    @property
    def incompatible(self) -> bool:
        """Whether the mapping is flagged: no value converts."""
        return self.fit is Fit.NEVER

    @property
    def sentence(self) -> str:
        return f"{self.field} ({self.source}) -> {self.column} ({self.target}): {_WORDS[self.fit]}"


def finding(
    field: str, source: pa.DataType, column: str, target: pa.Field | pa.DataType
) -> Iterator[Finding]:
    """What is to be said of values of a field's type in a column; nothing when all convert."""
    how = fit(source, target)
    if how in _WORDS:
        yield Finding(field, column, logical_name(source), logical_name(target), how)
