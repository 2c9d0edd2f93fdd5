"""Every value arrives exactly: COPY into a real server, read back in the server's own words."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.connectors.destinations.postgres.copy import CopyRows
from penstock.connectors.destinations.postgres.dialect import PostgresDialect
from penstock.connectors.destinations.postgres.nul import without_nul
from penstock.core.errors import DataError
from penstock.core.types import JSON, TIME, TIMESTAMP, TIMESTAMPTZ, TIMETZ, UUID, json_array

pytestmark = pytest.mark.postgres

MICROSECONDS = "(extract(epoch from x) * 1000000)::numeric(30, 0)::text"
DAYS = "x - date '1970-01-01'"
# The first and the last that the server knows: https://www.postgresql.org/docs/current/datatype-datetime.html
FIRST_DAY, LAST_DAY = -2_440_588, 2_145_042_905
FIRST_MOMENT = -210_866_803_200_000_000
# Past this the server's own extract() rounds.
LAST_MOMENT = (1 << 63) - 1 - 946_684_800_000_000
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)

property_test = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

Read = Callable[..., list[Any]]


@pytest.fixture
def connection(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


@pytest.fixture
def copied(connection: psycopg.Connection[Any], tmp_path: Path) -> Read:
    """Values of one column through COPY and back, as the expression over `x` shows them."""

    def copy(values: pa.Array, back: str = "x") -> list[Any]:
        file = tmp_path / "rows.parquet"
        numbers = pa.array(range(len(values)), pa.int32())
        pq.write_table(pa.table({"n": numbers, "x": values}), file)
        kind = PostgresDialect().type_name(pa.field("x", values.type))
        connection.execute("drop table if exists back")
        connection.execute(f"create temporary table back (n integer, x {kind})".encode())
        fields = [pa.field("n", pa.int32()), pa.field("x", values.type)]
        with connection.cursor() as cursor, cursor.copy(b"copy back from stdin binary") as writer:
            for chunk in CopyRows([file], fields):
                writer.write(chunk)
        return [
            row[0] for row in connection.execute(f"select {back} from back order by n".encode())
        ]

    return copy


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.none() | values, min_size=1, max_size=30)


@st.composite
def decimals(draw: st.DrawFn) -> tuple[pa.DataType, list[Decimal | None]]:
    precision = draw(st.integers(1, 76))
    scale = draw(st.integers(0, precision))
    make = pa.decimal128 if precision <= 38 else pa.decimal256
    most = 10**precision - 1
    digits = st.integers(-most, most) | st.sampled_from([0, most, -most, 1, -1])
    if draw(st.booleans()):
        digits |= st.integers(-(1 << 40), 1 << 40).filter(lambda n: abs(n) <= most)
    numbers = draw(some(digits))
    return make(precision, scale), [n if n is None else _decimal(n, scale) for n in numbers]


def _decimal(unscaled: int, scale: int) -> Decimal:
    return Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -scale))


@property_test
@given(column=decimals())
def test_decimals_of_any_width_keep_every_digit(
    copied: Read, column: tuple[pa.DataType, list[Decimal | None]]
) -> None:
    kind, values = column
    wanted = [None if v is None else format(v or abs(v), "f") for v in values]
    assert copied(pa.array(values, kind), "x::text") == wanted


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_integers_reach_their_ends(copied: Read, bits: int) -> None:
    kind = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[bits]
    most = (1 << (bits - 1)) - 1
    values = [0, None, 1, -1, most, -most - 1, most // 3]
    assert copied(pa.array(values, kind)) == values


@property_test
@given(values=some(st.floats()))
def test_doubles_keep_every_bit(copied: Read, values: Sequence[float | None]) -> None:
    back = copied(pa.array(values, pa.float64()))
    assert [repr(v) for v in back] == [repr(v) for v in values]


@property_test
@given(values=some(st.floats(width=32, allow_nan=False)))
def test_floats_become_the_same_doubles(copied: Read, values: Sequence[float | None]) -> None:
    assert copied(pa.array(values, pa.float32())) == values


def test_not_a_number_stays_so(copied: Read) -> None:
    back = copied(pa.array([math.nan, None], pa.float32()))
    assert math.isnan(back[0])
    assert back[1] is None


@property_test
@given(values=some(TEXT))
def test_text_keeps_every_character(copied: Read, values: Sequence[str | None]) -> None:
    assert copied(pa.array(values, pa.string())) == values


@property_test
@given(values=some(st.binary(max_size=60)))
def test_bytes_are_the_same(copied: Read, values: Sequence[bytes | None]) -> None:
    assert copied(pa.array(values, pa.binary())) == values


@property_test
@given(values=some(st.uuids()))
def test_uuids_are_the_same(copied: Read, values: Sequence[Any]) -> None:
    raw = pa.array([None if v is None else v.bytes for v in values], pa.binary(16))
    assert copied(pa.ExtensionArray.from_storage(UUID, raw)) == values


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@property_test
@given(values=st.lists(JSON_VALUES, min_size=1, max_size=10), escaped=st.booleans())
def test_json_means_the_same(copied: Read, values: Sequence[Any], escaped: bool) -> None:
    texts = [json.dumps(value, ensure_ascii=escaped) for value in values]
    back = copied(json_array(pa.array([*texts, None], pa.string())), "x::text")
    assert [None if text is None else json.loads(text) for text in back] == [*values, None]


def test_arrays_become_json(copied: Read) -> None:
    values = [[1, 2], None, [], [None, 5]]
    assert copied(pa.array(values, pa.list_(pa.int32()))) == values


def test_booleans_and_columns_of_nulls(copied: Read) -> None:
    assert copied(pa.array([True, None, False])) == [True, None, False]
    assert copied(pa.array([None, None], pa.int64())) == [None, None]


@property_test
@given(values=some(st.integers(FIRST_DAY, LAST_DAY)))
def test_dates_of_all_times(copied: Read, values: Sequence[int | None]) -> None:
    assert copied(pa.array(values, pa.int32()).view(pa.date32()), DAYS) == values


@pytest.mark.parametrize("kind", [TIMESTAMP, TIMESTAMPTZ])
@property_test
@given(values=some(st.integers(FIRST_MOMENT, LAST_MOMENT)))
def test_moments_of_all_times(
    copied: Read, kind: pa.DataType, values: Sequence[int | None]
) -> None:
    back = copied(pa.array(values, pa.int64()).view(kind), MICROSECONDS)
    assert back == [None if value is None else str(value) for value in values]


@property_test
@given(values=some(st.integers(0, 86_399_999_999)))
def test_times_of_day(copied: Read, values: Sequence[int | None]) -> None:
    back = copied(pa.array(values, pa.int64()).view(TIME), MICROSECONDS)
    assert back == [None if value is None else str(value) for value in values]


def test_the_last_moment_that_arrow_knows(copied: Read) -> None:
    last = pa.array([(1 << 63) - 1], pa.int64()).view(TIMESTAMP)
    assert copied(last, "x::text") == ["294247-01-10 04:00:54.775807"]


def test_familiar_moments_read_as_they_should(copied: Read) -> None:
    moment = datetime.fromisoformat("2024-02-29T23:59:59.999999")
    assert copied(pa.array([moment], TIMESTAMP)) == [moment]
    day = date(1, 1, 1)
    assert copied(pa.array([day, day - timedelta(0)], pa.date32())) == [day, day]
    zoned = pa.ExtensionArray.from_storage(TIMETZ, pa.array(["10:00:00+02:00", None]))
    assert copied(zoned) == ["10:00:00+02:00", None]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((pa.date32(), n) for n in (-(1 << 31), (1 << 31) - 1, FIRST_DAY - 1, LAST_DAY + 1)),
        *((TIMESTAMP, n) for n in (-(1 << 63), -(1 << 63) + 946_684_800_000_000, FIRST_MOMENT - 1)),
        *((TIME, n) for n in (-1, 86_400_000_001)),
    ],
)
def test_what_the_server_does_not_know_is_refused(
    copied: Read, kind: pa.DataType, value: int
) -> None:
    # Never infinity, which is how the server reads the least and the greatest number.
    raw = pa.array([value], pa.int32() if kind == pa.date32() else pa.int64())
    with pytest.raises(psycopg.errors.DatetimeFieldOverflow):
        copied(raw.view(kind))


def test_text_that_is_no_json_is_refused(copied: Read) -> None:
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        copied(json_array(pa.array(["{"], pa.string())))


def test_many_wide_rows_go_in_pieces(copied: Read) -> None:
    values = [f"{n}" * 3_000 for n in range(4_000)]
    assert copied(pa.array(values), "length(x)") == [len(value) for value in values]


class TestNul:
    """U+0000 cannot be stored: U+FFFD stands for it, and the user is told how often."""

    def rows(self, tmp_path: Path, column: pa.Array) -> tuple[list[Any], tuple[str, ...]]:
        file = tmp_path / "rows.parquet"
        pq.write_table(pa.table({"x": column}), file)
        rows = CopyRows([file], [pa.field("x", column.type)])
        return [bytes(chunk) for chunk in rows], rows.warnings

    def test_in_text(self, copied: Read, tmp_path: Path) -> None:
        column = pa.array(["a\0b", "\0\0", None, "plain"])
        assert copied(column) == ["a\ufffdb", "\ufffd\ufffd", None, "plain"]
        (told,) = self.rows(tmp_path, column)[1]
        assert told == (
            "2 values of x held the character U+0000, which PostgreSQL cannot store: "
            "U+FFFD (\ufffd) stands for it."
        )

    def test_in_json(self, copied: Read) -> None:
        texts = [r'"\u0000\u0000"', r'"a\\u0000"', r'{"\u0000": "\\\u0000"}']
        back = copied(json_array(pa.array(texts, pa.string())))
        assert back == ["\ufffd\ufffd", r"a\u0000", {"\ufffd": "\\\ufffd"}]

    def test_wherever_it_is_in_a_long_column(self) -> None:
        for at in ((1 << 20) - 3, 1 << 20, (1 << 21) - 6, (1 << 21) - 1):
            text = pa.array(["x" * at + r"\u0000", "end"])
            assert without_nul(text, json=True)[0].as_py() == "x" * at + "\ufffd"
            assert without_nul(text, json=False) is text

    def test_nothing_is_said_when_there_is_none(self, tmp_path: Path) -> None:
        assert self.rows(tmp_path, pa.array(["a", None]))[1] == ()


def test_a_value_that_does_not_fit_its_column_is_an_error_of_data(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": pa.array(["1", "one"])}), file)
    with pytest.raises(DataError) as raised:
        list(CopyRows([file], [pa.field("x", pa.int64())]))
    assert raised.value.code == "INCOMPATIBLE_TYPE"


def test_columns_that_a_file_lacks_are_null(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": pa.array([1, 2], pa.int64())}), file)
    chunks = list(CopyRows([file], [pa.field("y", JSON)]))
    assert bytes(chunks[1]) == b"\x00\x01\xff\xff\xff\xff" * 2
