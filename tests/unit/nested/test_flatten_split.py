"""FLATTEN_SPLIT in the cases that the example does not have."""

import json
from decimal import Decimal

import pyarrow as pa
import pytest

from nested_events import compact, events, json_column, one, shape, shaper, tables
from penstock.core.types import JSON


def rows(value: object, **more: object) -> dict[str, list[dict[str, object]]]:
    """Tables without the key of the events."""
    made = tables(shape(one(value), **more))  # type: ignore[arg-type]
    return {
        name: [{k: v for k, v in row.items() if k not in ("id", "_ps_ref_id")} for row in table]
        for name, table in made.items()
    }


def test_arrays_of_arrays_are_texts() -> None:
    assert rows({"m": [[1, 2], [], [3.50]]})["orgs_doc_m"] == [
        {"_ps_array_index": "0", "value": "[1,2]"},
        {"_ps_array_index": "1", "value": "[]"},
        {"_ps_array_index": "2", "value": "[3.5]"},
    ]


def test_items_of_several_kinds_share_a_row_type() -> None:
    found = rows('[1,"x",true,null,[2],{"a":5},{"value":"v"},{}]')
    assert found["orgs"] == [{}]
    assert found["orgs_doc"] == [
        {"_ps_array_index": "0", "value": "1", "a": None},
        {"_ps_array_index": "1", "value": "x", "a": None},
        {"_ps_array_index": "2", "value": "true", "a": None},
        {"_ps_array_index": "3", "value": None, "a": None},
        {"_ps_array_index": "4", "value": "[2]", "a": None},
        {"_ps_array_index": "5", "value": None, "a": 5},
        {"_ps_array_index": "6", "value": "v", "a": None},
        {"_ps_array_index": "7", "value": None, "a": None},
    ]


def test_a_field_may_be_a_value_an_object_or_an_array() -> None:
    found = rows([5, {"a": 1}, [7], None, "null", {}, [], {"a": None}])
    assert [(row.get("doc"), row.get("doc_a")) for row in found["orgs"]] == [
        (5, None), (None, 1), *[(None, None)] * 6,
    ]  # fmt: skip
    assert found["orgs_doc"] == [{"_ps_array_index": "0", "value": 7}]


def test_empty_objects_and_arrays_in_turn() -> None:
    """As some APIs write an empty object: []."""
    found = rows([{"x": {"a": 1}}, {"x": []}, {"x": {}}, {"x": None}, {}])
    assert found == {"orgs": [{"doc_x_a": 1}, *[{"doc_x_a": None}] * 4]}


def test_all_levels_of_arrays_are_in_the_index() -> None:
    found = rows({"a": [{"b": [{"c": [1, 2]}]}, {}, {"b": [{}, {"c": [3]}]}]})
    assert found["orgs_doc_a_b_c"] == [
        {"_ps_array_index": "0.0.0", "value": 1},
        {"_ps_array_index": "0.0.1", "value": 2},
        {"_ps_array_index": "2.1.0", "value": 3},
    ]
    assert [row["_ps_array_index"] for row in found["orgs_doc_a_b"]] == ["0.0", "2.0", "2.1"]
    assert [row["_ps_array_index"] for row in found["orgs_doc_a"]] == ["0", "1", "2"]


def test_a_plain_index_counts_over_the_root() -> None:
    made = shape(
        one([{"a": [[1], [2]]}, {"a": [{"b": [1]}, {"b": [2, 3]}]}]), array_index="PLAIN_INT"
    )
    found = {o.name: o.rows.column("_ps_array_index").to_pylist() for o in made.outputs[1:]}
    assert found == {"orgs_doc_a": [0, 1, 0, 1], "orgs_doc_a_b": [0, 1, 2]}


def test_parts_deeper_than_the_limit_stay_json() -> None:
    deep = {"a": {"b": {"c": {"d": 1}}, "l": [{"m": {"n": 2}}]}}
    found = rows(deep, max_depth=3)
    assert found["orgs"] == [{"doc_a_b": '{"c":{"d":1}}', "doc_a_l": '[{"m":{"n":2}}]'}]
    found = rows(deep, max_depth=5)
    assert found["orgs"] == [{"doc_a_b_c_d": 1}]
    assert found["orgs_doc_a_l"] == [{"_ps_array_index": "0", "m": '{"n":2}'}]


