"""What a user typed beside an operator, as the values it may mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation

from penstock.transforms.columns.column import Kind

Typed = str | int | float | bool


@dataclass(frozen=True)
class Operand:
    """One operand. Text in quotes is text; else a flag, a number or a time where it reads as one.

    Args:
        text: as typed, without quotes around it.
        flag, number, moment: what the text means, where it does.
    """

    text: str
    flag: bool | None = None
    number: Decimal | None = None
    day: date | None = None
    moment: datetime | None = None
    clock: time | None = None

    @property
    def is_text(self) -> bool:
        """Whether it is neither a flag nor a number."""
        return self.flag is None and self.number is None

    def fits(self, kind: Kind) -> bool:
        """Whether values of this kind can be held against it; a time cannot be against "abc"."""
        if kind in (Kind.DATE, Kind.TIMESTAMP):
            return self.moment is not None
        return kind is not Kind.TIME or self.clock is not None


def operand(typed: Typed) -> Operand:
    """The operand that was typed or stored.

    >>> operand("41.9").number
    Decimal('41.9')
    >>> operand('"12"').number is None
    True
    """
    if isinstance(typed, bool):
        return Operand("true" if typed else "false", flag=typed)
    if not isinstance(typed, str):
        return Operand(str(typed), number=Decimal(str(typed)))
    if len(typed) > 1 and typed[0] == typed[-1] == '"':
        return _times(typed[1:-1].replace('\\"', '"'))
    if typed in ("true", "false"):
        return Operand(typed, flag=typed == "true")
    if (number := parsed_number(typed)) is not None:
        return Operand(typed, number=number)
    return _times(typed)


def _times(text: str) -> Operand:
    moment = _moment(text)
    is_day = moment is not None and len(text.strip()) == len("2024-05-06")
    return Operand(
        text,
        day=moment.date() if moment is not None and is_day else None,
        moment=moment,
        clock=_clock(text),
    )


def parsed_number(text: str) -> Decimal | None:
    """A plain or exponent number of digits, else None; NaN and infinity are none."""
    try:
        number = Decimal(text.strip().replace("_", " "))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _moment(text: str) -> datetime | None:
    if len(text.strip()) < len("2024-05-06") or text.strip()[4:5] != "-":
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _clock(text: str) -> time | None:
    if ":" not in text[:3]:
        return None
    try:
        return time.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return None
