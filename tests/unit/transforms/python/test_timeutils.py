"""The class TimeUtils: the tables of transformations.md 5."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from penstock.transforms.python.api.timeutils import TIMEUTILS_ALIASES, TimeUtils

EXAMPLES: list[tuple[str, tuple[Any, ...], Any]] = [
    ("dateStringToFormat", ("06/05/2024", "dd/MM/yyyy", "yyyy-MM-dd"), "2024-05-06"),
    ("dateStringToFormat", ("2024-05-06", "%Y-%m-%d", "d MMM yyyy"), "6 May 2024"),
    ("dateToFormat", (date(2024, 5, 6), "EEEE"), "Monday"),
    ("dateToFormat", (datetime(2024, 5, 6, tzinfo=UTC), "EEEE"), "Monday"),
    (
        "datetimeStringToFormat",
        ("2024-05-06 07:04:05", "yyyy-MM-dd HH:mm:ss", "hh:mm a"),
        "07:04 AM",
    ),
    (
        "datetimeStringToFormat",
        ("2024-05-06T07:04:05Z", "yyyy-MM-dd'T'HH:mm:ssXXX", "HH:mm", "Asia/Kolkata"),
        "12:34",
    ),
    ("epochToDate", (1714979045,), date(2024, 5, 6)),
    ("epochToDatetime", (1714979045123,), datetime(2024, 5, 6, 7, 4, 5, 123000, UTC)),
    ("epochToFormat", (1714979045, "yyyyMMdd"), "20240506"),
    ("epochToTime", (1714979045,), time(7, 4, 5)),
    ("epochToDate", (0,), date(1970, 1, 1)),
    ("epochToDate", (-86400,), date(1969, 12, 31)),
    ("epochToDate", ("1714979045",), date(2024, 5, 6)),
    ("epochToDate", (1714979045, None, "Pacific/Auckland"), date(2024, 5, 6)),
    ("epochToDatetime", (1, "MILLIS"), datetime(1970, 1, 1, 0, 0, 0, 1000, UTC)),
    ("epochToDatetime", (10**17, None), datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),
    ("epochToDatetime", (10**14, None), datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),
    ("epochToDatetime", (10**11, None), datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),
    ("timeDifference", ("2024-05-06T07:00:00Z", "2024-05-06T09:30:00Z", "MINUTES"), 150),
    ("timeDifference", (date(2024, 5, 6), date(2024, 5, 1), "DAYS"), -5),
    ("timeDifference", (time(7), time(8, 59), "hour"), 1),
    ("timeDifference", (time(8, 59), time(7), "hours"), -1),
    ("timeDifference", (date(2024, 5, 6), datetime(2024, 5, 6, 0, 1, tzinfo=UTC)), 60),
    ("parseDate", ("6 May 2024", "d MMM yyyy"), date(2024, 5, 6)),
    ("parseTime", ("09.30 PM", "hh.mm a"), time(21, 30)),
    ("parseTime", ("2024-05-06 21:30:00",), time(21, 30)),
    ("parseTime", ("21:30",), time(21, 30)),
    ("parseDate", ("2024-05-06",), date(2024, 5, 6)),
    ("parseDate", ("2024/05/06",), date(2024, 5, 6)),
    ("parseDate", ("05/06/2024",), date(2024, 5, 6)),
    ("parseDate", ("06-05-2024",), date(2024, 5, 6)),
    ("parseDate", ("06 May 2024",), date(2024, 5, 6)),
    ("parseDate", ("Mon, 06 May 2024 07:04:05 +0000",), date(2024, 5, 6)),
    ("parseDate", ("2024-05-06 07:04:05.123",), date(2024, 5, 6)),
    ("parseDate", ("5 february 24", "d MMMM yy"), date(2024, 2, 5)),
    ("parseDate", ("70", "yy"), date(1970, 1, 1)),
    ("parseDate", ("127 2024", "D yyyy"), date(2024, 5, 6)),
    ("dateToFormat", (date(2024, 5, 6), "D 'o''clock' ''yy"), "127 o'clock '24"),
    ("dateToFormat", (date(2024, 5, 6), "%d.%m"), "06.05"),
    (
        "datetimeStringToFormat",
        ("2024-05-06 07:04:05", None, "E h:m:s S SSSSSS Z XXX z", "Asia/Kolkata"),
        "Mon 12:34:5 0 000000 +0530 +05:30 IST",
    ),
    ("datetimeStringToFormat", ("2024-05-06T07:04:05Z", None, "XXX", "+05:30"), "+05:30"),
    ("datetimeStringToFormat", ("2024-05-06T07:04:05Z", None, "H XXX"), "7 Z"),
]


@pytest.mark.parametrize(("function", "given", "result"), EXAMPLES)
def test_examples(function: str, given: tuple[Any, ...], result: Any) -> None:
    assert getattr(TimeUtils, function)(*given) == result


def test_a_text_without_an_offset_is_in_the_zone() -> None:
    found = TimeUtils.parseDatetime("2024-05-06 07:04:05", "yyyy-MM-dd HH:mm:ss", "Asia/Kolkata")
    assert found.utcoffset() == timedelta(hours=5, minutes=30)
    assert found == datetime(2024, 5, 6, 1, 34, 5, tzinfo=UTC)


def test_a_text_with_an_offset_is_converted_to_the_zone() -> None:
    found = TimeUtils.parseDatetime("2024-05-06T07:04:05+02:00")
    assert (found, found.tzinfo) == (datetime(2024, 5, 6, 5, 4, 5, tzinfo=UTC), UTC)


@pytest.mark.parametrize("function", sorted({name for name, _, _ in EXAMPLES} | {"parseDatetime"}))
def test_null_in_null_out(function: str) -> None:
    rest = {"timeDifference": (date(2024, 5, 6),), "dateToFormat": ("yyyy",)}
    more = rest.get(function, ("yyyy", "yyyy") if "StringTo" in function else ("yyyy",))
    if function.startswith("epochTo") and function != "epochToFormat":
        more = ()
    assert getattr(TimeUtils, function)(None, *more) is None


@pytest.mark.parametrize(
    ("function", "given", "error", "message"),
    [
        ("parseDate", ("31/12", "yyyy-MM-dd"), ValueError, "'31/12' does not match 'yyyy-MM-dd'"),
        ("parseDate", ("",), ValueError, "empty"),
        ("parseDate", ("  ",), ValueError, "empty"),
        ("parseDate", (5,), TypeError, "parseDate: dateString"),
        ("parseDate", ("2024-02-30", "yyyy-MM-dd"), ValueError, "does not match"),
        ("parseDate", ("1", "Q"), ValueError, "Q means nothing"),
        ("parseDate", ("nonsense",), ValueError, "no date of a known format"),
        ("dateToFormat", ("2024", "yyyy"), TypeError, "dateToFormat: date"),
        ("epochToDate", (True,), TypeError, "epochToDate: epoch"),
        ("epochToDate", ([],), TypeError, "epochToDate: epoch"),
        ("epochToDate", ("",), ValueError, "empty"),
        ("epochToDate", (1, "HOURS"), ValueError, "HOURS"),
        ("epochToDate", (1, None, "Mars/Crater"), ValueError, "Mars/Crater"),
        ("timeDifference", (time(7), date(2024, 5, 6)), TypeError, "time of day"),
        ("timeDifference", (date(2024, 5, 6), 5), TypeError, "timeDifference: end"),
        ("timeDifference", (time(7), time(8), "YEARS"), ValueError, "YEARS"),
    ],
)
def test_what_is_refused(
    function: str, given: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        getattr(TimeUtils, function)(*given)


def test_every_alias_is_its_function() -> None:
    for alias, function in TIMEUTILS_ALIASES.items():
        assert getattr(TimeUtils, alias) is getattr(TimeUtils, function)


def test_an_unknown_name_gets_a_guess() -> None:
    with pytest.raises(AttributeError, match="TimeUtils has no function 'epochToDay'"):
        TimeUtils.epochToDay(1)
