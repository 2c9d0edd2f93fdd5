"""The worked example of pipelines.md 8.2, value by value."""

import pyarrow as pa
import pytest

from nested_events import compact, events, json_column, shape, shaper, tables
from penstock.core.events import Events
from penstock.core.types import is_json

ADDRESS = (
    '{"street":"1 Main St","city":"Pune","geo":{"lat":18.52,"lon":73.85},"tags":["hq","north"]}'
)
CONTACTS = '[{"name":"Ana","phones":["111","222"]},{"name":"Raj","phones":[]}]'


@pytest.fixture
def orgs() -> Events:
    return events(
        {
            "_id": ["org_1"],
            "name": ["Acme"],
            "address": json_column([ADDRESS]),
            "contacts": json_column([CONTACTS]),
            "scores": json_column(["[7,9]"]),
            "meta": json_column(["{}"]),
            "notes": json_column([None]),
        },
        keys=("_id",),
    )


def test_json_strings(orgs: Events) -> None:
    made = shape(orgs, "JSON_STRINGS")
    assert tables(made) == {
        "orgs": [
            {
                "_id": "org_1",
                "name": "Acme",
                "address": ADDRESS,
                "contacts": CONTACTS,
                "scores": "[7,9]",
                "meta": "{}",
                "notes": None,
            }
        ]
    }
    assert made.outputs[0].rows.schema.field("address").type == pa.string()


def test_json_columns(orgs: Events) -> None:
    made = shape(orgs, "JSON_COLUMNS")
    assert made.outputs == (orgs,) or made.outputs[0].rows.equals(orgs.rows)
    for field in ("address", "contacts", "scores", "meta"):
        assert is_json(made.outputs[0].rows.schema.field(field))


def test_flatten_split(orgs: Events) -> None:
    made = shape(orgs)
    assert tables(made) == {
        "orgs": [
            {
                "_id": "org_1",
                "name": "Acme",
                "address_street": "1 Main St",
                "address_city": "Pune",
                "address_geo_lat": 18.52,
                "address_geo_lon": 73.85,
            }
        ],
        "orgs_address_tags": [
            {"_ps_ref_id": "org_1", "_ps_array_index": "0", "value": "hq"},
            {"_ps_ref_id": "org_1", "_ps_array_index": "1", "value": "north"},
        ],
        "orgs_contacts": [
            {"_ps_ref_id": "org_1", "_ps_array_index": "0", "name": "Ana"},
            {"_ps_ref_id": "org_1", "_ps_array_index": "1", "name": "Raj"},
        ],
        "orgs_contacts_phones": [
            {"_ps_ref_id": "org_1", "_ps_array_index": "0.0", "value": "111"},
            {"_ps_ref_id": "org_1", "_ps_array_index": "0.1", "value": "222"},
        ],
        "orgs_scores": [
            {"_ps_ref_id": "org_1", "_ps_array_index": "0", "value": 7},
            {"_ps_ref_id": "org_1", "_ps_array_index": "1", "value": 9},
        ],
    }
    assert sum(output.rows.num_rows for output in made.outputs) == 9
    assert made.created == 8
    assert {output.keys for output in made.outputs[1:]} == {("_ps_ref_id", "_ps_array_index")}


def test_struct_with_arrays_as_strings(orgs: Events) -> None:
    made = shape(orgs, "STRUCT_COLLAPSE_ARRAYS")
    rows = made.outputs[0].rows
    assert [f.name for f in rows.schema] == ["_id", "name", "address", "contacts", "scores"]
    assert rows.schema.field("address").type == pa.struct(
        [
            ("street", pa.string()),
            ("city", pa.string()),
            ("geo", pa.struct([("lat", pa.float64()), ("lon", pa.float64())])),
            ("tags", pa.string()),
        ]
    )
    assert rows.to_pylist() == [
        {
            "_id": "org_1",
            "name": "Acme",
            "address": {
                "street": "1 Main St",
                "city": "Pune",
                "geo": {"lat": 18.52, "lon": 73.85},
                "tags": '["hq","north"]',
            },
            "contacts": CONTACTS,
            "scores": "[7,9]",
        }
    ]


def test_struct_with_nested_arrays_as_strings(orgs: Events) -> None:
    made = shape(orgs, "STRUCT_COLLAPSE_NESTED_ARRAYS")
    rows = made.outputs[0].rows
    assert rows.schema.field("address").type.field("tags").type == pa.list_(pa.string())
    assert rows.schema.field("contacts").type == pa.list_(
        pa.struct([("name", pa.string()), ("phones", pa.string())])
    )
    assert rows.to_pylist() == [
        {
            "_id": "org_1",
            "name": "Acme",
            "address": {
                "street": "1 Main St",
                "city": "Pune",
                "geo": {"lat": 18.52, "lon": 73.85},
                "tags": ["hq", "north"],
            },
            "contacts": [
                {"name": "Ana", "phones": '["111","222"]'},
                {"name": "Raj", "phones": "[]"},
            ],
            "scores": [7, 9],
        }
    ]


def test_name_of_a_child_below_several_objects() -> None:
    from penstock.core.naming import sanitize

    doc = {"itemDetails": {"vendorItems": [1]}}
    made = shape(events({"id": [1], "item_details": json_column([compact(doc)])}, name="vendor"))
    clean = sanitize(made.outputs[1].name, kind="table")
    assert clean == "vendor_item_details_itemdetails_vendoritems"


def test_declared_fields_follow_the_strategy(orgs: Events) -> None:
    declared = orgs.rows.schema
    assert shaper("JSON_COLUMNS").schema(declared, ("_id",)) == declared
    assert shaper("FLATTEN_SPLIT").schema(declared, ("_id",)).names == ["_id", "name"]
    strings = shaper("JSON_STRINGS").schema(declared, ("_id",))
    assert {field.type for field in strings} == {pa.string()}
