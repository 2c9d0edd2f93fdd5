"""Fields after a flow, told before any event runs through it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from flows import Row, block, named
from penstock.core.types import JSON, TIMESTAMPTZ
from penstock.transforms.shaping import shapes
from penstock.transforms.stored import compiled

FIELDS = pa.schema(
    [
        ("s", pa.string()),
        ("i", pa.int64()),
        ("f", pa.float64()),
        ("t", TIMESTAMPTZ),
        ("o", JSON),
        ("_ps_id", pa.string()),
    ]
)
TYPES = dict(zip(FIELDS.names, FIELDS.types, strict=True))


def after(*blocks: Row) -> dict[str, dict[str, pa.DataType]]:
    """Types by event type and field, after blocks on events `e`."""
    made = compiled(blocks)
    assert made.problems == ()
    found = shapes(made.steps, "e", FIELDS)
    return {name: dict(zip(schema.names, schema.types, strict=True)) for name, schema in found}


@pytest.mark.parametrize(
    ("kind", "settings", "fields", "changed"),
    [
        ("HASH_FIELDS", {}, ["i"], {"i": pa.string()}),
        ("MASK_FIELDS", {}, ["i", "t"], {"i": pa.string()}),
        ("ROUND_DECIMAL", {}, ["f"], {}),
        ("PARSE_DATE", {"output": "DATE"}, ["s"], {"s": pa.date32()}),
        ("PARSE_NUMBER", {"output": "INTEGER"}, ["s", "f"], {"s": pa.int64()}),
        ("PARSE_NUMBER", {}, ["s"], {"s": pa.null()}),
        ("FORMAT_DATE", {}, ["t"], {"t": pa.string()}),
        ("CHANGE_DATETIME", {"changes": [{"unit": "YEAR", "amount": 1}]}, ["t"], {}),
        ("PARSE_JSON", {"only_objects": True, "target": "n"}, ["s"], {"n": JSON}),
        ("CHANGE_FIELD_VALUE", {"value": "$self / 2"}, ["i"], {"i": pa.float64()}),
        ("SPLIT_FIELDS", {"delimiter": ","}, ["s"], {"s_1": pa.string()}),
        ("SPLIT_FIELDS", {"delimiter": ",", "into": "ARRAY"}, ["s"], {"s": pa.list_(pa.string())}),
    ],
)
def test_types(kind: str, settings: Row, fields: list[str], changed: Row) -> None:
    assert after(block(kind, settings, filters=named(*fields))) == {"e": {**TYPES, **changed}}


def test_a_new_field_has_the_type_of_its_formula() -> None:
    made = block("ADD_FIELD", {"field_name": "n", "value": "i * f"})
    assert after(made)["e"]["n"] == pa.float64()


def test_fields_that_go() -> None:
    blocks = [block("DROP_FIELDS", filters=named("s")), {"id": "b2", "type": "FLATTEN_JSON"}]
    assert after(*blocks)["e"].keys() == {"i", "f", "t", "_ps_id"}


def test_fields_under_new_names() -> None:
    renamed = after(block("RENAME_FIELDS", {"mode": "PREFIX", "value": "x_"}))["e"]
    assert list(renamed) == ["x_s", "x_i", "x_f", "x_t", "x_o", "_ps_id"]


def test_where_some_events_are_spared_both_types_count() -> None:
    some = {"event": [{"on": "EVENT_FIELD", "field": "i", "op": "GT", "value": 1}]}
    made = block("CHANGE_FIELD_VALUE", {"value": "$self / 2"}, filters=named("i") | some)
    assert after(made)["e"]["i"] == pa.float64()
    assert "s" in after(block("DROP_FIELDS", filters=named("s") | some))["e"]


def test_each_way_has_its_shape() -> None:
    rename = {"id": "b2", "type": "RENAME_EVENTS", "settings": {"value": "'big'"}}
    condition = {"on": "EVENT_FIELD", "field": "i", "op": "GT", "value": 1}
    drop = {"id": "b3", "type": "DROP_FIELDS", "filters": named("s")}
    found = after(block("IF_ELSE", {"condition": condition, "then": [rename], "else": [drop]}))
    assert found == {"'big'": TYPES, "e": {k: v for k, v in TYPES.items() if k != "s"}}


def test_a_filter_on_other_event_types_changes_nothing() -> None:
    other = {"event": [{"on": "EVENT_TYPE", "op": "EQ", "value": "other"}]}
    assert after(block("HASH_FIELDS", filters=other)) == {"e": TYPES}
