"""Blocks that make, change, drop and rename fields and events."""

from __future__ import annotations

from typing import ClassVar

import pytest

from flows import Row, after, block, named, rows_of, run
from penstock.core.errors import ConfigError
from unit.transforms.one_field import only


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
