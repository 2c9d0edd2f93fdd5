"""API pages as typed columns."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.types import JSON, TIMESTAMP, TIMESTAMPTZ, is_json
from penstock.sdk.json_arrays import undeclared
from penstock.sdk.json_columns import JsonColumns
from penstock.sdk.json_kinds import FieldSpec

NOON = datetime(2025, 7, 14, 12, tzinfo=UTC)
LOCAL_NOON = datetime(2025, 7, 14, 12)  # noqa: DTZ001


def _column(kind: str | None, values: str) -> pa.Array:
    """The column `a` of a page whose rows hold these JSON values (as a JSON array)."""
    fields = [FieldSpec.of("a", kind)] if kind else []
    reader = JsonColumns(fields, envelope="rows")
    rows = ",".join('{"a":' + text + "}" for text in _split(values))
    batch = reader.to_arrow(reader.decode(f'{{"rows":[{rows}]}}'.encode()).rows)
    return batch.column("a")


def _split(values: str) -> list[str]:
    return [part.strip() for part in values.split(" ; ")]


@pytest.mark.parametrize(
    ("kind", "values", "type_", "column"),
    [
        # numbers
        ("string(number)", '"1" ; "-2" ; "" ; null', pa.int64(), [1, -2, None, None]),
        ("string(number)", '"9223372036854775807"', pa.int64(), [2**63 - 1]),
        ("string(number)", '"9223372036854775808" ; "1"', pa.decimal128(38, 0), [2**63, 1]),
        (
            "string(number)",
            '"12.50" ; "3" ; ""',
            pa.decimal128(18, 2),
            [Decimal("12.50"), Decimal(3), None],
        ),
        ("string(number)", '"007" ; "1"', pa.string(), ["007", "1"]),
        ("string(number)", '"+1" ; "1"', pa.string(), ["+1", "1"]),
        ("string(number)", '"NULL" ; "1" ; ""', pa.string(), ["NULL", "1", None]),
        ("string(number)", '"0x1F"', pa.string(), ["0x1F"]),
        ("string(number)", '"1e5"', pa.string(), ["1e5"]),
        ("string(number)", '"1" ; [2]', pa.string(), ["1", "[2]"]),
        ("string(number)|integer", '"1" ; 2', pa.int64(), [1, 2]),
        ("integer", "1 ; null ; 2", pa.int64(), [1, None, 2]),
        ("integer", '1 ; "2" ; ""', pa.int64(), [1, 2, None]),
        ("integer", "1 ; 12.5", pa.decimal128(18, 1), [Decimal("1.0"), Decimal("12.5")]),
        ("integer", "1 ; 18446744073709551616", pa.decimal128(38, 0), [1, 2**64]),
        ("integer", "1 ; true", pa.string(), ["1", "true"]),
        (
            "number",
            "0.1234567890123456789 ; 1",
            pa.decimal128(38, 19),
            [Decimal("0.1234567890123456789"), Decimal(1)],
        ),
        ("number", "1.0e+25", pa.decimal128(38, 0), [Decimal(10) ** 25]),
        ("number", "1.5e400", pa.string(), ["1.5e400"]),
        ("number", "1e99999999999999999999", pa.string(), ["1e99999999999999999999"]),
        ("number", '"' + "9" * 80 + '"', pa.string(), ["9" * 80]),
        ("number", "null", pa.int64(), [None]),
        # flags
        ("string(bool)", '"0" ; "1" ; "" ; null', pa.bool_(), [False, True, None, None]),
        ("string(bool)", '"0" ; true ; 1 ; "false"', pa.bool_(), [False, True, True, False]),
        ("boolean", "true ; null ; false", pa.bool_(), [True, None, False]),
        ("boolean|integer", "true ; 1 ; 0", pa.bool_(), [True, True, False]),
        ("string(bool)", '"1" ; "2" ; "0" ; ""', pa.string(), ["true", "2", "false", None]),
        ("boolean", 'true ; "maybe" ; 0', pa.string(), ["true", "maybe", "false"]),
        ("boolean", "null", pa.bool_(), [None]),
        # moments
        ("string(datetime)", '"2025-07-14T07:00:00-05:00" ; null', TIMESTAMPTZ, [NOON, None]),
        ("string(datetime)", '"2025-07-14T7:00:00-05:00"', TIMESTAMPTZ, [NOON]),
        ("string(datetime)", '"2025-07-14T12:00:00.000000000Z"', TIMESTAMPTZ, [NOON]),
        (
            "string(datetime)",
            '"2025-07-14T12:00:00.25Z"',
            TIMESTAMPTZ,
            [NOON.replace(microsecond=250000)],
        ),
        (
            "string(datetime)",
            '"2025-07-14T12:00:00.1234567Z"',
            pa.string(),
            ["2025-07-14T12:00:00.1234567Z"],
        ),
        (
            "string(datetime)",
            '"2025-07-14T07:00:00-05:00" ; "2025-07-14 12:00:00" ; "" ; "0000-00-00"',
            TIMESTAMPTZ,
            [NOON, NOON, None, None],
        ),
        ("string(datetime)", '"2025-07-14 12:00:00"', TIMESTAMP, [LOCAL_NOON]),
        ("string(datetime)", '"0000-00-00T00:00:00-06:00"', TIMESTAMPTZ, [None]),
        ("string(datetime)", '"0000-00-00T0:00:00-06:00"', TIMESTAMPTZ, [None]),
        ("string(datetime)", '"0000-00-00 x"', pa.string(), ["0000-00-00 x"]),
        ("string(datetime)", '"soon" ; ""', pa.string(), ["soon", None]),
        ("string(datetime)", '"0000-01-01T00:00:00Z"', pa.string(), ["0000-01-01T00:00:00Z"]),
        (
            "string(datetime)",
            '"9999-12-31T23:59:59-05:00"',
            pa.string(),
            ["9999-12-31T23:59:59-05:00"],
        ),
        ("string(datetime)", "1752494400", pa.string(), ["1752494400"]),
        (
            "string(datetime_naive)",
            '"2025-07-14 12:00:00" ; "0000-00-00 00:00:00" ; ""',
            TIMESTAMP,
            [LOCAL_NOON, None, None],
        ),
        (
            "string(datetime_naive)",
            '"2025-07-14 12:00:00" ; "2025-07-14T07:00:00-05:00"',
            TIMESTAMPTZ,
            [NOON, NOON],
        ),
        ("string(date)", '"2025-07-14" ; ""', pa.date32(), [date(2025, 7, 14), None]),
        ("string(date)", '"2025-07-14" ; "0000-00-00"', pa.date32(), [date(2025, 7, 14), None]),
        ("string(date)", '"2025-07-14 12:00:00"', TIMESTAMP, [LOCAL_NOON]),
        ("string(date)", '"14.7.2025"', pa.string(), ["14.7.2025"]),
        ("string(date)", '"0000-01-01"', pa.string(), ["0000-01-01"]),
        ("string(date)", '"2025-02-30"', pa.string(), ["2025-02-30"]),
        ("string(date)", "null", pa.date32(), [None]),
        # text and JSON
        ("string", '"" ; "0000-00-00" ; "1"', pa.string(), ["", "0000-00-00", "1"]),
        ("string", '1.10 ; true ; {"b": [1.0, "é\\/"], "a": null}', pa.string(),
         ["1.10", "true", '{"b":[1.0,"é/"],"a":null}']),
        ("object", '{"b": 1.10, "a": 12345678901234567890123} ; [] ; null', JSON,
         ['{"b":1.10,"a":12345678901234567890123}', "[]", None]),
        ("any", '"x" ; 1 ; 1E5 ; false', JSON, ['"x"', "1", "1E5", "false"]),
        ("string|array<string>", '"x" ; ["y"]', JSON, ['"x"', '["y"]']),
        ("array", '["\\u0000\\ud83d\\ude00"]', JSON, ['["\\u0000😀"]']),
        # undeclared
        (None, '"x" ; null', pa.string(), ["x", None]),
        (None, '"2025-07-14"', pa.date32(), [date(2025, 7, 14)]),
        (None, '"2025-07-14T12:00:00Z" ; "2025-07-14"', TIMESTAMPTZ,
         [NOON, NOON.replace(hour=0)]),
        (None, '"0000-00-00"', pa.string(), ["0000-00-00"]),
        (None, "1 ; null", pa.int32(), [1, None]),
        (None, "1 ; 3000000000", pa.int64(), [1, 3 * 10**9]),
        (None, "1 ; 18446744073709551616", pa.decimal128(38, 0), [1, 2**64]),
        (None, "1" + "0" * 100, pa.string(), ["1" + "0" * 100]),
        (None, "1 ; 1.5", pa.float64(), [1.0, 1.5]),
        (None, "0.1 ; 1e300", pa.float64(), [0.1, 1e300]),
        (None, "9007199254740993 ; 0.5", pa.decimal128(18, 1),
         [Decimal(9007199254740993), Decimal("0.5")]),
        (None, "true ; false", pa.bool_(), [True, False]),
        (None, "true ; 1", pa.string(), ["true", "1"]),
        (None, "{} ; []", JSON, ["{}", "[]"]),
        (None, '{} ; "x"', pa.string(), ["{}", "x"]),
    ],
)  # fmt: skip
def test_columns_are_typed_by_contract_and_values(
    kind: str | None, values: str, type_: pa.DataType, column: list
) -> None:
    array = _column(kind, values)
    assert array.type == type_
    assert array.to_pylist() == column


def test_undeclared_dates_stay_text_when_not_looked_for() -> None:
    reader = JsonColumns([], envelope="rows", infer_dates=False)
    rows = reader.decode(b'{"rows":[{"a":"2025-07-14"}]}').rows
    assert reader.to_arrow(rows).column("a").type == pa.string()


def test_columns_stand_in_order_of_declaration_then_of_appearance() -> None:
    fields = [FieldSpec.of("z", "string"), FieldSpec.of("y", "integer")]
    reader = JsonColumns(fields, frozenset({"links"}), envelope="rows")
    page = reader.decode(b'{"rows":[{"b":1,"y":2,"links":{"x":1}},{"a":1,"z":"z"}]}')
    assert reader.to_arrow(page.rows).schema.names == ["z", "y", "b", "a"]


def test_a_field_that_was_only_null_has_no_column_until_it_has_a_value() -> None:
    reader = JsonColumns([FieldSpec.of("id", "integer")], envelope="rows")
    nothing = reader.decode(b'{"rows":[{"id":1,"x":null}]}').rows
    something = reader.decode(b'{"rows":[{"id":2,"x":5}]}').rows
    assert reader.to_arrow(nothing).schema.names == ["id"]
    assert reader.to_arrow(something).schema.names == ["id", "x"]
    later = reader.to_arrow(nothing)
    assert later.schema.names == ["id", "x"]
    assert later.column("x").to_pylist() == [None]
    assert later.column("x").type == pa.int32()


def test_rows_from_before_and_after_a_new_member_go_together() -> None:
    reader = JsonColumns([], envelope="rows")
    rows = reader.decode(b'{"rows":[{"a":1}]}').rows
    rows += reader.decode(b'{"rows":[{"b":2,"a":2}]}').rows
    rows += reader.decode(b'{"rows":[{"a":3}]}').rows
    assert reader.to_arrow(rows).to_pylist() == [
        {"a": 1, "b": None},
        {"a": 2, "b": 2},
        {"a": 3, "b": None},
    ]


def test_members_that_no_struct_can_name_are_columns_too() -> None:
    reader = JsonColumns([FieldSpec.of('a"b', "string(number)")], envelope="rows")
    rows = reader.decode(b'{"rows":[{"x":1}]}').rows
    rows += reader.decode(rb'{"rows":[{"x":2,"a\"b":"5"}]}').rows
    assert reader.to_arrow(rows).to_pylist() == [{'a"b': None, "x": 1}, {'a"b': 5, "x": 2}]


def test_a_declared_flag_named_links_is_kept_when_not_dropped() -> None:
    reader = JsonColumns([FieldSpec.of("links", "string(bool)")], envelope="rows")
    assert reader.to_arrow(reader.decode(b'{"rows":[{"links":"1"}]}').rows).to_pylist() == [
        {"links": True}
    ]


def test_nested_values_are_one_compact_json_text_each() -> None:
    body = """{"rows": [{"_id":"org_1","name":"Acme",
     "address":{"street":"1 Main St","geo":{"lat":18.52,"lon":73.85},"tags":["hq"]},
     "contacts":[{"name":"Ana","phones":["111","222"]},{"name":"Raj","phones":[]}],
     "scores":[7, 9],"meta":{},"notes":null}]}"""
    reader = JsonColumns([], envelope="rows")
    assert reader.to_arrow(reader.decode(body.encode()).rows).to_pylist() == [
        {
            "_id": "org_1",
            "name": "Acme",
            "address": '{"street":"1 Main St","geo":{"lat":18.52,"lon":73.85},"tags":["hq"]}',
            "contacts": '[{"name":"Ana","phones":["111","222"]},{"name":"Raj","phones":[]}]',
            "scores": "[7,9]",
            "meta": "{}",
        }
    ]


def test_no_rows_still_have_their_declared_columns() -> None:
    reader = JsonColumns([FieldSpec.of("a", "integer"), FieldSpec.of("j", "any")], envelope="rows")
    batch = reader.to_arrow([])
    assert batch.num_rows == 0
    assert batch.schema == pa.schema([("a", pa.int64()), ("j", JSON)])


def test_rows_without_any_column_are_still_counted() -> None:
    reader = JsonColumns([], frozenset({"links"}), envelope="rows")
    page = reader.decode(b'{"rows":[{},{"links":[]},{"x":null}]}')
    assert reader.to_arrow(page.rows).num_rows == 3


class Text(str):
    """A JSON number as it stands in the body."""


numbers = st.one_of(
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False).map(lambda d: _json_number(str(d))),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda f: _json_number(repr(f))),
)
plain_text = st.text(st.characters(exclude_categories=["Cs"]))
odd_text = st.sampled_from(
    ["", "0", "1", "2", "-0", "007", "1.50", "1e5", "true", "false", "True", "NULL", "0000-00-00",
     "0000-00-00 00:00:00", "2025-07-14", "2025-07-14 10:00:00", "2025-07-14T2:10:00-05:00",
     "2025-07-14T10:00:00Z", "2025-07-14T10:00:00.123456789Z", "0000-12-31", "10:00", "{}", "[]"]
)  # fmt: skip
leaves = st.none() | st.booleans() | numbers | plain_text | odd_text
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain_text, inner, max_size=3),
    max_leaves=6,
)
pools = [
    numbers,
    st.integers().map(str) | st.just(""),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.integers(-9, 9) | st.floats(-9, 9).map(lambda f: _json_number(repr(f))),
    st.datetimes(timezones=st.timezones()).map(lambda d: d.isoformat()),
    st.datetimes().map(str) | st.dates().map(str) | st.just("0000-00-00 00:00:00"),
    st.dates().map(str) | st.none(),
    st.times().map(str),
    st.booleans() | st.sampled_from(["0", "1", 0, 1]),
    st.lists(leaves, max_size=2),
    anything | odd_text,
]
"""Values of one kind, so that columns get their type, and a mix of all."""
KINDS = [
    "string(number)", "integer", "number", "string(bool)", "boolean", "string(datetime)",
    "string(datetime_naive)", "string(date)", "string", "object", "array", "any", None,
]  # fmt: skip


def _json_number(text: str) -> Text:
    whole = text.lower().replace("e+", "e")
    return Text(whole if any(c in whole for c in ".e") else f"{whole}.0")


def _write(value: object) -> str:
    if isinstance(value, Text):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{_write(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_write, value)) + "]"
    return json.dumps(value)


def _read(text: str) -> object:
    return json.loads(text, parse_float=Decimal)


def _is_same(value: object, cell: object, column: pa.Field, kind: str | None) -> bool:
    """Whether the cell says what the value of the body says."""
    if value is None:
        return cell is None
    if cell is None:
        zero = str(value).startswith("0000-00-00")
        if kind in (None, "any"):
            return zero and pa.types.is_temporal(column.type)
        return kind not in ("string", "object", "array") and (value == "" or zero)
    if is_json(column):
        return _read(str(cell)) == _read(_write(value))
    if isinstance(cell, bool):
        return str(value).lower() in (("1", "true") if cell else ("0", "false"))
    if isinstance(cell, Decimal | int):
        return cell == Decimal(str(value))
    if isinstance(cell, float):
        return Decimal(repr(cell)) == Decimal(str(value))
    if isinstance(cell, date):
        return _moment(str(value)) == _moment(str(cell))
    if hasattr(cell, "hour"):
        return str(cell).startswith(str(value))
    if isinstance(value, str):
        flags = {"1": "true", "0": "false"} if kind in ("boolean", "string(bool)") else {}
        return cell == flags.get(value, value)
    if kind in ("boolean", "string(bool)") and value in (0, 1):
        return cell == ("true" if value else "false")
    return _read(str(cell)) == _read(_write(value))


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text.replace("T2:", "T02:"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@given(
    kind=st.sampled_from(KINDS),
    pages=st.sampled_from(pools).flatmap(
        lambda pool: st.lists(st.lists(pool, max_size=6), min_size=1, max_size=3)
    ),
)
def test_no_value_is_ever_lost_or_changed(kind: str | None, pages: list[list[object]]) -> None:
    fields = [FieldSpec.of("a", kind)] if kind else []
    reader = JsonColumns(fields, envelope="rows")
    rows, values = [], []
    for page in pages:
        body = ",".join(f'{{"a":{_write(value)}}}' for value in page)
        decoded = reader.decode(f'{{"rows":[{body}]}}'.encode())
        assert not decoded.bad
        rows += decoded.rows
        values += page
    batch = reader.to_arrow(rows)
    if "a" not in batch.schema.names:
        assert kind is None
        assert all(value is None for value in values)
        return
    column = batch.schema.field("a")
    for value, cell in zip(values, batch.column("a").to_pylist(), strict=True):
        assert _is_same(value, cell, column, kind), (value, cell, column)


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        (["0000-00-00", "2025-01-02"], pa.date32(), [None, date(2025, 1, 2)]),
        (
            ["0000-00-00 00:00:00", "2025-01-02 03:04:05", None],
            pa.timestamp("us"),
            [None, datetime(2025, 1, 2, 3, 4, 5), None],  # noqa: DTZ001
        ),
        (["0000-00-00T00:00:00Z", None], pa.string(), ["0000-00-00T00:00:00Z", None]),
        (["0000-00-00", "soon"], pa.string(), ["0000-00-00", "soon"]),
        (["0000-00-00", "0000-12-31"], pa.string(), ["0000-00-00", "0000-12-31"]),
    ],
)
def test_zero_dates_of_undeclared_fields_are_null_among_dates(
    values: list[str | None], kind: pa.DataType, found: list[object]
) -> None:
    typed = undeclared(values)
    assert typed.type == kind
    assert typed.to_pylist() == found
    assert undeclared(values, dates=False).to_pylist() == values
