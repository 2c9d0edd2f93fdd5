"""Dates and times: parse, write, from epochs, differences."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from penstock.transforms.python.api import moments, patterns
from penstock.transforms.python.api.helpful import Helpful
from penstock.transforms.python.api.zones import zone

_SPANS: Final = {
    "MILLISECOND": timedelta(milliseconds=1),
    "SECOND": timedelta(seconds=1),
    "MINUTE": timedelta(minutes=1),
    "HOUR": timedelta(hours=1),
    "DAY": timedelta(days=1),
    "WEEK": timedelta(weeks=1),
}


class TimeUtils(metaclass=Helpful):
    """Static functions; null in, null out. Formats are letter patterns or strftime's."""

    @staticmethod
    def dateStringToFormat(
        dateString: Any,
        inputFormat: Any,
        outputFormat: str,
    ) -> str | None:
        """A date in one format as text in another."""
        found = _moment("dateStringToFormat", "dateString", dateString, inputFormat)
        return None if found is None else patterns.write(found, outputFormat)

    @staticmethod
    def dateToFormat(date: Any, outputFormat: str) -> str | None:
        """A date or datetime as text."""
        if date is None:
            return None
        return patterns.write(_as_moment("dateToFormat", date), outputFormat)

    @staticmethod
    def datetimeStringToFormat(
        datetimeString: Any,
        inputFormat: Any,
        outputFormat: str,
        timezone: str | None = None,
    ) -> str | None:
        """A moment in one format as text in another, in a zone where one is given."""
        found = _moment("datetimeStringToFormat", "datetimeString", datetimeString, inputFormat)
        if found is None:
            return None
        if timezone is not None:
            found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(
                zone(timezone)
            )
        return patterns.write(found, outputFormat)

    @staticmethod
    def epochToDate(epoch: Any, unit: str | None = None, timezone: str = "UTC") -> Any:
        """The day of an epoch."""
        found = _epoch("epochToDate", epoch, unit, timezone)
        return None if found is None else found.date()

    @staticmethod
    def epochToDatetime(epoch: Any, unit: str | None = None, timezone: str = "UTC") -> Any:
        """The moment of an epoch, in the zone."""
        return _epoch("epochToDatetime", epoch, unit, timezone)

    @staticmethod
    def epochToFormat(
        epoch: Any,
        outputFormat: str,
        unit: str | None = None,
        timezone: str = "UTC",
    ) -> str | None:
        """The moment of an epoch as text."""
        found = _epoch("epochToFormat", epoch, unit, timezone)
        return None if found is None else patterns.write(found, outputFormat)

    @staticmethod
    def epochToTime(epoch: Any, unit: str | None = None, timezone: str = "UTC") -> Any:
        """The time of day of an epoch."""
        found = _epoch("epochToTime", epoch, unit, timezone)
        return None if found is None else found.time()

    @staticmethod
    def timeDifference(start: Any, end: Any, unit: str = "SECONDS") -> int | None:
        """Whole units from start to end, towards zero; negative when end is earlier."""
        if start is None:
            return None
        span = _SPANS.get(_singular(unit))
        if span is None:
            raise ValueError(f"timeDifference has no unit {unit!r}")
        first, last = _point(start, "start"), _point(end, "end")
        if isinstance(start, time) != isinstance(end, time):
            raise TypeError("timeDifference: a time of day only compares with another")
        between = last - first
        return -(-between // span) if between < timedelta() else between // span

    @staticmethod
    def parseDate(dateString: Any, inputFormat: str | None = None) -> Any:
        """The date in a text."""
        found = _moment("parseDate", "dateString", dateString, inputFormat)
        return None if found is None else found.date()

    @staticmethod
    def parseDatetime(
        dateString: Any,
        inputFormat: str | None = None,
        timezone: str = "UTC",
    ) -> Any:
        """The moment in a text; a text without an offset is in the zone."""
        found = _moment("parseDatetime", "dateString", dateString, inputFormat)
        if found is None:
            return None
        where = zone(timezone)
        return found.astimezone(where) if found.tzinfo else found.replace(tzinfo=where)

    @staticmethod
    def parseTime(dateString: Any, inputFormat: str | None = None) -> Any:
        """The time of day in a text."""
        if dateString is None:
            return None
        text = _text("parseTime", "dateString", dateString)
        if inputFormat is None:
            return moments.any_clock(text)
        found = _in_format("parseTime", text, inputFormat)
        return found.timetz()


def _text(function: str, argument: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{function}: {argument} is text, not {type(value).__name__}")
    if not value.strip():
        raise ValueError(f"{function}: {argument} is empty")
    return value


def _moment(function: str, argument: str, value: Any, pattern: Any) -> datetime | None:
    if value is None:
        return None
    text = _text(function, argument, value)
    return moments.any_format(text) if pattern is None else _in_format(function, text, pattern)


def _in_format(function: str, text: str, pattern: Any) -> datetime:
    if not isinstance(pattern, str):
        raise TypeError(f"{function}: inputFormat is text, not {type(pattern).__name__}")
    try:
        return patterns.read(text, pattern)
    except ValueError as error:
        raise ValueError(f"{function}: {error}") from None


def _as_moment(function: str, value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise TypeError(f"{function}: date is a date, not {type(value).__name__}")


def _epoch(function: str, value: Any, unit: str | None, timezone: str) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, str):
        text = _text(function, "epoch", value).strip()
        try:
            value = int(text)
        except ValueError:
            value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError(f"{function}: epoch is a number, not {type(value).__name__}")
    number = float(value) if isinstance(value, Decimal) else value
    return moments.from_epoch(number, unit).astimezone(zone(timezone))


def _singular(unit: Any) -> str:
    if not isinstance(unit, str):
        raise TypeError(f"timeDifference: unit is text, not {type(unit).__name__}")
    return unit.upper().removesuffix("S")


def _point(value: Any, argument: str) -> datetime:
    if isinstance(value, str):
        value = moments.any_format(_text("timeDifference", argument, value))
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, time):
        clock = value if value.tzinfo else value.replace(tzinfo=UTC)
        return datetime.combine(date(1970, 1, 1), clock)
    raise TypeError(f"timeDifference: {argument} is a date or time, not {type(value).__name__}")


TIMEUTILS_ALIASES: Final = {
    "convertDateStringToFormat": "dateStringToFormat",
    "convertDateToFormat": "dateToFormat",
    "convertDatetimeStringToFormat": "datetimeStringToFormat",
    "convertEpochToDate": "epochToDate",
    "convertEpochToDatetime": "epochToDatetime",
    "convertEpochToFormat": "epochToFormat",
    "convertEpochToTime": "epochToTime",
    "getTimeDifference": "timeDifference",
    "parseDateString": "parseDate",
    "parseDatetimeString": "parseDatetime",
    "parseTimeString": "parseTime",
}
"""Other names that a script may use, each with the function it stands for."""

for _alias, _function in TIMEUTILS_ALIASES.items():
    setattr(TimeUtils, _alias, getattr(TimeUtils, _function))