@pytest.mark.parametrize("levels", [9, 10, 50, 400])
def test_ten_levels_are_opened(levels: int) -> None:
    text = '{"a":' * levels + "1" + "}" * levels
    (row,) = rows(text)["orgs"]
    (name, value), *_ = row.items()
    if levels == 9:
        assert (name, value) == ("doc" + "_a" * 9, 1)
    else:
        rest = levels - 9
        assert (name, value) == ("doc" + "_a" * 9, '{"a":' * rest + "1" + "}" * rest)


def test_what_no_parser_can_read_is_refused_and_the_rest_goes_on() -> None:
    deep = "[" * 20_000 + "]" * 20_000
    made = shape(one([compact({"a": [1]}), deep, "{broken", '"\\ud800"', compact({"a": [2]})]))
    assert [(one.row, one.code) for one in made.refused] == [
        (1, "PARSE_ERROR"), (2, "PARSE_ERROR"), (3, "PARSE_ERROR"),
    ]  # fmt: skip
    assert "deep" in made.refused[0].reason
    assert made.outputs[0].origin.to_pylist() == [0, 4]
    assert made.outputs[1].origin.to_pylist() == [0, 4]
    assert made.children[0].counts.to_pylist() == [1, 1]


def test_texts_that_are_json_only_together_are_refused() -> None:
    made = shape(one(["[1", "2]", "{}"]))
    assert [one.row for one in made.refused] == [0, 1]


def test_numbers_are_exact() -> None:
    big = "123456789012345678901234567890"
    found = rows(f'{{"i":{big},"d":0.1234567890123456789012345,"f":1.50,"e":1e2,"n":[{big},1]}}')
    assert found["orgs"] == [
        {
            "doc_i": Decimal(big),
            "doc_d": Decimal("0.1234567890123456789012345"),
            "doc_f": 1.5,
            "doc_e": 100.0,
        }
    ]
    assert [row["value"] for row in found["orgs_doc_n"]] == [Decimal(big), Decimal(1)]
    whole = shape(one(f'{{"m":[[{big},1.50,1E400]]}}'))
    assert tables(whole)["orgs_doc_m"][0]["value"] == f"[{big},1.50,1E400]"


def test_the_last_of_equal_names_counts() -> None:
    found = rows(['{"a":1,"b":0,"a":2}', '{"a":{"x":1},"a":3}', '{"a":4,"a":[5]}'])
    assert [row["doc_a"] for row in found["orgs"]] == [2, 3, None]
    assert found["orgs_doc_a"] == [{"_ps_array_index": "0", "value": 5}]


def test_names_of_every_kind() -> None:
    doc = {
        "é": 1, "日本": {"人": 2}, "": 3, "a.b": 4, 'say "hi"': {"\\": [5], "\n": 6},
        "_ps_id": 7, "😀": [8], " ": 9,
    }  # fmt: skip
    made = shape(one([doc, doc]))
    assert tables(made)["orgs"][1] == {
        "id": 1, "doc_é": 1, "doc_日本_人": 2, "doc_": 3, "doc_a.b": 4, 'doc_say "hi"_\n': 6,
        "doc__ps_id": 7, "doc_ ": 9,
    }  # fmt: skip
    assert {o.name for o in made.outputs[1:]} == {'orgs_doc_say "hi"_\\', "orgs_doc_😀"}


def test_members_of_items_that_look_like_ours_move_out_of_the_way() -> None:
    found = tables(shape(one([[{"_ps_ref_id": "x", "_ps_array_index": 1}]])))
    assert found["orgs_doc"] == [
        {"_ps_ref_id": "0", "_ps_array_index": "0", "src__ps_ref_id": "x", "src__ps_array_index": 1}
    ]


