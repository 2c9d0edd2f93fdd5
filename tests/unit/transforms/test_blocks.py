"""All blocks together, and what they share; test_blocks_* have each of them."""

from __future__ import annotations

import re

import pytest

from flows import Row, after, block, events, named, rows_of, run
from penstock.transforms.blocks import BLOCKS
from unit.transforms.one_field import refused


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
