"""The operators of conditions, and what each takes."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Operator(StrEnum):
    """What is asked of a value, a name or a field (transformations.md 7.3)."""

    EQ = "EQ"
    NEQ = "NEQ"
    GT = "GT"
    GTE = "GTE"
    LT = "LT"
    LTE = "LTE"
    IN_RANGE = "IN_RANGE"
    NOT_IN_RANGE = "NOT_IN_RANGE"
    IN = "IN"
    NOT_IN = "NOT_IN"
    CONTAINS = "CONTAINS"
    NOT_CONTAINS = "NOT_CONTAINS"
    STARTS_WITH = "STARTS_WITH"
    ENDS_WITH = "ENDS_WITH"
    REGEX = "REGEX"
    IS_TRUE = "IS_TRUE"
    IS_FALSE = "IS_FALSE"
    IS_NULL = "IS_NULL"
    IS_NOT_NULL = "IS_NOT_NULL"
    HAS_FIELD = "HAS_FIELD"
    NOT_HAS_FIELD = "NOT_HAS_FIELD"
    IS_TYPE = "IS_TYPE"


WITHOUT_OPERAND: Final = {
    Operator.IS_TRUE,
    Operator.IS_FALSE,
    Operator.IS_NULL,
    Operator.IS_NOT_NULL,
    Operator.HAS_FIELD,
    Operator.NOT_HAS_FIELD,
}
RANGES: Final = {Operator.IN_RANGE, Operator.NOT_IN_RANGE}
LISTS: Final = {Operator.IN, Operator.NOT_IN}
NEGATIONS: Final = {
    Operator.NEQ: Operator.EQ,
    Operator.NOT_IN: Operator.IN,
    Operator.NOT_CONTAINS: Operator.CONTAINS,
    Operator.NOT_IN_RANGE: Operator.IN_RANGE,
}
"""Each of these is also true of null that was set."""
FOR_NAMES: Final = {
    Operator.EQ,
    Operator.NEQ,
    Operator.IN,
    Operator.NOT_IN,
    Operator.CONTAINS,
    Operator.NOT_CONTAINS,
    Operator.STARTS_WITH,
    Operator.ENDS_WITH,
    Operator.REGEX,
}
"""What may be asked of the name of an event or a field."""