def test_objects_with_names_of_their_own() -> None:
    """As dictionaries in JSON: each row has other names."""
    docs = [{f"user_{i}": {"n": i}, "same": i} for i in range(3_000)]
    made = shape(one(docs))
    row = made.outputs[0].rows.slice(2_999, 1).to_pylist()[0]
    assert row["doc_user_2999_n"] == 2_999
    assert row["doc_same"] == 2_999
    assert sum(value is not None for value in row.values()) == 3
    assert made.outputs[0].rows.num_columns == 3_002


def test_spaces_in_json_do_not_stay() -> None:
    text = '{ "a" : [ [1 , 2.50], "x  ,  y" ] ,\n "b": {} }'
    found = rows(text)
    assert [row["value"] for row in found["orgs_doc_a"]] == ["[1,2.50]", "x  ,  y"]
    made = shape(one(text), "JSON_STRINGS")
    assert made.outputs[0].rows.column("doc")[0].as_py() == '{"a":[[1,2.50],"x  ,  y"],"b":{}}'


def test_dates_are_found_as_in_other_fields() -> None:
    doc = {"at": "2025-07-14T18:22:05Z", "day": "2025-07-14", "days": ["2025-07-14"]}
    made = shape(one(doc))
    assert made.outputs[0].rows.schema.field("doc_at").type == pa.timestamp("us", tz="UTC")
    assert made.outputs[1].rows.schema.field("value").type == pa.date32()
    made = shape(one(doc), infer_dates=False)
    assert made.outputs[0].rows.schema.field("doc_at").type == pa.string()


def test_children_carry_the_key_of_their_root() -> None:
    given = events(
        {"a": [1, 2], "b": ["x", "y"], "doc": json_column(["[1]", '[{"l":[1,2]}]'])},
        keys=("a", "b"),
    )
    made = shape(given)
    assert made.refs is not None
    assert made.refs.to_pylist() == ["1:x", "2:y"]
    refs = {o.name: o.rows.column("_ps_ref_id").to_pylist() for o in made.outputs[1:]}
    assert refs == {"orgs_doc": ["1:x", "2:y"], "orgs_doc_l": ["2:y", "2:y"]}


def test_children_of_events_without_a_key() -> None:
    docs = json_column(["[1]", "[2]"])
    by_id = shape(events({"_ps_id": ["aa", "bb"], "doc": docs}, keys=()))
    assert by_id.outputs[1].rows.column("_ps_ref_id").to_pylist() == ["aa", "bb"]
    assert by_id.outputs[1].keys == ("_ps_ref_id", "_ps_array_index")
    without = shape(events({"n": [1, 2], "doc": docs}, keys=()))
    assert without.outputs[1].rows.column("_ps_ref_id").null_count == 2
    assert without.outputs[1].keys == ()


def test_children_whose_root_has_a_null_in_its_key_are_refused_with_it() -> None:
    given = events({"id": [1, None, None], "doc": json_column(["[1]", "[2]", "{}"])})
    made = shape(given)
    assert [(one.row, one.code) for one in made.refused] == [(1, "NULL_IN_PRIMARY_KEY")]
    assert made.outputs[0].origin.to_pylist() == [0, 2]
    assert made.created == 1


def test_a_key_of_json_stays_whole() -> None:
    made = shape(events({"id": json_column(['{"$oid":"1"}']), "doc": json_column(["[1]"])}))
    assert made.outputs[0].rows.schema.field("id").type == JSON
    assert made.outputs[1].rows.column("_ps_ref_id").to_pylist() == ['{"$oid":"1"}']


def test_shrunk_and_vanished_arrays_are_told() -> None:
    made = shaper()
    first = made.shape(one([{"a": [1, 2, 3], "b": [{"c": [1]}]}, {"a": [1]}]))
    assert {c.event_type: c.counts.to_pylist() for c in first.children} == {
        "orgs_doc_a": [3, 1],
        "orgs_doc_b": [1, 0],
        "orgs_doc_b_c": [1, 0],
    }
    later = made.shape(one([{"a": [1]}, {"a": []}]))
    assert {c.event_type: c.counts.to_pylist() for c in later.children} == {
        "orgs_doc_a": [1, 0],
        "orgs_doc_b": [0, 0],
        "orgs_doc_b_c": [0, 0],
    }
    gone = made.shape(events({"id": [7]}))
    assert [c.counts.to_pylist() for c in gone.children] == [[0]] * 3
    assert gone.refs is not None
    assert gone.refs.to_pylist() == ["7"]
    assert {c.field for c in gone.children} == {"doc"}


