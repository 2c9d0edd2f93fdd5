"""Columns converted into other types."""

import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.convert import convert
from penstock.core.fits import Fit, fit
from penstock.core.types import JSON, TIME, TIMESTAMP, TIMESTAMPTZ, TIMETZ, UUID, arrow_type
from penstock.core.widen import widen

AN_ID: Final = uuid.UUID("12345678-1234-5678-1234-567812345678")
BAD = object()
"""Stands for a value that does not fit."""
MOMENT = datetime(2025, 7, 14, 18, 22, 5)  # noqa: DTZ001
INSTANT = MOMENT.replace(tzinfo=UTC)
MONEY = pa.decimal128(10, 2)

CASES = [
    (pa.bool_(), pa.string(), [(True, "true"), (False, "false")]),
    (pa.bool_(), pa.int8(), [(True, 1), (False, 0)]),
    (pa.bool_(), MONEY, [(True, Decimal("1.00"))]),
    (pa.bool_(), pa.float64(), [(True, 1.0)]),
    (pa.bool_(), JSON, [(True, "true")]),
    (pa.bool_(), pa.date32(), [(True, BAD)]),
    (pa.int64(), pa.bool_(), [(0, False), (1, True), (2, BAD)]),
    (pa.int64(), pa.int16(), [(5, 5), (40000, BAD)]),
    (pa.int32(), pa.int64(), [(5, 5)]),
    (pa.int64(), MONEY, [(5, Decimal("5.00")), (10**8, BAD), (99_999_999, Decimal("99999999.00"))]),
    (pa.int64(), pa.decimal128(38, 0), [(2**63 - 1, Decimal(2**63 - 1))]),
    (pa.int64(), pa.float64(), [(5, 5.0), (2**53 + 1, float(2**53))]),
    (pa.int64(), pa.string(), [(-5, "-5")]),
    (pa.int64(), TIMESTAMP, [(5, BAD)]),
    (pa.uint64(), pa.int64(), [(5, 5), (2**64 - 1, BAD)]),
    (MONEY, pa.int64(), [(Decimal("5.00"), 5), (Decimal("5.50"), BAD)]),
    (MONEY, pa.decimal128(4, 1), [(Decimal("1.25"), Decimal("1.2"))]),
    (MONEY, pa.decimal128(4, 1), [(Decimal("1.35"), Decimal("1.4"))]),
    (MONEY, pa.decimal128(4, 1), [(Decimal("999.94"), Decimal("999.9")), (Decimal("999.96"), BAD)]),
    (MONEY, pa.decimal128(3, 2), [(Decimal("9.99"), Decimal("9.99")), (Decimal("10.00"), BAD)]),
    (MONEY, pa.decimal128(20, 8), [(Decimal("1.25"), Decimal("1.25000000"))]),
    (MONEY, pa.float64(), [(Decimal("0.10"), 0.1)]),
    (MONEY, pa.string(), [(Decimal("12.50"), "12.50"), (Decimal("-0.05"), "-0.05")]),
    (MONEY, pa.bool_(), [(Decimal("1.00"), BAD)]),
    (MONEY, JSON, [(Decimal("12.50"), "12.50")]),
    (pa.decimal128(20, 10), pa.string(), [(Decimal("1E-10"), "0.0000000001")]),
    (pa.float64(), pa.int32(), [(5.0, 5), (5.5, BAD), (float("nan"), BAD), (3e9, BAD)]),
    (pa.float64(), MONEY, [(0.125, Decimal("0.12")), (1e300, BAD), (float("inf"), BAD)]),
    (pa.float64(), pa.string(), [(0.1, "0.1"), (1e300, "1e+300"), (float("nan"), "NaN")]),
    (pa.float64(), JSON, [(0.1, "0.1"), (float("nan"), None)]),
    (pa.float32(), pa.float64(), [(1.5, 1.5)]),
    (pa.string(), pa.bool_(), [("Yes", True), (" f ", False), ("2", BAD), ("", None)]),
    (pa.string(), pa.int32(), [("42", 42), (" +7 ", 7), ("007", 7), ("5e9", BAD), ("", None)]),
    (pa.string(), pa.int32(), [("3000000000", BAD), ("0x1F", BAD), ("1.0", BAD), ("9" * 30, BAD)]),
    (pa.string(), MONEY, [("1.5", Decimal("1.50")), ("1e3", BAD), ("1.005", Decimal("1.00"))]),
    (pa.string(), MONEY, [("-.5", Decimal("-0.50")), ("123456789", BAD), ("x", BAD), ("", None)]),
    (pa.string(), MONEY, [("0." + "1" * 90, BAD), ("9" * 90, BAD)]),
    (pa.string(), pa.float64(), [("1e3", 1000.0), ("NaN", BAD), ("1e999", BAD), ("-.5", -0.5)]),
    (pa.string(), pa.date32(), [("2025-07-14", date(2025, 7, 14)), ("2025-02-30", BAD)]),
    (pa.string(), TIME, [("18:22", time(18, 22)), ("25:00", BAD)]),
    (
        pa.string(),
        TIMESTAMP,
        [
            ("2025-07-14T13:22:05-05:00", MOMENT),
            ("2025-07-14 18:22:05", MOMENT),
            ("1752517325", BAD),
            ("", None),
        ],
    ),
    (
        pa.string(),
        TIMESTAMPTZ,
        [("2025-07-14T13:22:05-05:00", INSTANT), ("2025-07-14 18:22:05", INSTANT)],
    ),
    (pa.string(), pa.binary(), [("aGk=", b"hi"), ("aGk", BAD), ("é", BAD), ("", None)]),
    (
        pa.string(),
        JSON,
        [
            ('{"a": 1}', '{"a": 1}'),
            ("x", '"x"'),
            ("NaN", '"NaN"'),
            ("", '""'),
            ('a"b', '"a\\"b"'),
            ("[" * 5000, '"' + "[" * 5000 + '"'),
        ],
    ),
    (pa.string(), UUID, [(str(AN_ID), AN_ID), ("1", BAD)]),
    (pa.string(), TIMETZ, [("18:22:05+02:00", "18:22:05+02:00"), ("18:22", BAD)]),
    (pa.binary(), pa.string(), [(b"hi", "aGk=")]),
    (pa.binary(), pa.int64(), [(b"1", BAD)]),
    (pa.date32(), pa.string(), [(date(2025, 7, 14), "2025-07-14")]),
    (pa.date32(), TIMESTAMP, [(date(2025, 7, 14), datetime(2025, 7, 14))]),  # noqa: DTZ001
    (pa.date32(), TIMESTAMPTZ, [(date(2025, 7, 14), datetime(2025, 7, 14, tzinfo=UTC))]),
    (pa.date32(), JSON, [(date(2025, 7, 14), '"2025-07-14"')]),
    (TIME, pa.string(), [(time(18, 22, 5), "18:22:05"), (time(0, 0, 0, 120000), "00:00:00.12")]),
    (TIMESTAMP, pa.string(), [(MOMENT, "2025-07-14T18:22:05")]),
    (TIMESTAMP, pa.string(), [(MOMENT.replace(microsecond=120), "2025-07-14T18:22:05.00012")]),
    (TIMESTAMP, TIMESTAMPTZ, [(MOMENT, INSTANT)]),
    (TIMESTAMP, pa.date32(), [(MOMENT, date(2025, 7, 14))]),
    (TIMESTAMPTZ, pa.string(), [(INSTANT, "2025-07-14T18:22:05Z")]),
    (TIMESTAMPTZ, TIMESTAMP, [(INSTANT, MOMENT)]),
    (TIMESTAMPTZ, TIME, [(INSTANT, time(18, 22, 5))]),
    (TIMESTAMPTZ, pa.date32(), [(INSTANT, date(2025, 7, 14))]),
    (pa.timestamp("ns", tz="America/Chicago"), TIMESTAMPTZ, [(INSTANT, INSTANT)]),
    (UUID, pa.string(), [(uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001")]),
    (UUID, pa.binary(), [(uuid.UUID(int=1), bytes(15) + b"\1")]),
    (TIMETZ, TIME, [("18:22:05+02:00", time(16, 22, 5)), ("00:30+02:00", time(22, 30))]),
    (JSON, pa.string(), [('{"a":1}', '{"a":1}')]),
    (JSON, pa.int64(), [("1", BAD)]),
    (pa.list_(pa.int8()), pa.string(), [([1, None], "[1,null]")]),
    (pa.list_(pa.int8()), JSON, [([], "[]")]),
    (pa.struct([("a", pa.int8())]), JSON, [({"a": 1}, '{"a":1}')]),
    (pa.null(), pa.int64(), [(None, None)]),
]  # fmt: skip


def _array(values: list, kind: pa.DataType) -> pa.Array:
    if isinstance(kind, pa.BaseExtensionType):
        plain = [v.bytes if isinstance(v, uuid.UUID) else v for v in values]
        return pa.ExtensionArray.from_storage(kind, pa.array(plain, kind.storage_type))
    return pa.array(values, kind)


@pytest.mark.parametrize(("source", "target", "pairs"), CASES)
def test_values_convert_or_are_marked(
    source: pa.DataType, target: pa.DataType, pairs: list
) -> None:
    # Nulls between the values must stay null and good.
    values = [v for before, _ in pairs for v in (before, None)]
    after = [None if v is BAD else v for _, after in pairs for v in (after, None)]
    bad = [v is BAD for _, after in pairs for v in (after, None)]
    done = convert(_array(values, source), pa.field("a", source), pa.field("b", target))
    assert done.array.type == target
    assert done.array.to_pylist() == after
    assert (done.bad.to_pylist() if done.bad else [False] * len(values)) == bad


KINDS = [
    "BOOLEAN", "BYTE", "SHORT", "INT", "LONG", "DECIMAL(10,2)", "FLOAT", "DOUBLE", "STRING",
    "BYTES", "DATE", "TIME", "TIMETZ", "TIMESTAMP", "TIMESTAMPTZ", "UUID", "JSON", "ARRAY",
    "UNKNOWN",
]  # fmt: skip


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("rows", [0, 3])
def test_nulls_convert_between_all_types(source: str, target: str, rows: int) -> None:
    kinds = arrow_type(source), arrow_type(target)
    done = convert(pa.nulls(rows, kinds[0]), *kinds)
    assert (done.bad, done.array.type, done.array.null_count) == (None, kinds[1], rows)


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_a_wider_type_takes_every_value(source: str, other: str) -> None:
    wide = widen(arrow_type(source), arrow_type(other))
    assert fit(arrow_type(source), wide) in {Fit.SAME, Fit.ALWAYS, Fit.CHECKED, Fit.LOSSY}


def test_only_rows_that_do_not_fit_are_marked_in_a_long_column() -> None:
    text = [str(n) for n in range(1000)]
    text[17] = text[500] = "x"
    done = convert(pa.array(text), pa.string(), pa.int32())
    assert [at for at, bad in enumerate(done.bad.to_pylist()) if bad] == [17, 500]
    assert done.array.null_count == 2


def test_the_mapper_table_says_what_conversion_does() -> None:
    assert fit(pa.int32(), TIMESTAMP) is Fit.NEVER
    assert fit(pa.string(), pa.int32()) is Fit.CHECKED
    assert fit(pa.int64(), pa.float64()) is Fit.LOSSY
    assert fit(MONEY, pa.decimal128(5, 1)) is Fit.CHECKED
    assert fit(pa.int8(), pa.int16()) is Fit.ALWAYS


scalars = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.bool_(): st.booleans(),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.decimal128(30, 12): st.decimals(-(10**17), 10**17, places=12),
    pa.date32(): st.dates(),
    TIMESTAMP: st.datetimes(),
    TIMESTAMPTZ: st.datetimes(timezones=st.just(UTC)),
    TIME: st.times(),
    pa.binary(): st.binary(),
}


@given(data=st.data(), kind=st.sampled_from(list(scalars)))
def test_text_and_back_is_the_same_value(data: st.DataObject, kind: pa.DataType) -> None:
    values = data.draw(st.lists(scalars[kind] | st.none()))
    array = pa.array(values, kind)
    text = convert(array, kind, pa.string())
    again = convert(text.array, pa.string(), kind)
    assert text.bad is again.bad is None
    # An empty string is null outside of text columns, so empty bytes come back as null.
    wanted = [None if value == b"" else value for value in array.to_pylist()]
    assert again.array.to_pylist() == wanted
