"""Blocks of nested values."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from flows import Row, after, block, named
from unit.transforms.one_field import only, refused


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
