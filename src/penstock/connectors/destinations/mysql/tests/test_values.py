"""Every value arrives exactly, by LOAD DATA and by INSERT, read back in the server's own words."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.connectors.destinations.mysql.config import Config
from penstock.connectors.destinations.mysql.destination import MySql
from penstock.connectors.destinations.mysql.tx import MySqlTx
from penstock.core.errors import DataError
from penstock.core.types import JSON, TIME, TIMESTAMP, TIMESTAMPTZ, TIMETZ, UUID, json_array

pytestmark = pytest.mark.mysql

MICROSECONDS = "TIMESTAMPDIFF(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', x)"
FIRST_DAY, LAST_DAY = (date(1, 1, 1) - date(1970, 1, 1)).days, 2_932_896
FIRST_MOMENT = FIRST_DAY * 86_400_000_000
LAST_MOMENT = (LAST_DAY + 1) * 86_400_000_000 - 1
# The separators of the lines, and what SQL and LOAD DATA take for special, more often than not.
SPECIAL = st.text(st.sampled_from("\x1d\x1e\x1f\\'\"\0\n\t\r,N%?é😀 "), max_size=12)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | SPECIAL
BYTES = st.binary(max_size=60) | SPECIAL.map(str.encode)

property_test = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

Read = Callable[..., list[Any]]


@pytest.fixture(params=[True, False], ids=["load data", "insert"])
def destination(maria_url: str, request: pytest.FixtureRequest) -> Iterator[MySql]:
    config = Config.model_validate({"url": maria_url, "local_infile": request.param})
    with closing(MySql(config)) as destination:
        yield destination


@pytest.fixture
def sent(destination: MySql, tmp_path: Path) -> Read:
    """Values of one column into a temporary table and back, as the expression over `x` shows."""

    def send(values: pa.Array, back: str = "x") -> list[Any]:
        file = tmp_path / "rows.parquet"
        numbers = pa.array(range(len(values)), pa.int32())
        pq.write_table(pa.table({"n": numbers, "x": values}), file)
        fields = [pa.field("n", pa.int32()), pa.field("x", values.type)]
        destination.warnings.clear()
        with destination.transaction() as tx:
            assert isinstance(tx, MySqlTx)
            destination.copy_in(tx, "back", fields, [file], [])
            return [row[0] for row in tx.rows(f"SELECT {back} FROM back ORDER BY n")]

    return send


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.none() | values, min_size=1, max_size=30)


@st.composite
def decimals(draw: st.DrawFn) -> tuple[pa.DataType, list[Decimal | None]]:
    precision = draw(st.integers(1, 76))
    scale = draw(st.integers(0, precision))
    make = pa.decimal128 if precision <= 38 else pa.decimal256
    most = 10**precision - 1
    digits = st.integers(-most, most) | st.sampled_from([0, most, -most, 1, -1])
    numbers = draw(some(digits))
    return make(precision, scale), [n if n is None else _decimal(n, scale) for n in numbers]


def _decimal(unscaled: int, scale: int) -> Decimal:
    return Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -scale))


@property_test
@given(column=decimals())
def test_decimals_of_any_width_keep_every_digit(
    sent: Read, column: tuple[pa.DataType, list[Decimal | None]]
) -> None:
    kind, values = column
    wanted = [None if v is None else format(v or abs(v), "f") for v in values]
    assert sent(pa.array(values, kind), "CAST(x AS CHAR)") == wanted


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_integers_reach_their_ends(sent: Read, bits: int) -> None:
    kind = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[bits]
    most = (1 << (bits - 1)) - 1
    values = [0, None, 1, -1, most, -most - 1, most // 3]
    assert sent(pa.array(values, kind)) == values


@property_test
@given(values=some(st.floats(allow_nan=False, allow_infinity=False)))
def test_doubles_keep_every_bit(sent: Read, values: Sequence[float | None]) -> None:
    back = sent(pa.array(values, pa.float64()))
    # A zero has no sign here: the server takes it off in an INSERT.
    assert [_unsigned(v) for v in back] == [_unsigned(v) for v in values]


def _unsigned(value: float | None) -> str:
    return repr(value + 0.0) if value is not None else "None"


@property_test
@given(values=some(st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_floats_become_the_same_doubles(sent: Read, values: Sequence[float | None]) -> None:
    assert sent(pa.array(values, pa.float32())) == values


def test_what_is_not_finite_is_null_and_told(destination: MySql, sent: Read) -> None:
    values = pa.array([math.nan, 1.0, math.inf, None], pa.float64())
    assert sent(values) == [None, 1.0, None, None]
    assert destination.warnings == [
        "2 values of x were not a finite number, which MySQL cannot store: NULL stands for it."
    ]


@property_test
@given(values=some(TEXT))
def test_text_keeps_every_character(sent: Read, values: Sequence[str | None]) -> None:
    assert sent(pa.array(values, pa.string())) == values


@property_test
@given(values=some(BYTES))
def test_bytes_are_the_same(sent: Read, values: Sequence[bytes | None]) -> None:
    assert sent(pa.array(values, pa.binary())) == values


@property_test
@given(values=some(st.uuids()))
def test_uuids_are_the_same(sent: Read, values: Sequence[Any]) -> None:
    raw = pa.array([None if v is None else v.bytes for v in values], pa.binary(16))
    wanted = [None if v is None else str(v) for v in values]
    assert sent(pa.ExtensionArray.from_storage(UUID, raw)) == wanted


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@property_test
@given(values=st.lists(JSON_VALUES, min_size=1, max_size=10), escaped=st.booleans())
def test_json_means_the_same(sent: Read, values: Sequence[Any], escaped: bool) -> None:
    texts = [json.dumps(value, ensure_ascii=escaped) for value in values]
    back = sent(json_array(pa.array([*texts, None], pa.string())))
    assert [None if text is None else json.loads(text) for text in back] == [*values, None]


def test_arrays_become_json(sent: Read) -> None:
    values = [[1, 2], None, [], [None, 5]]
    back = sent(pa.array(values, pa.list_(pa.int32())))
    assert [None if text is None else json.loads(text) for text in back] == values


def test_booleans_and_columns_of_nulls(sent: Read) -> None:
    assert sent(pa.array([True, None, False])) == [1, None, 0]
    assert sent(pa.array([None, None], pa.int64())) == [None, None]


@property_test
@given(values=some(st.integers(FIRST_DAY, LAST_DAY)))
def test_dates_of_all_times(sent: Read, values: Sequence[int | None]) -> None:
    assert sent(pa.array(values, pa.int32()).view(pa.date32()), "TO_DAYS(x) - 719528") == values


@pytest.mark.parametrize("kind", [TIMESTAMP, TIMESTAMPTZ])
@property_test
@given(values=some(st.integers(FIRST_MOMENT, LAST_MOMENT)))
def test_moments_of_all_times(sent: Read, kind: pa.DataType, values: Sequence[int | None]) -> None:
    assert sent(pa.array(values, pa.int64()).view(kind), MICROSECONDS) == values


@property_test
@given(values=some(st.integers(0, 86_399_999_999)))
def test_times_of_day(sent: Read, values: Sequence[int | None]) -> None:
    microseconds = "CAST(TIME_TO_SEC(x) * 1000000 AS SIGNED)"
    assert sent(pa.array(values, pa.int64()).view(TIME), microseconds) == values


def test_familiar_moments_read_as_they_should(sent: Read) -> None:
    moment = datetime.fromisoformat("2024-02-29T23:59:59.999999")
    assert sent(pa.array([moment], TIMESTAMP)) == [moment]
    zoned = pa.ExtensionArray.from_storage(TIMETZ, pa.array(["10:00:00+02:00", None]))
    assert sent(zoned) == ["10:00:00+02:00", None]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((pa.date32(), n) for n in (-(1 << 31), (1 << 31) - 1, FIRST_DAY - 1, LAST_DAY + 1)),
        *((TIMESTAMP, n) for n in (-(1 << 63), FIRST_MOMENT - 1, LAST_MOMENT + 1)),
    ],
)
def test_years_that_the_server_does_not_know_are_refused(
    sent: Read, kind: pa.DataType, value: int
) -> None:
    raw = pa.array([value], pa.int32() if kind == pa.date32() else pa.int64())
    with pytest.raises(DataError) as raised:
        sent(raw.view(kind))
    assert raised.value.code == "NUMERIC_OUT_OF_RANGE"


def test_many_wide_rows_go_in_pieces(sent: Read) -> None:
    values = [f"{n}'" * 3_000 for n in range(4_000)]
    assert sent(pa.array(values), "CHAR_LENGTH(x)") == [len(value) for value in values]


def test_a_row_larger_than_a_statement_goes_alone(sent: Read) -> None:
    values = ["a", "é" * 3_000_000, "b"]
    assert sent(pa.array(values), "CHAR_LENGTH(x)") == [1, 3_000_000, 1]


def test_a_slice_of_a_column_is_only_its_rows(sent: Read) -> None:
    raw = pa.array([bytes([n]) * 16 for n in range(50)], pa.binary(16))
    uuids = pa.ExtensionArray.from_storage(UUID, raw).slice(20, 5)
    assert sent(uuids, "LEFT(x, 2)") == [f"{n:02x}" for n in range(20, 25)]
    assert sent(pa.array([b"\0", b"\1", None, b"\3"]).slice(1, 3)) == [b"\1", None, b"\3"]


def test_columns_that_a_file_lacks_are_null(destination: MySql, tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": pa.array([1, 2], pa.int64())}), file)
    with destination.transaction() as tx:
        destination.copy_in(tx, "back", [pa.field("y", JSON)], [file], [])
        assert tx.rows("SELECT y FROM back") == [(None,), (None,)]
