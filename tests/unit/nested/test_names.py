"""Names by paths: no two the same, and the same for ever."""

from itertools import permutations

import pytest

from nested_events import children_of, events, fields_of, json_column, one, shaper, tables
from penstock.nested import InMemory, PathNames


def test_a_field_of_the_event_comes_before_parts_of_another() -> None:
    given = events(
        {"id": [1], "address": json_column(['{"city":"Pune"}']), "address_city": ["Oslo"]}
    )
    assert tables(shaper().shape(given))["orgs"] == [
        {"id": 1, "address_city_2": "Pune", "address_city": "Oslo"}
    ]


def test_a_field_that_comes_later_leaves_a_name_that_is_given() -> None:
    made = shaper()
    made.shape(events({"id": [1], "address": json_column(['{"city":"Pune"}'])}))
    later = events({"id": [2], "address_city": ["Oslo"], "address": json_column(['{"city":"X"}'])})
    for _ in range(2):
        shaped = made.shape(later)
        assert tables(shaped)["orgs"] == [{"id": 2, "address_city_2": "Oslo", "address_city": "X"}]
        assert shaped.sources == {"address_city_2": "address_city", "address_city": "address"}


DOCS = [
    {"a_b": {"c": 1, "l": [1]}},
    {"a": {"b_c": 2, "b": {"l": [2]}}},
    {"a": {"b": {"c": 3}}, "a_b_c": 4},
    {"a_b_l": [3]},
]


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_the_order_of_rows_does_not_matter(order: tuple[int, ...]) -> None:
    store = InMemory()
    made = shaper(names=PathNames(store)).shape(one([DOCS[at] for at in order]))
    assert {path[1:]: name for path, name in fields_of(store, "orgs").items()} == {
        ("a_b_c",): "doc_a_b_c",
        ("a", "b_c"): "doc_a_b_c_2",
        ("a_b", "c"): "doc_a_b_c_3",
        ("a", "b", "c"): "doc_a_b_c_4",
    }
    assert {path[1:]: name for path, name in children_of(store, "orgs").items()} == {
        ("a_b_l",): "orgs_doc_a_b_l",
        ("a_b", "l"): "orgs_doc_a_b_l_2",
        ("a", "b", "l"): "orgs_doc_a_b_l_3",
    }
    assert len({o.name for o in made.outputs}) == 4


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_names_that_were_kept_are_given_again(order: tuple[int, ...]) -> None:
    store = InMemory()
    shaper(names=PathNames(store)).shape(one(DOCS))
    kept = {scope: dict(names) for scope, names in store.scopes.items()}
    for at in order:
        shaper(names=PathNames(store)).shape(one([DOCS[at]]))
        assert store.scopes == kept


def test_no_two_names_of_a_scope_are_the_same() -> None:
    store = InMemory()
    for order in permutations(range(4)):
        shaper(names=PathNames(store)).shape(one([DOCS[at] for at in order]))
        shaper(names=PathNames(store)).shape(one([DOCS[order[0]]], name="doc"))
    for names in store.scopes.values():
        assert len({*names.values()}) == len(names)


def test_a_child_leaves_names_of_other_event_types() -> None:
    names = PathNames(event_types=["orgs", "orgs_doc"])
    made = shaper(names=names).shape(one([[1]]))
    assert [o.name for o in made.outputs] == ["orgs", "orgs_doc_2"]
    other = shaper(names=names).shape(one({"doc": [1]}, name="orgs"))
    assert [o.name for o in other.outputs] == ["orgs", "orgs_doc_doc"]


def test_children_of_two_event_types_never_share_a_name() -> None:
    names = PathNames()
    first = shaper(names=names).shape(one({"x": [1]}, name="a"))
    second = shaper(names=names).shape(events({"id": [1], "x": json_column(["[1]"])}, name="a_doc"))
    assert [first.outputs[1].name, second.outputs[1].name] == ["a_doc_x", "a_doc_x_2"]