def test_parts_of_a_field_stand_in_its_place_and_tell_it() -> None:
    given = events({"id": [1], "doc": json_column(['{"b":1,"a":{"z":2}}']), "last": [3]})
    made = shape(given)
    assert made.outputs[0].rows.schema.names == ["id", "doc_b", "doc_a_z", "last"]
    assert made.sources == {"doc_b": "doc", "doc_a_z": "doc"}


def test_nested_columns_of_arrow() -> None:
    lists = pa.array([[1, 2], None, [], [None]])
    structs = pa.array([{"a": 1, "l": ["x"]}, {"a": None, "l": None}, None, {"a": 2, "l": []}])
    made = shape(events({"id": [1, 2, 3, 4], "n": lists, "s": structs}))
    found = tables(made)
    assert [row["s_a"] for row in found["orgs"]] == [1, None, None, 2]
    assert [(r["_ps_ref_id"], r["_ps_array_index"], r["value"]) for r in found["orgs_n"]] == [
        ("1", "0", 1), ("1", "1", 2), ("4", "0", None),
    ]  # fmt: skip
    assert [(r["_ps_ref_id"], r["value"]) for r in found["orgs_s_l"]] == [("1", "x")]
    texts = shape(events({"id": [1, 2, 3, 4], "n": lists}), "JSON_STRINGS")
    assert texts.outputs[0].rows.column("n").to_pylist() == ["[1,2]", None, "[]", "[null]"]


def test_json_inside_of_lists_of_arrow() -> None:
    docs = json_column(['{"a":1}', "{bad", None, '{"a":[2]}'])
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 2, 4], pa.int32()), docs)
    made = shape(events({"id": [1, 2, 3], "l": lists}))
    assert [one.row for one in made.refused] == [1]
    assert tables(made)["orgs_l"] == [
        {"_ps_ref_id": "1", "_ps_array_index": "0", "a": 1},
        {"_ps_ref_id": "3", "_ps_array_index": "0", "a": None},
        {"_ps_ref_id": "3", "_ps_array_index": "1", "a": None},
    ]
    assert tables(made)["orgs_l_a"] == [{"_ps_ref_id": "3", "_ps_array_index": "1.0", "value": 2}]


def test_events_without_nested_fields_pass_as_they_are() -> None:
    given = events({"id": [1, 2], "n": ["a", "b"]})
    made = shape(given)
    assert made.outputs[0] is given
    assert made.children == ()


def test_no_rows_and_rows_of_nothing_but_nulls() -> None:
    made = shape(one([None, None]))
    assert made.outputs[0].rows.schema.names == ["id"]
    empty = shape(one([]))
    assert empty.outputs[0].rows.num_rows == 0


def test_a_batch_of_many_slices_is_one_again() -> None:
    docs = [{"n": i, "l": [i] * (i % 3)} for i in range(11_000)]
    docs[6_000] = {"n": "six", "late": [json.loads("1.5")], "l": []}
    made = shape(one([compact(doc) for doc in docs]))
    main, *children = made.outputs
    assert main.rows.num_rows == 11_000
    assert main.rows.column("doc_n")[10_999].as_py() == "10999"
    assert [child.name for child in children] == ["orgs_doc_l", "orgs_doc_late"]
    assert children[1].origin.to_pylist() == [6_000]
    counts = {c.event_type: c.counts for c in made.children}
    assert [len(c) for c in counts.values()] == [11_000, 11_000]
    assert counts["orgs_doc_late"].to_pylist().index(1) == 6_000
    assert made.created == sum(child.rows.num_rows for child in children)
    assert made.refs is not None
    assert len(made.refs) == 11_000
