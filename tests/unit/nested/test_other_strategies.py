"""Strategies that keep one row for each event, and those for single paths."""

import pyarrow as pa
import pytest
from pydantic import ValidationError

from nested_events import EVERY, events, json_column, one, shape, shaper, tables
from penstock.core.errors import ConfigError
from penstock.core.types import JSON, is_json
from penstock.nested import NestedSettings, Strategy, resolved

ARRAYS = "STRUCT_COLLAPSE_ARRAYS"
NESTED = "STRUCT_COLLAPSE_NESTED_ARRAYS"


def docs(values: object, strategy: str, **more: object) -> list[object]:
    made = shape(one(values), strategy, **more)  # type: ignore[arg-type]
    found: list[object] = made.outputs[0].rows.column("doc").to_pylist()
    return found


def test_json_strings_keep_what_was_received() -> None:
    texts = ['{"b":1.50,"a":12345678901234567890123,"b":2}', "null", None, '"x"', "5", "[]"]
    assert docs(texts, "JSON_STRINGS") == [texts[0], None, None, '"x"', "5", "[]"]


def test_records_keep_missing_and_null_apart_from_empty_arrays() -> None:
    given = [{"l": [1, None, 2]}, {"l": []}, {"l": None}, {}, None]
    assert docs(given, NESTED) == [{"l": [1, 2]}, {"l": []}, {"l": None}, {"l": None}, None]


def test_arrays_in_arrays_are_texts_in_records() -> None:
    given = [{"l": [{"m": [1, [2]]}, {"m": None}]}, {"l": [None, {"m": []}]}]
    assert docs(given, NESTED) == [{"l": [{"m": "[1,[2]]"}, {"m": None}]}, {"l": [{"m": "[]"}]}]
    assert docs([{"l": [[1], []]}], NESTED) == [{"l": ["[1]", "[]"]}]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"l": [1, "x"]}, '[1,"x"]'),
        ({"l": [{"a": 1}, 2]}, '[{"a":1},2]'),
        ({"l": [[1], {"a": 1}]}, '[[1],{"a":1}]'),
        ({"l": [True, 1]}, "[true,1]"),
    ],
)
def test_arrays_of_several_kinds_are_texts(given: object, text: str) -> None:
    assert docs([given], NESTED) == [{"l": text}]


def test_whole_and_broken_numbers_are_one_kind() -> None:
    assert docs([{"l": [1, 2.5]}], NESTED) == [{"l": [1.0, 2.5]}]


def test_a_place_with_values_of_several_kinds_is_one_text() -> None:
    given = [{"v": {"a": 1}}, {"v": [1]}, {"v": "x"}, {"v": None}]
    for strategy in (ARRAYS, NESTED):
        assert docs(given, strategy) == [
            {"v": '{"a":1}'}, {"v": "[1]"}, {"v": '"x"'}, {"v": None},
        ]  # fmt: skip


def test_records_without_a_known_member_are_not_made() -> None:
    made = shape(one([{}, {"a": None}, {"b": {}}, None]), ARRAYS)
    assert made.outputs[0].rows.schema.names == ["id"]
    assert docs([{"a": {}, "b": 1}], NESTED) == [{"b": 1}]
    assert shape(one([[{}]]), NESTED).outputs[0].rows.schema.names == ["id"]


def test_records_of_several_slices_have_the_members_of_all() -> None:
    given: list[object] = [{"a": 1, "l": [{"x": 1}]} for _ in range(6_000)]
    given[5_500] = {"b": {"c": "late"}, "a": "x", "l": [{"y": 2}]}
    found = docs(given, NESTED)
    assert found[0] == {"a": "1", "l": [{"x": 1, "y": None}], "b": None}
    assert found[5_500] == {"a": "x", "l": [{"x": None, "y": 2}], "b": {"c": "late"}}


def test_records_deeper_than_the_limit_are_texts() -> None:
    assert docs([{"a": {"b": {"c": 1}}}], ARRAYS, max_depth=3) == [{"a": {"b": '{"c":1}'}}]


def test_records_from_columns_of_arrow() -> None:
    structs = pa.array([{"a": 1, "l": [1, 2]}, None])
    made = shape(events({"id": [1, 2], "doc": structs}), ARRAYS)
    assert made.outputs[0].rows.column("doc").to_pylist() == [{"a": 1, "l": "[1,2]"}, None]
    made = shape(events({"id": [1, 2], "doc": structs}), NESTED)
    assert made.outputs[0].rows.column("doc").to_pylist() == [{"a": 1, "l": [1, 2]}, None]


