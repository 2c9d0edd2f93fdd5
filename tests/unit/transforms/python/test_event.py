"""The class Event: the tables of transformations.md 4, and the mapping of 2.2."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from penstock.transforms.python.api import Event, Properties
from penstock.transforms.python.api.event import EVENT_ALIASES, arrived

SAMPLE = {
    "isbn": 9780131103,
    "title": "K&R",
    "price": 41.5,
    "in_print": True,
    "released": date(1988, 3, 22),
    "shelved_at": datetime(2024, 5, 6, 7, 4, 5, tzinfo=UTC),
    "opens": time(9, 30),
    "tags": ["c", "unix"],
    "dims": {"h": 23},
}
TESTS = ["isString", "isNumber", "isBoolean", "isDate", "isTime", "isTimestamp"]


@pytest.fixture
def event() -> Event:
    return arrived("books", Properties(SAMPLE), ("isbn",))


def test_a_new_event_copies_the_top_level_and_has_no_key(event: Event) -> None:
    fields = {"isbn": 1, "dims": {"h": 23}}
    first, second = Event("book_titles", fields), Event("book_titles", fields)
    first.getProperties()["isbn"] = 2
    assert second.getProperties() == fields == {"isbn": 1, "dims": {"h": 23}}
    assert first.getProperties()["dims"] is fields["dims"]
    assert first.getPrimaryKeys() == []


def test_an_event_takes_its_arguments_by_name() -> None:
    for made in (
        Event(eventName="a", properties={}),
        Event(event_name="a", properties={}),
        Event("a", properties={}),
    ):
        assert made.getEventName() == "a"


@pytest.mark.parametrize(
    ("name", "properties"),
    [(None, {}), (7, {}), ("", {}), ("  ", {}), ("x" * 513, {}), ("a", None), ("a", [1])],
)
def test_an_event_needs_a_name_and_a_mapping(name: Any, properties: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        Event(name, properties)


def test_the_name_is_the_one_after_a_rename(event: Event) -> None:
    assert event.getEventName() == "books"
    assert event.rename("catalog_" + event.getEventName()) is None  # type: ignore[func-returns-value]
    assert event.getEventName() == "catalog_books"
    assert event.getPrimaryKeys() == ["isbn"]


@pytest.mark.parametrize("name", ["", " ", None, 5, "x" * 513])
def test_a_name_that_is_none_is_refused(event: Event, name: Any) -> None:
    with pytest.raises(ValueError):
        event.rename(name)


def test_properties_are_live(event: Event) -> None:
    event.getProperties()["isbn"] = 1
    assert event.getProperties() is event.getProperties()
    assert event.getProperties()["isbn"] == 1


def test_new_properties_detach_the_old_mapping(event: Event) -> None:
    before = event.getProperties()
    event.setProperties({"isbn": 1})
    before["isbn"] = 2
    assert event.getProperties() == {"isbn": 1}
    assert isinstance(event.getProperties(), Properties)


def test_setting_the_own_mapping_keeps_it_attached(event: Event) -> None:
    own = event.getProperties()
    event.setProperties(own)
    own["isbn"] = 3
    assert event.getProperties() is own
    assert event.getProperties()["isbn"] == 3


@pytest.mark.parametrize("properties", [None, 3, "text", [("a", 1)]])
def test_properties_that_are_no_mapping_are_refused(event: Event, properties: Any) -> None:
    with pytest.raises(TypeError):
        event.setProperties(properties)


def test_keys_are_a_copy(event: Event) -> None:
    event.getPrimaryKeys().append("title")
    assert event.getPrimaryKeys() == ["isbn"]


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        (["isbn", "title"], ["isbn", "title"]),
        (("title",), ["title"]),
        ("title", ["title"]),
        ([], []),
        (["a", "b", "a"], ["a", "b"]),
    ],
)
def test_keys_are_replaced(event: Event, given: Any, keys: list[str]) -> None:
    event.setPrimaryKeys(given)
    assert event.getPrimaryKeys() == keys


@pytest.mark.parametrize("given", [None, 7, [1], {"a": 1}])
def test_keys_are_names(event: Event, given: Any) -> None:
    with pytest.raises(TypeError):
        event.setPrimaryKeys(given)


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("isbn", "long"),
        ("title", "varchar(3)"),
        ("price", "double"),
        ("in_print", "boolean"),
        ("released", "date"),
        ("shelved_at", "timestamp"),
        ("opens", "time"),
        ("tags", "array"),
        ("dims", "json"),
        ("missing", None),
    ],
)
def test_types_of_fields(event: Event, field: str, kind: str | None) -> None:
    assert event.getType(field) == kind


@pytest.mark.parametrize(
    ("field", "true"),
    [
        ("title", {"isString"}),
        ("isbn", {"isNumber"}),
        ("price", {"isNumber"}),
        ("in_print", {"isBoolean"}),
        ("released", {"isDate"}),
        ("opens", {"isTime"}),
        ("shelved_at", {"isTimestamp"}),
        ("missing", set()),
        ("nothing", set()),
        ("looks_like", {"isString"}),
        ("epoch", {"isNumber"}),
        ("tags", set()),
        ("dims", set()),
        ("raw", set()),
        ("dims.h", set()),
    ],
)
def test_type_tests(event: Event, field: str, true: set[str]) -> None:
    more = {"nothing": None, "looks_like": "12", "epoch": 1507893200464, "raw": b"x"}
    event.getProperties().update(more)
    assert {test for test in TESTS if getattr(event, test)(field) is True} == true


def test_type_tests_never_raise(event: Event) -> None:
    odd: Any = ["a"]
    assert not any(getattr(event, test)(odd) for test in TESTS)


def test_every_alias_is_its_method() -> None:
    for alias, method in EVENT_ALIASES.items():
        assert getattr(Event, alias) is getattr(Event, method)


def test_an_unknown_method_names_the_near_one(event: Event) -> None:
    with pytest.raises(AttributeError, match=r"Event has no function 'getProps'\. Did you mean"):
        event.getProps()


class TestProperties:
    def test_keys_values_and_items_are_lists(self) -> None:
        props = Properties(a=1, b=2)
        assert (props.keys(), props.values(), props.items()) == (
            ["a", "b"],
            [1, 2],
            [("a", 1), ("b", 2)],
        )

    def test_fields_may_go_while_it_is_looped_over(self) -> None:
        for loop in (lambda p: p, lambda p: p.keys(), lambda p: p.iterkeys()):
            props = Properties(a=1, b=2, c=3)
            for key in loop(props):
                del props[key]
            assert props == {}

    def test_python_2_names(self) -> None:
        props = Properties(a=1)
        assert props.has_key("a")
        assert not props.has_key("b")
        assert list(props.iteritems()) == [("a", 1)]
        assert list(props.itervalues()) == [1]

    def test_the_rest_is_a_dict(self) -> None:
        props = Properties(a=1)
        assert props.get("b", 5) == 5
        assert props.pop("a") == 1
        assert props.setdefault("c", 2) == 2
        assert (len(props), "c" in props) == (1, True)
        assert type(props.copy()) is Properties
        assert type(props | {"d": 1}) is Properties
        assert json.dumps(props) == '{"c": 2}'
        with pytest.raises(KeyError):
            del props["missing"]
        with pytest.raises(KeyError):
            props["missing"]

    def test_old_spellings_are_answered_and_not_listed(self) -> None:
        props = Properties(_ps_id="7")
        assert props["__hevo_id"] == props.get("__hevo_id") == "7"
        assert "__hevo_id" in props
        props["__hevo_id"] = "8"
        assert props == {"_ps_id": "8"}
        props.update({"__hevo__ingested_at": 5})
        assert props.keys() == ["_ps_id", "_ps_ingested_at"]
        del props["__hevo_id"]
        assert props.pop("__hevo__ingested_at") == 5
        assert props == {}
