"""Blocks of numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from flows import Row
from unit.transforms.one_field import only, refused


@pytest.mark.parametrize(
    ("value", "settings", "result"),
    [
        (1234567.891, {"pattern": "#,##0.0"}, "1,234,567.9"),
        (0.256, {"pattern": "0%"}, "26%"),
        (42.0, {}, "42.0"),
        (42, {}, "42"),
        (Decimal("1.50"), {}, "1.50"),
        (5, {"pattern": "000"}, "005"),
        (0.5, {"pattern": "#.##"}, ".5"),
        (-1234, {"pattern": "'€ '#,##0.00"}, "-€ 1,234.00"),
        (-0.001, {"pattern": "0.0"}, "0.0"),
        (1234.5, {"decimals": 2}, "1234.50"),
        (1234567, {"grouping": True}, "1,234,567"),
        (2.675, {"decimals": 2}, "2.68"),
        (1e22, {"pattern": "#,##0"}, "10,000,000,000,000,000,000,000"),
    ],
)
def test_format_number(value: Any, settings: Row, result: str) -> None:
    assert only(value, "FORMAT_NUMBER", settings) == result


class TestParseNumber:
    @pytest.mark.parametrize(
        ("value", "settings", "result"),
        [
            ("1,234.50", {}, Decimal("1234.50")),
            ("(12)", {}, -12),
            ("1e3", {}, 1000),
            ("", {}, None),
            ("007", {}, 7),
            (5, {}, 5),
            ("1.234,50", {"decimal_separator": ",", "group_separator": "."}, Decimal("1234.50")),
            ("$ 12", {"strip": "$"}, 12),
            ("12.345", {"decimals": 2}, Decimal("12.35")),
            ("12.00", {"output": "INTEGER"}, 12),
            ("12", {"output": "DECIMAL"}, Decimal(12)),
            ("99999999999999999999", {}, Decimal(99999999999999999999)),
        ],
    )
    def test_examples(self, value: Any, settings: Row, result: Any) -> None:
        assert only(value, "PARSE_NUMBER", settings) == result

    @pytest.mark.parametrize(
        ("value", "settings"),
        [("12abc", {}), ("1,23", {}), ("12.5", {"output": "INTEGER"}), ("NaN", {})],
    )
    def test_what_is_no_number(self, value: str, settings: Row) -> None:
        assert "no number" in refused(value, "PARSE_NUMBER", settings).reason


@pytest.mark.parametrize(
    ("value", "settings", "result"),
    [
        (2.335, {}, 2.34),
        (-2.345, {}, -2.35),
        (2.345, {"mode": "HALF_EVEN"}, 2.34),
        (2.341, {"mode": "UP"}, 2.35),
        (-2.349, {"mode": "DOWN"}, -2.34),
        (-2.341, {"mode": "CEILING"}, -2.34),
        (-2.341, {"mode": "FLOOR"}, -2.35),
        (Decimal("2.345"), {}, Decimal("2.35")),
        (1234, {"decimals": -2}, 1200),
        (1250, {"decimals": -2}, 1300),
        (1234, {}, 1234),
        (1e22, {}, 1e22),
        (1.5e-7, {"decimals": 7}, 2e-7),
    ],
)
def test_round_decimal(value: Any, settings: Row, result: Any) -> None:
    rounded = only(value, "ROUND_DECIMAL", settings)
    assert (rounded, type(rounded)) == (result, type(result))


def test_rounding_text_is_a_mistake() -> None:
    assert "text" in refused("2.5", "ROUND_DECIMAL").reason
