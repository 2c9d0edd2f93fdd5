"""Each block as its section of the specification describes it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from flows import NOW, Row, after, block, events, named, rows_of, run
from penstock.core.errors import ConfigError
from penstock.transforms.blocks import BLOCKS
from penstock.transforms.events import Refused


def only(value: Any, kind: str, settings: Row | None = None, **more: Any) -> Any:
    """The field `v` after a block on it alone."""
    filters = more.pop("filters", named("v"))
    return after(block(kind, settings, filters=filters, **more), {"v": value})[0].get("v")


def refused(value: Any, kind: str, settings: Row | None = None) -> Refused:
    """The refusal of an event whose field `v` the block fails at."""
    done = run(block(kind, settings, filters=named("v"), label="mine"), [{"v": value}])
    assert done.outputs == ()
    (found,) = done.refused
    return found


def test_there_are_twenty_blocks() -> None:
    assert len(BLOCKS) == 20
    assert {block.group.value for block in BLOCKS.values()} == {
        "Control",
        "Date",
        "Event manipulation",
        "JSON manipulation",
        "Mathematical",
        "Security",
        "String",
    }


class TestAddField:
    def test_formula(self) -> None:
        made = block("ADD_FIELD", {"field_name": "total", "value": "price * qty"})
        rows = after(made, {"price": 10, "qty": 3}, {"price": 10})
        assert rows == [{"price": 10, "qty": 3, "total": 30}, {"price": 10, "total": None}]

    def test_literal_after_an_earlier_null(self) -> None:
        blocks = [
            block(
                "CHANGE_FIELD_VALUE",
                {"value": "$null"},
                filters={"field": [{"on": "FIELD_VALUE", "op": "LT", "value": 0}]},
            ),
            {
                "id": "b2",
                "type": "ADD_FIELD",
                "settings": {"field_name": "note", "value": "Sold-Out"},
                "filters": {"event": [{"on": "EVENT_FIELD", "field": "price", "op": "IS_NULL"}]},
            },
        ]
        rows = after(blocks, {"price": -1}, {"price": 4}, {"other": 1})
        assert rows == [{"price": None, "note": "Sold-Out"}, {"price": 4}, {"other": 1}]

    @pytest.mark.parametrize(
        ("if_exists", "notes"),
        [("KEEP", ["old", "new", "new"]), ("OVERWRITE", ["new", "new", "new"])],
    )
    def test_existing_fields(self, if_exists: str, notes: list[str]) -> None:
        settings = {"field_name": "n", "value": '"new"', "if_exists": if_exists}
        rows = after(block("ADD_FIELD", settings), {"n": "old"}, {"n": None}, {"x": 1})
        assert [row["n"] for row in rows] == notes

    def test_a_dotted_name_makes_objects(self) -> None:
        settings = {"field_name": "a.b.c", "value": "1"}
        assert after(block("ADD_FIELD", settings), {"x": 1}) == [{"x": 1, "a": {"b": {"c": 1}}}]

    def test_self_means_nothing_here(self) -> None:
        with pytest.raises(ConfigError, match="no current field"):
            run(block("ADD_FIELD", {"field_name": "n", "value": "$self"}), [{"x": 1}])


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


class TestChangeFieldValue:
    def test_a_function_of_the_value(self) -> None:
        assert only("7", "CHANGE_FIELD_VALUE", {"value": "STRING_TO_NUMBER($self)"}) == 7

    def test_missing_fields_are_not_made_and_nulls_are_replaced(self) -> None:
        made = block("CHANGE_FIELD_VALUE", {"value": "1"}, filters=named("v", "w"))
        assert after(made, {"v": None}, {"x": 1}) == [{"v": 1}, {"x": 1}]

    def test_self_serves_many_fields(self) -> None:
        made = block("CHANGE_FIELD_VALUE", {"value": "$self / 4"}, filters=named("width", "height"))
        assert after(made, {"width": 10, "height": 20}) == [{"width": 2.5, "height": 5.0}]

    def test_quoted_self_is_a_literal(self) -> None:
        assert only(1, "CHANGE_FIELD_VALUE", {"value": '"$self"'}) == "$self"

    def test_split_fields_makes_fields(self) -> None:
        made = block("CHANGE_FIELD_VALUE", {"value": 'SPLIT_FIELDS(" ")'}, filters=named("n"))
        assert after(made, {"n": "a b"}) == [{"n": "a b", "n_1": "a", "n_2": "b"}]

    def test_nested_field(self) -> None:
        made = block("CHANGE_FIELD_VALUE", {"value": "$self * 2"}, filters=named("a.b"))
        assert after(made, {"a": {"b": 2, "c": 1.50}}) == [{"a": {"b": 4, "c": 1.5}}]


def test_drop_events_are_filtered() -> None:
    condition = {"on": "EVENT_FIELD", "field": "x", "op": "GT", "value": 1}
    done = run(block("DROP_EVENTS", filters={"event": [condition]}), [{"x": 1}, {"x": 2}])
    assert [rows_of(output) for output in done.outputs] == [[{"x": 1}]]
    assert (done.filtered, done.created, done.refused) == (1, 0, ())


class TestDropFields:
    def test_by_beginning_of_name(self) -> None:
        starts = {"on": "FIELD_NAME", "op": "STARTS_WITH", "value": "tmp_"}
        made = block("DROP_FIELDS", filters={"field": [starts]})
        assert after(made, {"id": 1, "tmp_a": 1, "tmp_b": 2}) == [{"id": 1}]

    def test_of_a_path_the_leaf_goes(self) -> None:
        made = block("DROP_FIELDS", filters=named("a.b"))
        assert after(made, {"a": {"b": 1}}, {"a": {"c": 2}}) == [{"a": {}}, {"a": {"c": 2}}]

    def test_nulls_go_too(self) -> None:
        assert after(block("DROP_FIELDS", filters=named("v")), {"id": 1, "v": None}) == [{"id": 1}]

    def test_a_key_cannot_go(self) -> None:
        done = run(block("DROP_FIELDS", filters=named("id")), [{"id": 1, "x": 2}], keys=("id",))
        assert [r.sub_code for r in done.refused] == ["TRANSFORM_PRIMARY_KEY_MISSING"]
        assert "id" in done.refused[0].reason


class TestFindReplace:
    @pytest.mark.parametrize(
        ("settings", "value", "result"),
        [
            ({"find": "[^0-9]", "regex": True}, "+91-98 76", "919876"),
            ({"find": "a", "replace": "b"}, "aAa", "bAb"),
            ({"find": "a", "replace": "b", "match_case": False}, "aAa", "bbb"),
            ({"find": "a", "replace": "b", "scope": "FIRST"}, "aa", "ba"),
            ({"find": "a", "replace": "b", "scope": "WHOLE_VALUE"}, "aa", "aa"),
            ({"find": "aa", "replace": "b", "scope": "WHOLE_VALUE"}, "aa", "b"),
            ({"find": r"(\w)-(\w)", "replace": r"\2-$1", "regex": True}, "a-b", "b-a"),
            ({"find": ".", "replace": r"\1", "match_case": False}, "a.", r"a\1"),
            ({"find": "x", "replace": "$null"}, "axa", None),
            ({"find": "x", "replace": "$null"}, "a", "a"),
        ],
    )
    def test_examples(self, settings: Row, value: str, result: str | None) -> None:
        assert only(value, "FIND_REPLACE", settings) == result

    def test_numbers_are_the_wrong_type(self) -> None:
        assert "a number" in refused(12, "FIND_REPLACE", {"find": "1"}).reason

    def test_a_wrong_type_passes_when_nobody_named_the_field(self) -> None:
        assert only(12, "FIND_REPLACE", {"find": "1"}, filters={}) == 12


class TestFlattenJson:
    ROW: ClassVar[Row] = {"id": 1, "a": {"b": {"c": 2}, "d": [1, 2]}}

    @pytest.mark.parametrize(
        ("settings", "result"),
        [
            ({}, {"id": 1, "a_b_c": 2, "a_d": [1, 2]}),
            ({"arrays": "INDEX"}, {"id": 1, "a_b_c": 2, "a_d_0": 1, "a_d_1": 2}),
            ({"arrays": "STRINGIFY"}, {"id": 1, "a_b_c": 2, "a_d": "[1,2]"}),
            ({"max_depth": 1}, {"id": 1, "a_b": {"c": 2}, "a_d": [1, 2]}),
            ({"separator": "."}, {"id": 1, "a.b.c": 2, "a.d": [1, 2]}),
            ({"prefix_parent": False}, {"id": 1, "b_c": 2, "d": [1, 2]}),
            ({"keep_original": True}, {**ROW, "a_b_c": 2, "a_d": [1, 2]}),
        ],
    )
    def test_examples(self, settings: Row, result: Row) -> None:
        assert after(block("FLATTEN_JSON", settings), self.ROW) == [result]

    @pytest.mark.parametrize(
        ("on_conflict", "result"),
        [
            ("SUFFIX", {"a_b": 1, "a_b_1": 2}),
            ("OVERWRITE", {"a_b": 2}),
            ("KEEP_EXISTING", {"a_b": 1}),
        ],
    )
    def test_names_that_are_taken(self, on_conflict: str, result: Row) -> None:
        made = block("FLATTEN_JSON", {"on_conflict": on_conflict}, filters=named("a"))
        assert after(made, {"a_b": 1, "a": {"b": 2}}) == [result]

    def test_an_empty_object_goes(self) -> None:
        assert after(block("FLATTEN_JSON"), {"id": 1, "a": {}}) == [{"id": 1}]
        kept = block("FLATTEN_JSON", {"keep_original": True})
        assert after(kept, {"id": 1, "a": {}}) == [{"id": 1, "a": {}}]

    def test_objects_in_text(self) -> None:
        row = {"id": 1, "a": '{"b": 2}'}
        assert after(block("FLATTEN_JSON", {"parse_strings": True}), row) == [{"id": 1, "a_b": 2}]
        assert after(block("FLATTEN_JSON"), row) == [row]


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


class TestHashFields:
    MAIL = "66f2e0dbc977089236073f325ead3ccdb9177347be75dc4a9116481e430a74f9"

    @pytest.mark.parametrize(
        ("value", "settings", "result"),
        [
            ("ana@shop.io", {"algorithm": "MD5"}, "3719ca1aa19a6f7f287737256c885b67"),
            ("ana@shop.io", {}, MAIL),
            ("@shop.io", {"salt": "ana"}, MAIL),
            (42.5, {"algorithm": "MD5"}, "61d96bd42efb5e8c5b70f39c2e6eb97c"),
            (True, {"algorithm": "MD5"}, "b326b5062b2f0e69046810717534cb09"),
            ("", {"algorithm": "MD5"}, "d41d8cd98f00b204e9800998ecf8427e"),
            ("", {"algorithm": "MD5", "encoding": "BASE64"}, "1B2M2Y8AsgTpgAmY7PhCfg=="),
            ("", {"algorithm": "SHA1"}, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            (None, {}, None),
        ],
    )
    def test_examples(self, value: Any, settings: Row, result: str | None) -> None:
        assert only(value, "HASH_FIELDS", settings) == result

    def test_objects_are_hashed_with_sorted_keys(self) -> None:
        made = block("HASH_FIELDS", filters=named("v"))
        rows = after(made, {"v": {"b": 1, "a": 2}}, {"v": {"a": 2, "b": 1}})
        assert rows[0] == rows[1]

    def test_fields_by_value(self) -> None:
        above = {"field": [{"on": "FIELD_VALUE", "op": "GT", "value": 41.9}]}
        made = block("HASH_FIELDS", {"algorithm": "MD5"}, filters=above)
        hashed = {"a": 39, "b": "61d96bd42efb5e8c5b70f39c2e6eb97c", "c": "x"}
        assert after(made, {"a": 39, "b": 42.5, "c": "x"}) == [hashed]

    def test_the_salt_is_no_text_for_logs(self) -> None:
        assert "geheim" not in repr(BLOCKS["HASH_FIELDS"].model_validate({"salt": "geheim"}))


class TestIfElse:
    CONDITION: ClassVar[Row] = {"on": "EVENT_FIELD", "field": "country", "op": "EQ", "value": "IN"}

    def test_each_way_has_its_blocks(self) -> None:
        settings = {
            "condition": self.CONDITION,
            "then": [
                {"id": "t", "type": "ADD_FIELD", "settings": {"field_name": "r", "value": '"APAC"'}}
            ],
            "else": [
                {"id": "e", "type": "ADD_FIELD", "settings": {"field_name": "r", "value": '"ROW"'}}
            ],
        }
        rows = after(block("IF_ELSE", settings), {"country": "IN"}, {"country": "FR"}, {"x": 1})
        assert [row["r"] for row in rows] == ["APAC", "ROW", "ROW"]

    def test_an_empty_branch_passes(self) -> None:
        assert after(block("IF_ELSE", {"condition": self.CONDITION}), {"country": "IN"}) == [
            {"country": "IN"}
        ]

    def test_it_is_the_last_block(self) -> None:
        blocks = [
            block("IF_ELSE", {"condition": self.CONDITION}),
            {"id": "b2", "type": "DROP_EVENTS"},
        ]
        with pytest.raises(ConfigError, match="last block"):
            run(blocks, [{"x": 1}])

    def test_nesting_ends_at_ten(self) -> None:
        nested: list[Row] = []
        for depth in range(11):
            nested = [
                {
                    "id": f"n{depth}",
                    "type": "IF_ELSE",
                    "settings": {"condition": self.CONDITION, "then": nested},
                }
            ]
        with pytest.raises(ConfigError, match="at most 10"):
            run(nested, [{"x": 1}])


@pytest.mark.parametrize(
    ("value", "settings", "result"),
    [
        ("4111111111111234", {"mode": "KEEP_LAST_N", "n": 4}, "************1234"),
        ("ana@shop.io", {"mode": "EMAIL"}, "a**@shop.io"),
        ("a@shop.io", {"mode": "EMAIL"}, "*@shop.io"),
        ("nobody", {"mode": "EMAIL"}, "******"),
        ("1234", {"mode": "KEEP_LAST_N", "n": 4}, "****"),
        ("12345", {"mode": "KEEP_FIRST_N", "n": 2}, "12***"),
        ("12", {"mode": "KEEP_FIRST_N", "n": 2}, "**"),
        ("12345", {"mode": "FIRST_N", "n": 2}, "**345"),
        ("12345", {"mode": "LAST_N", "n": 2}, "123**"),
        ("1", {"mode": "LAST_N", "n": 2}, "*"),
        ("12345", {"mode": "RANGE", "start": 2, "end": 3}, "1**45"),
        ("12-34 5", {"keep_separators": True}, "**-** *"),
        ("12345", {"preserve_length": False}, "********"),
        ("12345", {"mode": "KEEP_LAST_N", "n": 1, "preserve_length": False}, "********5"),
        (12345, {"mask_char": "#"}, "#####"),
        ("añb", {}, "***"),
        ("", {}, ""),
    ],
)
def test_mask(value: Any, settings: Row, result: str) -> None:
    assert only(value, "MASK_FIELDS", settings) == result


class TestTextCase:
    @pytest.mark.parametrize(
        ("casing", "result"),
        [
            ("TITLE", "New York"),
            ("LOWER", "new york"),
            ("UPPER", "NEW YORK"),
            ("SNAKE_CASE", "new_york"),
            ("CAMEL", "newYork"),
            ("SENTENCE", "New york"),
        ],
    )
    def test_values(self, casing: str, result: str) -> None:
        assert only("new YORK", "TEXT_CASE", {"casing": casing}) == result

    def test_names(self) -> None:
        made = block("TEXT_CASE", {"casing": "SNAKE_CASE", "target": "FIELD_NAME"})
        assert after(made, {"orderID": 1}) == [{"order_id": 1}]

    def test_names_that_clash(self) -> None:
        made = block("TEXT_CASE", {"casing": "LOWER", "target": "FIELD_NAME"})
        done = run(made, [{"A": 1, "a": 2}, {"A": 1}])
        assert [r.row for r in done.refused] == [0]
        assert [rows_of(output) for output in done.outputs] == [[{"a": 1}]]


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


class TestParseJson:
    @pytest.mark.parametrize(
        ("value", "result"),
        [
            ('{"k":[1]}', {"k": [1]}),
            ("[1, 2]", [1, 2]),
            ("12", 12),
            ('"a"', "a"),
            ("null", None),
            (" ", None),
            ('{"a":1,"a":2}', {"a": 2}),
        ],
    )
    def test_examples(self, value: str, result: Any) -> None:
        assert only(value, "PARSE_JSON") == result

    def test_objects_stay(self) -> None:
        assert only({"a": 1}, "PARSE_JSON") == {"a": 1}

    def test_into_another_field(self) -> None:
        made = block("PARSE_JSON", {"target": "n"}, filters=named("m"))
        assert after(made, {"m": '{"k":1}'}) == [{"m": '{"k":1}', "n": {"k": 1}}]

    def test_faults(self) -> None:
        assert "no JSON" in refused("{", "PARSE_JSON").reason
        assert "no object" in refused("1", "PARSE_JSON", {"only_objects": True}).reason


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


class TestRenameEvents:
    @pytest.mark.parametrize(
        ("settings", "name"),
        [
            ({"mode": "REPLACE", "find": r"_\d{4}$", "regex": True}, "orders"),
            ({"value": "sales"}, "sales"),
            ({"mode": "PREFIX", "value": "x_"}, "x_orders_2023"),
            ({"mode": "SUFFIX", "value": "_x"}, "orders_2023_x"),
            ({"value": 'CONCAT("o_", country)'}, "o_IN"),
        ],
    )
    def test_modes(self, settings: Row, name: str) -> None:
        done = run(block("RENAME_EVENTS", settings), [{"country": "IN"}], name="orders_2023")
        assert [output.name for output in done.outputs] == [name]

    def test_events_of_one_name_come_together_in_order(self) -> None:
        done = run(block("RENAME_EVENTS", {"value": "kind"}), [{"kind": k} for k in "aba"])
        assert [(o.name, o.origin.to_pylist()) for o in done.outputs] == [("a", [0, 2]), ("b", [1])]

    def test_a_blank_name(self) -> None:
        done = run(block("RENAME_EVENTS", {"value": "kind"}), [{"kind": "a"}, {"kind": " "}])
        assert [(r.row, r.code, r.sub_code) for r in done.refused] == [
            (1, "TRANSFORM_BAD_OUTPUT", "TRANSFORM_BAD_EVENT_NAME")
        ]


class TestRenameFields:
    def test_to(self) -> None:
        made = block("RENAME_FIELDS", {"value": "first_name"}, filters=named("fn"))
        assert after(made, {"fn": "Ana"}, {"fn": None}) == [
            {"first_name": "Ana"},
            {"first_name": None},
        ]

    @pytest.mark.parametrize(
        ("settings", "names"),
        [
            ({"mode": "PREFIX", "value": "x_"}, ["x_a", "x_b"]),
            ({"mode": "SUFFIX", "value": "_x"}, ["a_x", "b_x"]),
            ({"mode": "MAP", "names": {"b": "c"}}, ["a", "c"]),
            ({"mode": "REPLACE", "find": "^(.)$", "replace": "n$1", "regex": True}, ["na", "nb"]),
        ],
    )
    def test_modes_keep_the_order(self, settings: Row, names: list[str]) -> None:
        done = run(block("RENAME_FIELDS", settings), [{"a": 1, "b": 2}])
        assert done.outputs[0].rows.schema.names == names

    def test_a_leaf_is_renamed_in_its_parent(self) -> None:
        made = block("RENAME_FIELDS", {"value": "c"}, filters=named("a.b"))
        assert after(made, {"a": {"b": 1, "d": 2}}) == [{"a": {"c": 1, "d": 2}}]

    @pytest.mark.parametrize(
        ("on_conflict", "result"),
        [("OVERWRITE", [{"b": 1}]), ("KEEP_EXISTING", [{"a": 1, "b": 2}])],
    )
    def test_taken_names(self, on_conflict: str, result: list[Row]) -> None:
        settings = {"value": "b", "on_conflict": on_conflict}
        made = block("RENAME_FIELDS", settings, filters=named("a"))
        assert after(made, {"a": 1, "b": 2}) == result

    def test_a_taken_name_is_an_error_by_default(self) -> None:
        made = block("RENAME_FIELDS", {"value": "b"}, filters=named("a"))
        assert [r.row for r in run(made, [{"a": 1, "b": 2}, {"a": 1}]).refused] == [0]

    def test_the_key_follows(self) -> None:
        some = {"event": [{"on": "EVENT_FIELD", "field": "n", "op": "GT", "value": 1}]}
        made = block("RENAME_FIELDS", {"value": "key"}, filters=named("id") | some)
        rows = [{"id": 1, "n": 1}, {"id": 2, "n": 2}]
        done = run(made, rows, keys=("id",))
        assert [(o.keys, rows_of(o)) for o in done.outputs] == [
            (("id",), [{"id": 1, "n": 1}]),
            (("key",), [{"key": 2, "n": 2}]),
        ]


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


class TestSplitFields:
    def test_names_and_limit(self) -> None:
        settings = {"delimiter": " ", "names": ["first", "last"], "limit": 2}
        row = {"full": "Ana Maria Diaz"}
        made = block("SPLIT_FIELDS", settings, filters=named("full"))
        assert after(made, row) == [{**row, "first": "Ana", "last": "Maria Diaz"}]

    @pytest.mark.parametrize(
        ("settings", "value", "parts"),
        [
            ({}, "a", {"f_1": "a"}),
            ({}, "", {"f_1": ""}),
            ({"names": ["x", "y"]}, "a", {"x": "a", "y": None}),
            ({"names": ["x"]}, "a,b,c", {"x": "a", "f_2": "b", "f_3": "c"}),
            ({"trim": False}, "a, b", {"f_1": "a", "f_2": " b"}),
            ({"delimiter": "[,;]", "regex": True}, "a;b,c", {"f_1": "a", "f_2": "b", "f_3": "c"}),
        ],
    )
    def test_parts(self, settings: Row, value: str, parts: Row) -> None:
        made = block("SPLIT_FIELDS", {"delimiter": ",", **settings}, filters=named("f"))
        assert after(made, {"f": value}) == [{"f": value, **parts}]

    def test_into_an_array(self) -> None:
        settings = {"delimiter": ",", "into": "ARRAY"}
        assert only("a, b", "SPLIT_FIELDS", settings) == ["a", "b"]

    def test_without_the_original(self) -> None:
        settings = {"delimiter": ",", "keep_original": False}
        assert after(block("SPLIT_FIELDS", settings), {"f": "a"}) == [{"f_1": "a"}]

    def test_parts_past_a_hundred_stay_together(self) -> None:
        settings = {"delimiter": ",", "into": "ARRAY"}
        assert len(only(",".join("x" * 500), "SPLIT_FIELDS", settings)) == 100


class TestOnError:
    @pytest.mark.parametrize(
        ("on_error", "rows"),
        [
            ("FAIL", [{"v": 7}]),
            ("SKIP_FIELD", [{"v": "abc"}, {"v": "7"}]),
            ("SET_NULL", [{"v": None}, {"v": 7}]),
        ],
    )
    def test_what_becomes_of_the_event(self, on_error: str, rows: list[Row]) -> None:
        made = block("PARSE_NUMBER", filters=named("v"), on_error=on_error)
        done = run(made, [{"v": "abc"}, {"v": "7"}])
        assert [rows_of(output) for output in done.outputs] == [rows]
        assert [r.row for r in done.refused] == ([0] if on_error == "FAIL" else [])

    @pytest.mark.parametrize("kind", ["SPLIT_FIELDS", "FLATTEN_JSON"])
    def test_null_also_where_fields_are_made(self, kind: str) -> None:
        settings = {"delimiter": ","} if kind == "SPLIT_FIELDS" else {}
        made = block(kind, settings, filters=named("v"), on_error="SET_NULL")
        assert after(made, {"v": 1}) == [{"v": None}]

    def test_the_reason_names_block_field_and_cause(self) -> None:
        found = refused("abc", "PARSE_NUMBER")
        assert found.code == "TRANSFORM_ERROR"
        assert re.fullmatch(r"Block b1 \(mine\), field v: The text is no number\.", found.reason)


def test_columns_that_no_block_touches_leave_as_they_came() -> None:
    given = events([{"a": {"x": 1}, "b": 1.5}, {"b": 2.5}])
    done = run(block("ADD_FIELD", {"field_name": "c", "value": "1"}), [{"a": {"x": 1}, "b": 1.5}])
    assert done.outputs[0].rows.schema.field("a").type == given.rows.schema.field("a").type
