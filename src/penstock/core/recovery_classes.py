"""What has to happen before an event that failed can be loaded (pipelines.md 14.1, 14.2)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class RecoveryClass(StrEnum):
    """Who or what brings failed events back."""

    MANUAL = "MANUAL"
    """The user mends the cause, then replays."""
    AUTO_ON_FIX = "AUTO_ON_FIX"
    """Saving the fix queues the replay."""
    AUTO_PERIODIC = "AUTO_PERIODIC"
    """A timer tries again."""
    TRANSIENT = "TRANSIENT"
    """Tried again with a growing pause."""
    OPERATOR = "OPERATOR"
    """A fault of ours."""


_OF_CODE: Final = {
    RecoveryClass.MANUAL: (
        "PARSE_ERROR", "TRANSFORM_ERROR", "TRANSFORM_TIMEOUT", "TRANSFORM_BAD_OUTPUT",
    ),
    RecoveryClass.AUTO_ON_FIX: (
        "UNMAPPED_EVENT_TYPE", "INCOMPATIBLE_TYPE", "VALUE_TOO_LONG", "NUMERIC_OUT_OF_RANGE",
        "TOO_MANY_COLUMNS", "NAME_INVALID", "NULL_IN_PRIMARY_KEY", "NOT_NULL_VIOLATION",
        "CONSTRAINT_VIOLATION", "TABLE_MISSING", "COLUMN_MISSING", "DESTINATION_AUTH",
    ),
    RecoveryClass.AUTO_PERIODIC: ("DESTINATION_DISK_FULL",),
    RecoveryClass.TRANSIENT: (
        "MAPPING_IN_PROGRESS", "DESTINATION_UNREACHABLE", "PARKED_OVERLOAD",
    ),
    RecoveryClass.OPERATOR: ("UNEXPECTED",),
}  # fmt: skip
_CLASSES: Final = {code: kind for kind, codes in _OF_CODE.items() for code in codes}
ON_FIX: Final = _OF_CODE[RecoveryClass.AUTO_ON_FIX]
"""Codes of events that come back by themselves once their mapping is mended."""


def recovery_class(code: str) -> RecoveryClass:
    """Of a code of 14.1; whatever is not among them is for us to look at."""
    return _CLASSES.get(code, RecoveryClass.OPERATOR)
