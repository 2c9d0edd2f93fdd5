"""Blocks of texts: replacing, casing, splitting, hiding."""

from __future__ import annotations

from typing import Any

import pytest

from flows import Row, after, block, named, rows_of, run
from penstock.transforms.blocks import BLOCKS
from unit.transforms.one_field import only, refused


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
