"""One event, as scripts see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from penstock.transforms.python.api import kinds
from penstock.transforms.python.api.helpful import unknown
from penstock.transforms.python.api.properties import Properties

MAX_NAME: Final = 512
"""Characters of an event name."""


def checked_name(name: object) -> str:
    """The name, if it may be one.

    Raises:
        TypeError, ValueError: not text; blank or longer than 512 characters.
    """
    if not isinstance(name, str):
        raise TypeError(f"an event name is text, not {type(name).__name__}")
    if not name.strip():
        raise ValueError("an event name is not blank")
    if len(name) > MAX_NAME:
        raise ValueError(f"an event name has at most {MAX_NAME} characters")
    return name


class Event:
    """A record of one event type: name, fields and the fields of its key."""

    __slots__ = ("_keys", "_name", "_properties")

    def __init__(
        self,
        eventName: Any = None,
        properties: Any = None,
        *,
        event_name: Any = None,
    ) -> None:
        self._name = checked_name(event_name if eventName is None else eventName)
        self._properties = _copied(properties)
        self._keys: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        raise unknown("Event", name, [n for n in dir(type(self)) if not n.startswith("_")])

    def __repr__(self) -> str:
        return f"Event({self._name!r}, {dict(self._properties)!r})"

    def getEventName(self) -> str:
        """The name now."""
        return self._name

    def rename(self, newEventName: str) -> None:
        """Make it an event of another type.

        Raises:
            ValueError: blank, not text, or longer than 512 characters.
        """
        try:
            self._name = checked_name(newEventName)
        except TypeError as error:
            raise ValueError(str(error)) from None

    def getProperties(self) -> Properties:
        """The live mapping of its fields."""
        return self._properties

    def setProperties(self, properties: Mapping[str, Any]) -> None:
        """Replace all fields.

        Raises:
            TypeError: not a mapping.
        """
        if properties is not self._properties:
            self._properties = _copied(properties)

    def getPrimaryKeys(self) -> list[str]:
        """The fields of its key, in order."""
        return list(self._keys)

    def setPrimaryKeys(self, fieldNames: Any) -> None:
        """Choose the fields of its key; none makes it an event that is appended.

        Raises:
            TypeError: not names.
        """
        names = [fieldNames] if isinstance(fieldNames, str) else fieldNames
        if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
            raise TypeError("setPrimaryKeys takes a list of field names")
        self._keys = tuple(dict.fromkeys(names))

    def getType(self, fieldName: str) -> str | None:
        """The type string of a field's value; None where there is no such field."""
        if fieldName not in self._properties:
            return None
        return kinds.type_of(self._properties[fieldName])

    def isString(self, fieldName: str) -> bool:
        """Whether the field is text."""
        return self._is(kinds.is_string, fieldName)

    def isNumber(self, fieldName: str) -> bool:
        """Whether the field is a number."""
        return self._is(kinds.is_number, fieldName)

    def isBoolean(self, fieldName: str) -> bool:
        """Whether the field is true or false."""
        return self._is(kinds.is_boolean, fieldName)

    def isDate(self, fieldName: str) -> bool:
        """Whether the field is a date without a time."""
        return self._is(kinds.is_date, fieldName)

    def isTime(self, fieldName: str) -> bool:
        """Whether the field is a time of day."""
        return self._is(kinds.is_time, fieldName)

    def isTimestamp(self, fieldName: str) -> bool:
        """Whether the field is a date with a time."""
        return self._is(kinds.is_timestamp, fieldName)

    def _is(self, test: Callable[[object], bool], name: str) -> bool:
        try:
            return name in self._properties and test(self._properties[name])
        except TypeError:  # a name that cannot be one, such as a list
            return False


def _copied(properties: Any) -> Properties:
    if not isinstance(properties, Mapping):
        raise TypeError(f"properties are a mapping, not {type(properties).__name__}")
    return Properties(dict.items(properties) if isinstance(properties, dict) else properties)


def arrived(name: str, properties: Properties, keys: tuple[str, ...]) -> Event:
    """An event from a source: nothing is checked or copied."""
    event = Event.__new__(Event)
    event._name = name
    event._properties = properties
    event._keys = keys
    return event


EVENT_ALIASES: Final = {
    "getPrimaryKey": "getPrimaryKeys",
    "setPrimaryKey": "setPrimaryKeys",
    "setEventName": "rename",
}
"""Other names that a script may use, each with the method it stands for."""

for _alias, _method in EVENT_ALIASES.items():
    setattr(Event, _alias, getattr(Event, _method))
