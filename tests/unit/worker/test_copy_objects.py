"""What `--table` names, and which schemas are read for it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from penstock.core.errors import ConfigError
from penstock.core.registry import Registry
from penstock.core.spec import Selection
from penstock.core.stream import Stream
from penstock.worker.copy_objects import exact, wanted, with_qualifiers


def stream(name: str, namespace: str = "") -> Stream:
    return Stream(name, pa.schema([]), namespace=namespace)


ONE = [stream("orders", "public"), stream("items", "public"), stream("a.b", "public")]
TWO = [
    stream("public.orders", "public"),
    stream("sales.orders", "sales"),
    stream("sales.x", "sales"),
]


@pytest.mark.parametrize(
    ("streams", "patterns", "names"),
    [
        pytest.param(ONE, [], ["orders", "items", "a.b"], id="all"),
        pytest.param(ONE, ["orders"], ["orders"], id="by name"),
        pytest.param(ONE, ["public.orders"], ["orders"], id="in full"),
        pytest.param(ONE, ["public.*"], ["orders", "items", "a.b"], id="a schema"),
        pytest.param(ONE, ["a.b"], ["a.b"], id="a name with a dot"),
        pytest.param(ONE, ["item*", "ord*"], ["orders", "items"], id="patterns"),
        pytest.param(TWO, ["orders"], ["public.orders", "sales.orders"], id="in every schema"),
        pytest.param(TWO, ["sales.*"], ["sales.orders", "sales.x"], id="one of two schemas"),
        pytest.param([stream("contacts")], ["cont*"], ["contacts"], id="no schemas there"),
    ],
)
def test_tables_are_named_with_and_without_their_schema(
    streams: list[Stream], patterns: list[str], names: list[str]
) -> None:
    assert [item.name for item in wanted(streams, patterns)] == names


def test_a_table_that_is_not_there_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"'ordrs'\. Did you mean 'orders'") as caught:
        wanted(ONE, ["items", "ordrs"])
    assert caught.value.code == "config.unknown_object"


def test_a_source_without_tables_is_refused() -> None:
    with pytest.raises(ConfigError, match="nothing to copy"):
        wanted([], [])


@pytest.mark.parametrize(
    ("settings", "patterns", "schemas"),
    [
        pytest.param({}, ["orders"], None, id="the source's own choice"),
        pytest.param({}, ["sales.*"], ["sales"], id="named in full"),
        pytest.param({}, ["sales.*", "orders"], ["public", "sales"], id="and by the name alone"),
        pytest.param({}, ["s.a", "s.b", "t.a"], ["s", "t"], id="each once"),
        pytest.param(
            {"schema": "a, b"}, ["b.x", "c.x"], ["a", "b", "c"], id="those of the URI too"
        ),
        pytest.param({"schema": "s*"}, ["sales.x"], ["s*"], id="within a pattern"),
    ],
)
def test_schemas_of_tables_are_read(
    settings: dict[str, str], patterns: list[str], schemas: list[str] | None
) -> None:
    card = Registry.scan().card("source", "postgres")
    assert with_qualifiers(card, settings, patterns).get("schema") == schemas


def test_a_source_without_schemas_is_left_alone() -> None:
    card = Registry.scan().card("source", "activecampaign")
    assert with_qualifiers(card, {"account_name": "a"}, ["x.y"]) == {"account_name": "a"}


@pytest.mark.parametrize("name", ["orders", "a[1]*?", "[x]", "!x", "*"])
def test_an_exact_pattern_matches_one_name(name: str) -> None:
    taken = Selection(include=(exact(name),))
    assert taken.takes(name)
    assert not any(taken.takes(other) for other in (f"{name}x", "a1", "x", "zzz"))
