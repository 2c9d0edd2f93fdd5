"""Type texts of a contract."""

import pytest

from penstock.core.errors import ConfigError
from penstock.sdk.json_kinds import FieldSpec, Kind, parse_kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("string(number)", Kind.NUMBER),
        ("string(number)|integer|null", Kind.NUMBER),
        ("integer | null", Kind.NUMBER),
        ("number", Kind.NUMBER),
        ("string(bool)|null", Kind.BOOL),
        ("boolean|integer", Kind.BOOL),
        ("string(datetime)", Kind.INSTANT),
        ("string(datetime)|string(datetime_naive)", Kind.INSTANT),
        ("string(datetime_naive)|null", Kind.LOCAL_TIME),
        ("string(date)", Kind.DATE),
        ("string|null", Kind.TEXT),
        ("string|integer", Kind.TEXT),
        ("object", Kind.JSON),
        ("array<object>|object", Kind.JSON),
        ("array<array<string(number)>>", Kind.JSON),
        ("string|integer|array<string>|null", Kind.JSON),
        ("any|null", Kind.JSON),
        ("null", Kind.JSON),
    ],
)
def test_parse_kind(text: str, kind: Kind) -> None:
    assert parse_kind(text) is kind
    assert FieldSpec.of("a", text) == FieldSpec("a", kind)


@pytest.mark.parametrize("text", ["", "text", "string(number", "string|", "string(money)"])
def test_unknown_texts_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_kind(text)
