"""Types of untyped values."""

import pyarrow as pa
import pytest

from penstock.core.infer import JsonNumber, infer, infer_all, infer_integers, infer_text, parse_text
from penstock.core.types import JSON, TIMESTAMP, TIMESTAMPTZ


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, pa.null()),
        (True, pa.bool_()),
        (2, pa.int32()),
        (2**31 - 1, pa.int32()),
        (2**31, pa.int64()),
        (-(2**31), pa.int32()),
        (2**63 - 1, pa.int64()),
        (-(2**63), pa.int64()),
        (2**63, pa.decimal128(38, 0)),
        (10**38, pa.decimal256(39, 0)),
        (10**76, pa.string()),
        (1.5, pa.float64()),
        (JsonNumber("1.5"), pa.float64()),
        (JsonNumber("1.0e+25"), pa.float64()),
        (JsonNumber("0.1"), pa.float64()),
        (JsonNumber("0.12345678901234567890"), pa.decimal128(21, 20)),
        (JsonNumber("9007199254740993.5"), pa.decimal128(17, 1)),
        (JsonNumber("1e400"), pa.string()),
        (JsonNumber("1e99999999999999999999"), pa.string()),
        ("2", pa.string()),
        ("", pa.string()),
        ("2025-07-14", pa.date32()),
        ("2025-02-30", pa.string()),
        ("0000-00-00", pa.string()),
        ("2025-07-14T18:22:05-05:00", TIMESTAMPTZ),
        ("2025-07-14T18:22:05.123Z", TIMESTAMPTZ),
        ("2025-07-14 18:22:05", TIMESTAMP),
        ("2025-07-14T18", pa.string()),
        ("2025-07-14T18:22:05.1234567", pa.string()),
        ("18:22", pa.time64("us")),
        ("18:22:05.5", pa.time64("us")),
        ("24:00", pa.string()),
        ("18:22 o'clock", pa.string()),
        ("abc", pa.string()),
        ({"a": 1}, JSON),
        ([], JSON),
    ],
)
def test_scalars(value: object, kind: pa.DataType) -> None:
    assert infer(value) == kind


@pytest.mark.parametrize("text", ["2025-07-14", "2025-07-14T18:22:05Z", "18:22"])
def test_dates_stay_text_when_they_are_not_looked_for(text: str) -> None:
    assert infer(text, dates=False) == pa.string()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([], pa.null()),
        ([None, 1, 2**40], pa.int64()),
        ([1, True], pa.string()),
        ([1, JsonNumber("1.5")], pa.float64()),
        (["2025-07-14", "2025-07-14 10:00:00"], TIMESTAMP),
        (["2025-07-14", "2025-07-14T10:00:00Z"], TIMESTAMPTZ),
        (["2025-07-14", ""], pa.string()),
        (["2025-07-14", "10:00"], pa.string()),
        ([{}, "x"], pa.string()),
    ],
)
def test_columns_take_the_smallest_type_that_holds_all(values: list, kind: pa.DataType) -> None:
    assert infer_all(values) == kind
    assert infer_all(reversed(values)) == kind


@pytest.mark.parametrize(
    "values",
    [
        ["2025-07-14", "2025-07-14 10:00:00", None],
        ["2025-07-14", "2025-07-14T10:00:00Z"],
        ["10:00", None],
        ["a", "2025-07-14"],
        [None],
    ],
)
def test_a_column_of_text_is_typed_as_its_values_one_by_one(values: list) -> None:
    text = pa.array(values, pa.string())
    assert infer_text(text) == infer_all(values)
    assert parse_text(text).type in (infer_all(values), pa.string())


def test_integers_go_by_the_smallest_and_the_largest() -> None:
    assert infer_integers([None, 1, -(2**31) - 1]) == pa.int64()
    assert infer_integers([None]) == pa.null()
