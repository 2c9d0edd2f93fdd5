"""What keeps a flow from going live, and what its author is told."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from flows import Row, block, named
from penstock.transforms.deploying import Known, problems, settled

KNOWN = Known(
    {"orders": pa.schema([("id", pa.int64()), ("day", pa.date32()), ("price", pa.float64())])},
    keys=("id",),
)


def found(*blocks: Row) -> list[tuple[str, str, int | None, bool]]:
    """Block, place in the settings, place in the formula and whether it is a warning."""
    stored = {"method": "BLOCKS", "blocks": list(blocks)}
    return [(p.block, p.field, p.at, p.warning) for p in problems(stored, KNOWN)]


def test_a_sound_flow_has_none() -> None:
    made = block("ADD_FIELD", {"field_name": "n", "value": "price * 2", "value_kind": "FORMULA"})
    assert found(made) == []


ALL_NAMES = {"field": [{"on": "FIELD_NAME", "op": "STARTS_WITH", "value": "p"}]}
TWO_NAMES = named("price", "day")
CHANGE = {"value": "price + NOPE(1)"}
NOT_A_DAY = {"event": [{"on": "EVENT_FIELD", "field": "day", "op": "GT", "value": "soon"}]}
A_DAY = {"event": [{"on": "EVENT_FIELD", "field": "day", "op": "GT", "value": "2024-01-01"}]}
BAD_REGEX = {"event": [{"on": "EVENT_FIELD", "field": "v", "op": "REGEX", "value": "("}]}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (block("NOPE"), ("b1", "type", None, False)),
        (block("HASH_FIELDS", {"algorithm": "ROT13"}), ("b1", "settings.algorithm", None, False)),
        (block("HASH_FIELDS", {"nope": 1}), ("b1", "settings.nope", None, False)),
        (
            block("CHANGE_FIELD_VALUE", CHANGE | {"value_kind": "FORMULA"}),
            ("b1", "settings", 8, False),
        ),
        (block("DROP_EVENTS", filters=BAD_REGEX), ("b1", "filters.event.0", None, False)),
        (block("DROP_EVENTS", filters=NOT_A_DAY), ("b1", "filters.event.0.value", None, False)),
        (block("DROP_FIELDS"), ("b1", "filters.field", None, False)),
        (block("DROP_FIELDS", filters=named("id")), ("b1", "filters.field", None, True)),
        (block("RENAME_FIELDS", {"value": "x"}), ("b1", "filters.field", None, False)),
        (
            block("RENAME_FIELDS", {"value": "x"}, filters=ALL_NAMES),
            ("b1", "filters.field", None, False),
        ),
        (
            block("RENAME_FIELDS", {"value": "x"}, filters=TWO_NAMES),
            ("b1", "filters.field", None, False),
        ),
        (
            block("RENAME_FIELDS", {"value": "x"}, filters=named("id")),
            ("b1", "filters.field", None, True),
        ),
        (block("RENAME_EVENTS", {"value": "x"}), ("b1", "filters.event", None, True)),
        (block("DROP_EVENTS"), ("b1", "filters.event", None, True)),
        (block("ADD_FIELD", {"field_name": "n", "value": "$self"}), ("b1", "settings", 0, False)),
        (
            block("ADD_FIELD", {"field_name": "n", "value": "1"}, filters=named("x")),
            ("b1", "filters.field", None, False),
        ),
        (
            block("ADD_FIELD", {"field_name": "n", "value": "price * tax"}),
            ("b1", "settings.value", None, True),
        ),
    ],
)
def test_each_problem_has_its_place(made: Row, expected: tuple[Any, ...]) -> None:
    assert found(made) == [expected]


@pytest.mark.parametrize(
    "made",
    [
        block("DROP_EVENTS", filters=A_DAY),
        block("DROP_FIELDS", filters=named("price")),
        block("DROP_FIELDS", filters=A_DAY | named("price")),
        block("RENAME_FIELDS", {"value": "x"}, filters=named("price")),
        block("RENAME_FIELDS", {"mode": "PREFIX", "value": "x"}, filters=named("price")),
        block("ADD_FIELD", {"field_name": "n", "value": "Sold-Out"}),
        block("RENAME_EVENTS", {"value": '"a" + EVENT_TYPE()'}),
    ],
)
def test_what_is_fine_is_not_spoken_of(made: Row) -> None:
    assert found(made) == []


def test_all_mistakes_are_told_at_once_and_before_the_warnings() -> None:
    blocks = [
        block("DROP_EVENTS"),
        {"id": "b2", "type": "NOPE"},
        {"id": "b3", "type": "HASH_FIELDS", "settings": {"encoding": "?"}},
        {"id": "b3", "type": "HASH_FIELDS"},
    ]
    assert [(b, w) for b, _, _, w in found(*blocks)] == [
        ("b2", False),
        ("b3", False),
        ("b1", True),
    ]


def test_mistakes_in_branches_are_found() -> None:
    condition = {"on": "EVENT_FIELD", "field": "price", "op": "GT", "value": 1}
    inner = {"id": "inner", "type": "MASK_FIELDS", "settings": {"mode": "FIRST_N"}}
    assert found(block("IF_ELSE", {"condition": condition, "else": [inner]})) == [
        ("inner", "settings", None, False)
    ]


def test_ids_are_told_apart() -> None:
    twice = [block("HASH_FIELDS"), block("HASH_FIELDS")]
    assert found(*twice) == [("b1", "id", None, False)]


def test_without_known_fields_a_formula_is_to_be_declared() -> None:
    stored = {"blocks": [block("ADD_FIELD", {"field_name": "n", "value": "price * qty"})]}
    (problem,) = problems(stored)
    assert (problem.field, problem.warning) == ("settings.value_kind", True)


def test_a_form_that_is_no_flow() -> None:
    (problem,) = problems({"method": "PYTHON"})
    assert problem.field == "method"


def test_what_a_text_means_is_settled_at_deploy() -> None:
    condition = {"on": "EVENT_FIELD", "field": "price", "op": "GT", "value": 1}
    formula = block("ADD_FIELD", {"field_name": "n", "value": "price * 2"})
    literal = block("ADD_FIELD", {"field_name": "n", "value": "Sold-Out"})
    said = block("ADD_FIELD", {"field_name": "n", "value": "price", "value_kind": "LITERAL"})
    flow = {
        "blocks": [said, block("IF_ELSE", {"condition": condition, "then": [formula, literal]})]
    }
    first, ways = settled(flow, KNOWN)["blocks"]
    assert first == said
    kinds = [inner["settings"]["value_kind"] for inner in ways["settings"]["then"]]
    assert kinds == ["FORMULA", "LITERAL"]
