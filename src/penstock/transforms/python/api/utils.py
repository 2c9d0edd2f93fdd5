"""Helpers on values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from penstock.transforms.python.api import kinds
from penstock.transforms.python.api.helpful import Helpful
from penstock.transforms.python.api.json_text import written
from penstock.transforms.python.api.properties import Properties


class Utils(metaclass=Helpful):
    """Static functions on values, not on names of fields."""

    getType = staticmethod(kinds.type_of)
    isString = staticmethod(kinds.is_string)
    isNumber = staticmethod(kinds.is_number)
    isBoolean = staticmethod(kinds.is_boolean)
    isDate = staticmethod(kinds.is_date)
    isTime = staticmethod(kinds.is_time)
    isTimestamp = staticmethod(kinds.is_timestamp)

    @staticmethod
    def isDict(value: object) -> bool:
        """Whether it is a mapping; JSON text is none."""
        return isinstance(value, Mapping)

    @staticmethod
    def isList(value: object) -> bool:
        """Whether it is a list or tuple."""
        return isinstance(value, list | tuple)

    isArray = isList

    @staticmethod
    def isNull(value: object) -> bool:
        """Whether it is null."""
        return value is None

    @staticmethod
    def jsonStringToDict(text: Any) -> Any:
        """The object that JSON text holds; a mapping is returned as it is, null as null.

        Raises:
            ValueError: not JSON, with the position, or not an object.
        """
        if text is None or isinstance(text, Mapping):
            return text
        return _parsed("jsonStringToDict", text, dict, "object")

    @staticmethod
    def jsonStringToList(text: Any) -> Any:
        """The array that JSON text holds; a list is returned as it is, null as null.

        Raises:
            ValueError: not JSON, with the position, or not an array.
        """
        if text is None or isinstance(text, list):
            return text
        return _parsed("jsonStringToList", text, list, "array")

    @staticmethod
    def dictToJsonString(value: Any) -> str:
        """Compact JSON, keys in order, dates as ISO 8601, decimals as numbers."""
        return written(value)

    @staticmethod
    def flatten(value: Any, separator: str = "_") -> Properties:
        """One level of fields for nested objects, named `parent_child`; arrays stay.

        An empty object gives no field; a name that is taken gets `_1`, `_2`.
        """
        if not isinstance(value, Mapping):
            raise TypeError(f"Utils.flatten takes a mapping, not {type(value).__name__}")
        flat = Properties()
        taken = {str(key) for key, item in value.items() if not isinstance(item, Mapping)}
        for key, item in value.items():
            if not isinstance(item, Mapping):
                flat[key] = item
                continue
            for name, leaf in _leaves(item, f"{key}{separator}", separator):
                free = _free(name, taken)
                taken.add(free)
                flat[free] = leaf
        return flat


def _leaves(value: Mapping[Any, Any], prefix: str, separator: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, Mapping):
            found += _leaves(item, f"{name}{separator}", separator)
        else:
            found.append((name, item))
    return found


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 1
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


def _parsed(function: str, text: Any, kind: type, word: str) -> Any:
    if not isinstance(text, str | bytes):
        raise TypeError(f"Utils.{function} takes text, not {type(text).__name__}")
    value = json.loads(text, object_pairs_hook=Properties)
    if not isinstance(value, kind):
        raise ValueError(f"Utils.{function}: the text does not hold an {word}")
    return value


UTILS_ALIASES: Final = {
    "isJson": "isDict",
    "jsonToDict": "jsonStringToDict",
    "dictToJson": "dictToJsonString",
}
"""Other names that a script may use, each with the function it stands for."""

for _alias, _function in UTILS_ALIASES.items():
    setattr(Utils, _alias, getattr(Utils, _function))
