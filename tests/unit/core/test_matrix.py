"""The compatibility table of pipelines.md 12.11: every cell, by its sign and by values."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pytest

from penstock.core.convert import convert
from penstock.core.fits import Fit, fit
from penstock.core.types import JSON, TIME, TIMESTAMP, TIMESTAMPTZ, TIMETZ, UUID
from penstock.engine.numbers import misfit_code

TARGETS: Final = {
    "BOOL": pa.bool_(),
    "INT16": pa.int16(),
    "INT32": pa.int32(),
    "INT64": pa.int64(),
    "DECIMAL": pa.decimal128(10, 2),
    "FLOAT64": pa.float64(),
    "STRING": pa.string(),
    "DATE": pa.date32(),
    "TIME": TIME,
    "TIMESTAMP": TIMESTAMP,
    "TSTZ": TIMESTAMPTZ,
    "BYTES": pa.binary(),
    "JSON": JSON,
}
SOURCES: Final = {
    "BOOLEAN": pa.bool_(),
    "BYTE": pa.int8(),
    "SHORT": pa.int16(),
    "INT": pa.int32(),
    "LONG": pa.int64(),
    "DECIMAL": pa.decimal128(20, 4),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "STRING": pa.string(),
    "BYTES": pa.binary(),
    "DATE": pa.date32(),
    "TIME": TIME,
    "TIMETZ": TIMETZ,
    "TIMESTAMP": TIMESTAMP,
    "TIMESTAMPTZ": TIMESTAMPTZ,
    "UUID": UUID,
    "JSON": JSON,
    "ARRAY": pa.list_(pa.int32()),
    "UNKNOWN": pa.null(),
}
TABLE: Final = """
| BOOLEAN | = | + | + | + | + | + | + | × | × | × | × | × | + |
| BYTE | ? | + | + | + | + | + | + | × | × | × | × | × | + |
| SHORT | ? | = | + | + | + | + | + | × | × | × | × | × | + |
| INT | ? | ? | = | + | + | + | + | × | × | × | × | × | + |
| LONG | ? | ? | ? | = | + | ~ | + | × | × | × | × | × | + |
| DECIMAL | × | ? | ? | ? | ? | ~ | + | × | × | × | × | × | + |
| FLOAT | × | ? | ? | ? | ~ | = | + | × | × | × | × | × | + |
| DOUBLE | × | ? | ? | ? | ~ | = | + | × | × | × | × | × | + |
| STRING | ? | ? | ? | ? | ? | ? | = | ? | ? | ? | ? | ? | ? |
| BYTES | × | × | × | × | × | × | + | × | × | × | × | = | + |
| DATE | × | × | × | × | × | × | + | = | × | + | + | × | + |
| TIME | × | × | × | × | × | × | + | × | = | × | × | × | + |
| TIMETZ | × | × | × | × | × | × | + | × | ~ | × | × | × | + |
| TIMESTAMP | × | × | × | × | × | × | + | ~ | ~ | = | + | × | + |
| TIMESTAMPTZ | × | × | × | × | × | × | + | ~ | ~ | ~ | = | × | + |
| UUID | × | × | × | × | × | × | + | × | × | × | × | ? | + |
| JSON | × | × | × | × | × | × | + | × | × | × | × | × | = |
| ARRAY | × | × | × | × | × | × | + | × | × | × | × | × | + |
| UNKNOWN | + | + | + | + | + | + | + | + | + | + | + | + | + |
"""
"""As in the specification; a DECIMAL into a narrower one is the `?` of its cell."""


def _cells() -> list[tuple[str, str, str]]:
    lines = [line.strip("| ").split(" | ") for line in TABLE.strip().splitlines()]
    return [
        (source, target, sign)
        for source, *signs in lines
        for target, sign in zip(TARGETS, signs, strict=True)
    ]


CELLS: Final = _cells()
BAD: Final = object()
"""Stands for a value that fails."""
MOMENT = datetime(2025, 7, 14, 18, 22, 5)  # noqa: DTZ001
INSTANT = MOMENT.replace(tzinfo=UTC)
AN_ID = uuid.UUID(int=1)
_SMALL = {
    "BOOL": [True, BAD], "INT16": [1, 7], "INT32": [1, 7], "INT64": [1, 7],
    "DECIMAL": [Decimal("1.00"), Decimal("7.00")], "FLOAT64": [1.0, 7.0],
    "STRING": ["1", "7"], "JSON": ["1", "7"],
}  # fmt: skip
_HALF = {
    "INT16": [2, BAD], "INT32": [2, BAD], "INT64": [2, BAD],
    "DECIMAL": [Decimal("2.00"), Decimal("0.12")], "FLOAT64": [2.0, 0.125],
    "STRING": ["2", "0.125"], "JSON": ["2", "0.125"],
}  # fmt: skip

VALUES: Final[dict[str, tuple[list[Any], dict[str, list[Any]]]]] = {
    "BOOLEAN": (
        [True, False],
        {
            "BOOL": [True, False], "INT16": [1, 0], "INT32": [1, 0], "INT64": [1, 0],
            "DECIMAL": [Decimal("1.00"), Decimal("0.00")], "FLOAT64": [1.0, 0.0],
            "STRING": ["true", "false"], "JSON": ["true", "false"],
        },
    ),
    "BYTE": ([1, 7], _SMALL),
    "SHORT": ([1, 7], _SMALL),
    "INT": (
        [1, 40_000],
        {
            "BOOL": [True, BAD], "INT16": [1, BAD], "INT32": [1, 40_000], "INT64": [1, 40_000],
            "DECIMAL": [Decimal("1.00"), Decimal("40000.00")], "FLOAT64": [1.0, 40_000.0],
            "STRING": ["1", "40000"], "JSON": ["1", "40000"],
        },
    ),
    "LONG": (
        [0, 2**53 + 1],
        {
            "BOOL": [False, BAD], "INT16": [0, BAD], "INT32": [0, BAD], "INT64": [0, 2**53 + 1],
            "DECIMAL": [Decimal("0.00"), BAD], "FLOAT64": [0.0, float(2**53)],
            "STRING": ["0", "9007199254740993"], "JSON": ["0", "9007199254740993"],
        },
    ),
    "DECIMAL": (
        [Decimal("2.0000"), Decimal("1.1250"), Decimal("123456789.0000")],
        {
            "INT16": [2, BAD, BAD], "INT32": [2, BAD, 123_456_789], "INT64": [2, BAD, 123_456_789],
            "DECIMAL": [Decimal("2.00"), Decimal("1.12"), BAD],
            "FLOAT64": [2.0, 1.125, 123_456_789.0],
            "STRING": ["2.0000", "1.1250", "123456789.0000"],
            "JSON": ["2.0000", "1.1250", "123456789.0000"],
        },
    ),
    "FLOAT": ([2.0, 0.125], _HALF),
    "DOUBLE": ([2.0, 0.125], _HALF),
    "STRING": (
        ["1", "x", ""],
        {
            "BOOL": [True, BAD, None], "INT16": [1, BAD, None], "INT32": [1, BAD, None],
            "INT64": [1, BAD, None], "DECIMAL": [Decimal("1.00"), BAD, None],
            "FLOAT64": [1.0, BAD, None], "STRING": ["1", "x", ""], "DATE": [BAD, BAD, None],
            "TIME": [BAD, BAD, None], "TIMESTAMP": [BAD, BAD, None], "TSTZ": [BAD, BAD, None],
            "BYTES": [BAD, BAD, None], "JSON": ["1", '"x"', '""'],
        },
    ),
    "BYTES": ([b"hi"], {"STRING": ["aGk="], "BYTES": [b"hi"], "JSON": ['"aGk="']}),
    "DATE": (
        [date(2025, 7, 14)],
        {
            "STRING": ["2025-07-14"], "DATE": [date(2025, 7, 14)],
            "TIMESTAMP": [MOMENT.replace(hour=0, minute=0, second=0)],
            "TSTZ": [INSTANT.replace(hour=0, minute=0, second=0)], "JSON": ['"2025-07-14"'],
        },
    ),
    "TIME": (
        [time(18, 22, 5)],
        {"STRING": ["18:22:05"], "TIME": [time(18, 22, 5)], "JSON": ['"18:22:05"']},
    ),
    "TIMETZ": (
        ["18:22:05+02:00"],
        {"STRING": ["18:22:05+02:00"], "TIME": [time(16, 22, 5)], "JSON": ['"18:22:05+02:00"']},
    ),
    "TIMESTAMP": (
        [MOMENT],
        {
            "STRING": ["2025-07-14T18:22:05"], "DATE": [date(2025, 7, 14)],
            "TIME": [time(18, 22, 5)], "TIMESTAMP": [MOMENT], "TSTZ": [INSTANT],
            "JSON": ['"2025-07-14T18:22:05"'],
        },
    ),
    "TIMESTAMPTZ": (
        [INSTANT],
        {
            "STRING": ["2025-07-14T18:22:05Z"], "DATE": [date(2025, 7, 14)],
            "TIME": [time(18, 22, 5)], "TIMESTAMP": [MOMENT], "TSTZ": [INSTANT],
            "JSON": ['"2025-07-14T18:22:05Z"'],
        },
    ),
    "UUID": (
        [AN_ID],
        {"STRING": [str(AN_ID)], "BYTES": [AN_ID.bytes], "JSON": [f'"{AN_ID}"']},
    ),
    "JSON": (['{"a":1}'], {"STRING": ['{"a":1}'], "JSON": ['{"a":1}']}),
    "ARRAY": ([[1, None]], {"STRING": ["[1,null]"], "JSON": ["[1,null]"]}),
    "UNKNOWN": ([None], {target: [None] for target in TARGETS}),
}  # fmt: skip
"""Of each source some values, and what becomes of them; where nothing is said all fail."""

GOOD_TEXTS: Final = {
    "BOOL": (" Yes ", True),
    "INT16": (" +7 ", 7),
    "INT32": ("007", 7),
    "INT64": ("-9", -9),
    "DECIMAL": ("1.005", Decimal("1.00")),
    "FLOAT64": ("1e3", 1000.0),
    "STRING": (" a ", " a "),
    "DATE": ("2025-07-14", date(2025, 7, 14)),
    "TIME": ("18:22", time(18, 22)),
    "TIMESTAMP": ("2025-07-14T20:22:05+02:00", MOMENT),
    "TSTZ": ("2025-07-14 18:22:05", INSTANT),
    "BYTES": ("aGk=", b"hi"),
    "JSON": ('{"a": 1}', '{"a": 1}'),
}
BAD_TEXTS: Final = {
    "BOOL": "2",
    "INT16": "40000",
    "INT32": "5e9",
    "INT64": "1.0",
    "DECIMAL": "1e3",
    "FLOAT64": "NaN",
    "DATE": "2025-02-30",
    "TIME": "25:00",
    "TIMESTAMP": "1752517325",
    "TSTZ": "1752517325",
    "BYTES": "aGk",
}


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if isinstance(kind, pa.BaseExtensionType):
        plain = [value.bytes if isinstance(value, uuid.UUID) else value for value in values]
        return pa.ExtensionArray.from_storage(kind, pa.array(plain, kind.storage_type))
    return pa.array(values, kind)


def _outcome(values: list[Any], source: pa.DataType, target: pa.DataType) -> list[Any]:
    done = convert(_array(values, source), source, target)
    bad = [False] * len(values) if done.bad is None else done.bad.to_pylist()
    found = done.array.to_pylist()
    return [BAD if wrong else value for value, wrong in zip(found, bad, strict=True)]


@pytest.mark.parametrize(("source", "target", "sign"), CELLS)
def test_the_sign_of_a_cell(source: str, target: str, sign: str) -> None:
    assert fit(SOURCES[source], TARGETS[target]) is Fit(sign)


@pytest.mark.parametrize(("source", "target", "sign"), CELLS)
def test_the_values_of_a_cell(source: str, target: str, sign: str) -> None:
    values, outcomes = VALUES[source]
    expected = outcomes.get(target, [BAD] * len(values))
    assert _outcome(values, SOURCES[source], TARGETS[target]) == expected
    if sign == "×":
        assert expected == [BAD] * len(values)
    elif sign != "?" and target != "DECIMAL":
        assert BAD not in expected


@pytest.mark.parametrize("target", TARGETS)
def test_text_that_converts_and_text_that_does_not(target: str) -> None:
    text, value = GOOD_TEXTS[target]
    assert _outcome([text], pa.string(), TARGETS[target]) == [value]
    if target in BAD_TEXTS:
        assert _outcome([BAD_TEXTS[target]], pa.string(), TARGETS[target]) == [BAD]


@pytest.mark.parametrize(("source", "target", "sign"), CELLS)
def test_the_code_of_what_fails(source: str, target: str, sign: str) -> None:
    """A number that is too long for a decimal is one; all else is of another type."""
    numbers = ("BYTE", "SHORT", "INT", "LONG", "DECIMAL", "FLOAT", "DOUBLE")
    wanted = "NUMERIC_OUT_OF_RANGE" if source in numbers and target == "DECIMAL" else None
    code = misfit_code(SOURCES[source], TARGETS[target])
    assert code == (wanted or "INCOMPATIBLE_TYPE"), sign


def test_text_in_every_spelling_of_a_flag() -> None:
    yes, no = ["true", "T", "yes", "Y", "1"], ["False", "f", "NO", "n", "0"]
    assert _outcome(yes + no, pa.string(), pa.bool_()) == [True] * 5 + [False] * 5


def test_numbers_that_are_none_go_into_floating_columns_only() -> None:
    values = [float("nan"), float("inf"), float("-inf")]
    found = _outcome(values, pa.float32(), pa.float64())
    assert [str(value) for value in found] == ["nan", "inf", "-inf"]
    assert _outcome(values, pa.float64(), JSON) == [None] * 3
    assert _outcome(values, pa.float64(), pa.int64()) == [BAD] * 3
    assert _outcome(values, pa.float64(), pa.decimal128(10, 2)) == [BAD] * 3


def test_narrower_decimals_round_half_to_even() -> None:
    values = [Decimal("1.125"), Decimal("1.135"), Decimal("-1.125"), Decimal("99999999.995")]
    found = _outcome(values, pa.decimal128(12, 3), pa.decimal128(10, 2))
    assert found == [Decimal("1.12"), Decimal("1.14"), Decimal("-1.12"), BAD]