def test_one_path_stays_json_while_the_rest_unfolds() -> None:
    given = [
        {"keep": {"a": [1]}, "open": {"b": 2}, "items": [{"k": {"x": 1}, "n": 1}]},
        {"keep": 5},
    ]
    overrides = {"doc.keep": "JSON_COLUMNS", "doc.items.k": "JSON_STRINGS"}
    made = shape(one(given), overrides=overrides)
    assert tables(made) == {
        "orgs": [
            {"id": 0, "doc_keep": '{"a":[1]}', "doc_open_b": 2},
            {"id": 1, "doc_keep": "5", "doc_open_b": None},
        ],
        "orgs_doc_items": [{"_ps_ref_id": "0", "_ps_array_index": "0", "k": '{"x":1}', "n": 1}],
    }
    assert is_json(made.outputs[0].rows.schema.field("doc_keep"))
    assert made.outputs[1].rows.schema.field("k").type == pa.string()


def test_one_field_unfolds_while_the_rest_stays_json() -> None:
    columns = {"id": [1], "a": json_column(['{"x":[1]}']), "b": json_column(['{"y":2}'])}
    made = shape(events(columns), "JSON_COLUMNS", overrides={"b": "FLATTEN_SPLIT"})
    assert made.outputs[0].rows.to_pylist() == [{"id": 1, "a": '{"x":[1]}', "b_y": 2}]
    assert made.outputs[0].rows.schema.field("a").type == JSON


def test_records_inside_of_children() -> None:
    given = [{"items": [{"geo": {"lat": 1, "l": [1]}}, {"geo": None}]}]
    made = shape(one(given), overrides={"doc.items.geo": NESTED})
    assert [row.get("geo") for row in tables(made)["orgs_doc_items"]] == [
        {"lat": 1, "l": [1]}, None,
    ]  # fmt: skip


def test_a_path_may_name_points() -> None:
    made = shape(
        one({"a.b": {"c": 1}, "a": {"b": {"d": 2}}}), overrides={r"doc.a\.b": "JSON_STRINGS"}
    )
    assert tables(made)["orgs"] == [{"id": 0, "doc_a.b": '{"c":1}', "doc_a_b_d": 2}]


def test_the_separator_stands_between_all_names() -> None:
    made = shape(one({"a": {"b": 1, "l": [1]}}), separator="__")
    assert [o.name for o in made.outputs] == ["orgs", "orgs__doc__a__l"]
    assert made.outputs[0].rows.schema.names == ["id", "doc__a__b"]


def test_a_destination_gives_the_default_and_the_choice() -> None:
    offered = [Strategy.JSON_COLUMNS, Strategy.JSON_STRINGS]
    assert resolved(NestedSettings(), offered).strategy is Strategy.JSON_COLUMNS
    for wrong in (
        NestedSettings(strategy=Strategy.FLATTEN_SPLIT),
        NestedSettings(overrides={"a": Strategy.FLATTEN_SPLIT}),
    ):
        with pytest.raises(ConfigError, match="does not offer FLATTEN_SPLIT") as raised:
            resolved(wrong, offered)
        assert raised.value.code == "config.json_strategy"


@pytest.mark.parametrize(
    ("strategy", "overrides"),
    [
        ("JSON_COLUMNS", {"a.b": "FLATTEN_SPLIT"}),
        ("FLATTEN_SPLIT", {"a": "JSON_STRINGS", "a.b": "FLATTEN_SPLIT"}),
        (NESTED, {"a.b": "FLATTEN_SPLIT"}),
        (ARRAYS, {"a.b": NESTED}),
    ],
)
def test_an_override_that_nobody_would_see_is_refused(
    strategy: str, overrides: dict[str, Strategy]
) -> None:
    settings = NestedSettings(strategy=Strategy(strategy), overrides=overrides)
    with pytest.raises(ConfigError, match=r"strategy for a\.b cannot be kept") as raised:
        resolved(settings, EVERY)
    assert raised.value.code == "config.json_path"


@pytest.mark.parametrize("path", ["", "a.", ".a", "a..b"])
def test_paths_have_no_empty_names(path: str) -> None:
    with pytest.raises(ValidationError):
        NestedSettings(overrides={path: Strategy.JSON_STRINGS})


def test_what_was_learned_serves_later_batches() -> None:
    made = shaper(NESTED)
    first = made.shape(one([{"a": 1}]))
    again = made.shape(one([{"a": 2}, {"a": {"b": 1}}]))
    assert first.outputs[0].rows.column("doc").to_pylist() == [{"a": 1}]
    assert again.outputs[0].rows.column("doc").to_pylist() == [{"a": "2"}, {"a": '{"b":1}'}]
