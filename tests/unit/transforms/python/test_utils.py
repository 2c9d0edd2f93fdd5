"""The class Utils (transformations.md 6) and the type strings of 2.1."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from penstock.transforms.python.api import Properties, Utils
from penstock.transforms.python.api.utils import UTILS_ALIASES


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("ab", "varchar(2)"),
        ("", "varchar(1)"),
        (None, "null"),
        (2**31 - 1, "integer"),
        (-(2**31), "integer"),
        (2**31, "long"),
        (-(2**63), "long"),
        (2**63, "decimal(19,0)"),
        (1.5, "double"),
        (Decimal("12.50"), "decimal(4,2)"),
        (Decimal("0.05"), "decimal(2,2)"),
        (Decimal("1E+2"), "decimal(3,0)"),
        (True, "boolean"),
        (date(2024, 5, 6), "date"),
        (time(1), "time"),
        (datetime(2024, 5, 6, tzinfo=UTC), "timestamp"),
        ([1], "array"),
        ((1,), "array"),
        ({1}, "array"),
        ({}, "json"),
        (b"x", "bytes"),
    ],
)
def test_types(value: Any, kind: str) -> None:
    assert Utils.getType(value) == kind


@pytest.mark.parametrize(
    ("value", "is_one"),
    [({}, True), (Properties(), True), (OrderedDict(), True), ('{"a": 1}', False), (None, False)],
)
def test_mappings(value: Any, is_one: bool) -> None:
    assert Utils.isDict(value) is is_one


def test_json_objects_are_parsed_into_properties() -> None:
    found = Utils.jsonStringToDict('{"a": {"b": 1.0}, "n": 12345678901234567890123}')
    assert found == {"a": {"b": 1.0}, "n": 12345678901234567890123}
    assert type(found) is type(found["a"]) is Properties
    same = {"a": 1}
    assert Utils.jsonStringToDict(same) is same
    assert Utils.jsonStringToDict(None) is None


@pytest.mark.parametrize("text", ["[1]", "7", '{"a": }', ""])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Utils.jsonStringToDict(text)


def test_malformed_json_names_the_position() -> None:
    with pytest.raises(ValueError, match="char 6"):
        Utils.jsonStringToDict('{"a": }')


def test_json_arrays() -> None:
    assert Utils.jsonStringToList("[1, {}]") == [1, {}]
    assert Utils.jsonStringToList(None) is None
    with pytest.raises(ValueError, match="array"):
        Utils.jsonStringToList("{}")


def test_values_as_json() -> None:
    value = {"b": Decimal("1.50"), "a": date(2024, 5, 6), "t": datetime(2024, 5, 6, 7, tzinfo=UTC)}
    text = '{"b":1.50,"a":"2024-05-06","t":"2024-05-06T07:00:00Z"}'
    assert Utils.dictToJsonString(value) == text


def test_tests_on_values() -> None:
    assert Utils.isString("a")
    assert Utils.isNumber(Decimal(1))
    assert not Utils.isNumber(True)
    assert Utils.isBoolean(False)
    assert Utils.isDate(date(2024, 5, 6))
    assert not Utils.isDate(datetime(2024, 5, 6, tzinfo=UTC))
    assert Utils.isTime(time(1))
    assert Utils.isTimestamp(datetime(2024, 5, 6, tzinfo=UTC))
    assert Utils.isList((1,))
    assert Utils.isArray([])
    assert Utils.isNull(None)


def test_nested_objects_become_fields() -> None:
    flat = Utils.flatten({"id": 1, "a": {"b": {"c": 2}, "d": [1, 2]}, "e": {}})
    assert flat == {"id": 1, "a_b_c": 2, "a_d": [1, 2]}
    assert Utils.flatten({"a": {"b": 1}}, ".") == {"a.b": 1}
    assert Utils.flatten({"a_b": 0, "a": {"b": 1}}) == {"a_b": 0, "a_b_1": 1}


def test_every_alias_is_its_function() -> None:
    for alias, function in UTILS_ALIASES.items():
        assert getattr(Utils, alias) is getattr(Utils, function)


def test_an_unknown_name_gets_a_guess() -> None:
    with pytest.raises(
        AttributeError, match=r"Utils has no function 'isDikt'\. Did you mean 'isDict'\?"
    ):
        Utils.isDikt({})
