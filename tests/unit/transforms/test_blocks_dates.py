"""Blocks of dates and times."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from flows import NOW, Row, block, run
from penstock.core.errors import ConfigError
from unit.transforms.one_field import only, refused


class TestChangeDatetime:
    @pytest.mark.parametrize(
        ("value", "unit", "amount", "result"),
        [
            (date(2024, 1, 31), "MONTH", 1, date(2024, 2, 29)),
            (date(2023, 1, 31), "MONTH", 1, date(2023, 2, 28)),
            (date(2022, 12, 30), "WEEK_OF_MONTH", 1, date(2023, 1, 6)),
            (date(2024, 2, 29), "YEAR", -1, date(2023, 2, 28)),
            (date(9999, 11, 30), "MONTH", 1, date(9999, 12, 30)),
            (date(2024, 3, 1), "DAY_OF_MONTH", -1, date(2024, 2, 29)),
            (NOW, "AM_PM", 1, datetime(2024, 5, 6, 19, 4, 5, tzinfo=UTC)),
            (NOW, "HOUR_OF_DAY", -8, datetime(2024, 5, 5, 23, 4, 5, tzinfo=UTC)),
            (NOW, "MILLISECOND", 1, datetime(2024, 5, 6, 7, 4, 5, 1000, tzinfo=UTC)),
        ],
    )
    def test_units(self, value: Any, unit: str, amount: int, result: Any) -> None:
        changes = {"changes": [{"unit": unit, "amount": amount}]}
        assert only(value, "CHANGE_DATETIME", changes) == result

    def test_changes_come_in_order(self) -> None:
        changes = [{"unit": "MONTH", "amount": 1}, {"unit": "DAY_OF_MONTH", "amount": 1}]
        assert only(date(2024, 1, 31), "CHANGE_DATETIME", {"changes": changes}) == date(2024, 3, 1)

    @pytest.mark.parametrize(
        ("value", "unit", "amount"),
        [
            (date(2024, 1, 1), "HOUR", 1),
            (time(9, 30), "MONTH", 1),
            ("2024-01-01", "MONTH", 1),
            (1_714_979_045, "MONTH", 1),
            (date(9999, 12, 1), "MONTH", 1),
            (date(1, 1, 1), "DAY_OF_YEAR", -1),
        ],
    )
    def test_what_it_cannot_change(self, value: Any, unit: str, amount: int) -> None:
        changes = {"changes": [{"unit": unit, "amount": amount}]}
        assert refused(value, "CHANGE_DATETIME", changes).sub_code == "TRANSFORM_BLOCK_ERROR"


class TestFormatDate:
    @pytest.mark.parametrize(
        ("value", "settings", "result"),
        [
            (NOW, {"format": "dd/MM/yyyy HH:mm", "timezone": "Asia/Kolkata"}, "06/05/2024 12:34"),
            (NOW, {}, "2024-05-06 07:04:05"),
            (date(2024, 5, 6), {}, "2024-05-06"),
            (date(2024, 5, 6), {"format": "EEEE, d MMM yy HH:mm"}, "Monday, 6 May 24 00:00"),
            (time(9, 5), {"format": "h:mm a"}, "9:05 AM"),
            (NOW, {"format": "hh:mm:ss.SSS a 'o''clock'"}, "07:04:05.000 AM o'clock"),
            (NOW, {"format": "%d.%m.%Y %H:%M:%S.%f"}, "06.05.2024 07:04:05.000000"),
            (NOW, {"format": "HH:mm XXX Z z", "timezone": "+05:30"}, "12:34 +05:30 +0530 +05:30"),
            (NOW, {"format": "XXX D MMMM"}, "Z 127 May"),
        ],
    )
    def test_examples(self, value: Any, settings: Row, result: str) -> None:
        assert only(value, "FORMAT_DATE", settings) == result

    @pytest.mark.parametrize("settings", [{"format": "qq"}, {"timezone": "Mars/Olympus"}])
    def test_nonsense_is_refused(self, settings: Row) -> None:
        with pytest.raises(ConfigError):
            run(block("FORMAT_DATE", settings), [{"v": NOW}])


class TestParseDate:
    @pytest.mark.parametrize(
        ("value", "settings", "result"),
        [
            ("06-May-24", {"formats": ["dd-MMM-yy"], "output": "DATE"}, date(2024, 5, 6)),
            ("2024-05-06T07:04:05Z", {}, NOW),
            ("2024-05-06 12:34:05", {"timezone": "Asia/Kolkata"}, NOW),
            (
                "06.05.2024",
                {"formats": ["yyyy-MM-dd", "dd.MM.yyyy"], "output": "DATE"},
                date(2024, 5, 6),
            ),
            ("05/06/2024", {"output": "DATE"}, date(2024, 5, 6)),
            ("06-05-2024", {"output": "DATE"}, date(2024, 5, 6)),
            ("2024/05/06", {"output": "DATE"}, date(2024, 5, 6)),
            ("Mon, 6 May 2024 07:04:05 +0000", {}, NOW),
            ("31-Dec-70", {"formats": ["dd-MMM-yy"], "output": "DATE"}, date(1970, 12, 31)),
            ("09.30 PM", {"formats": ["hh.mm a"], "output": "TIME"}, time(21, 30)),
            ("12:05 AM", {"formats": ["hh:mm a"], "output": "TIME"}, time(0, 5)),
            ("2024-05-06T12:34:05+05:30", {"formats": ["yyyy-MM-dd'T'HH:mm:ssXXX"]}, NOW),
            ("  ", {}, None),
            (1_714_979_045, {"from_epoch": "AUTO"}, NOW),
            (1_714_979_045_000, {"from_epoch": "AUTO"}, NOW),
            (1_714_979_045_000, {"from_epoch": "MILLIS", "output": "DATE"}, date(2024, 5, 6)),
            (0, {"from_epoch": "SECONDS", "output": "DATE"}, date(1970, 1, 1)),
        ],
    )
    def test_examples(self, value: Any, settings: Row, result: Any) -> None:
        assert only(value, "PARSE_DATE", settings) == result

    @pytest.mark.parametrize("value", ["31/31/2024", "2023-02-29", "soon", 5])
    def test_what_is_no_date(self, value: Any) -> None:
        assert refused(value, "PARSE_DATE", {}).sub_code == "TRANSFORM_BLOCK_ERROR"
