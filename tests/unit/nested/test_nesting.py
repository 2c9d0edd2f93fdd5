"""Shaping behind a transformation: one step for whoever keeps the books."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nested_events import compact, events, json_column, one, shaper
from penstock.core.events import Events, Refused, Transformed
from penstock.nested import Nested, Nesting


class Twice:
    """Drops every third event, refuses those of number 7, and makes two of each other."""

    def __init__(self) -> None:
        self.closed = False

    def transform(self, events: Events) -> Transformed:
        kept = [row for row in range(events.rows.num_rows) if row % 3 and row != 7]
        rows = events.rows.take(pa.array(kept, pa.int64()))
        origin = pa.array(kept, pa.int32())
        refused = (Refused(7, "TRANSFORM_ERROR", "", "seven"),) if events.rows.num_rows > 7 else ()
        first = Events("orgs", events.keys, rows, origin)
        second = Events("copies", events.keys, rows, origin)
        filtered = events.rows.num_rows - len(kept) - len(refused)
        return Transformed((first, second), refused, filtered, created=len(kept))

    def close(self) -> None:
        self.closed = True


def nesting(before: Twice | None = None) -> Nesting:
    one_for_all = shaper()
    return Nesting(lambda _: one_for_all, before)


def balances(given_rows: int, made: Nested) -> bool:
    rows = sum(output.rows.num_rows for output in made.outputs)
    return given_rows + made.created == rows + len(made.refused) + made.filtered


def test_children_are_events_that_were_created() -> None:
    made = nesting().transform(one([{"l": [1, 2]}, {"l": []}]))
    assert [output.name for output in made.outputs] == ["orgs", "orgs_doc_l"]
    assert (made.created, made.filtered, made.refused) == (2, 0, ())
    assert balances(2, made)


def test_each_event_type_of_a_transformation_has_its_own_children() -> None:
    made = nesting(Twice()).transform(one([{"l": [n]} for n in range(9)]))
    assert [output.name for output in made.outputs] == [
        "orgs", "orgs_doc_l", "copies", "copies_doc_l",
    ]  # fmt: skip
    assert made.outputs[1].origin.to_pylist() == [1, 2, 4, 5, 8]
    assert made.outputs[1].rows.column("value").to_pylist() == [1, 2, 4, 5, 8]
    assert [(r.row, r.code) for r in made.refused] == [(7, "TRANSFORM_ERROR")]
    assert balances(9, made)


def test_each_event_type_of_the_source_has_its_own_settings() -> None:
    ways = {"orgs": shaper("FLATTEN_SPLIT"), "people": shaper("JSON_STRINGS")}
    made = Nesting(ways.__getitem__)
    assert len(made.transform(one({"l": [1]})).outputs) == 2
    assert len(made.transform(one({"l": [1]}, name="people")).outputs) == 1


def test_an_event_is_refused_with_all_that_was_made_of_it() -> None:
    docs = [compact({"l": [n]}) for n in range(9)]
    docs[4] = "{broken"
    made = nesting(Twice()).transform(one(docs))
    assert [(r.row, r.code) for r in made.refused] == [(4, "PARSE_ERROR"), (7, "TRANSFORM_ERROR")]
    assert all(4 not in output.origin.to_pylist() for output in made.outputs)
    assert balances(9, made)


def test_what_was_read_may_leave_nothing() -> None:
    made = nesting().transform(one(["{broken"]))
    assert made.outputs[0].rows.num_rows == 0
    assert balances(1, made)


def test_a_transformation_is_closed() -> None:
    inner = Twice()
    nesting(inner).close()
    assert inner.closed
    nesting().close()


_DOCS: Any = st.one_of(
    st.just("{broken"),
    st.none(),
    st.recursive(
        st.integers(0, 3) | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
        max_leaves=8,
    ).map(json.dumps),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.none() | st.integers(0, 3), _DOCS), max_size=12), st.booleans())
def test_the_books_balance_whatever_comes(rows: list[tuple[Any, Any]], twice: bool) -> None:
    ids = pa.array([key for key, _ in rows], pa.int64())
    given_events = events({"id": ids, "doc": json_column([doc for _, doc in rows])})
    made = nesting(Twice() if twice else None).transform(given_events)
    assert balances(len(rows), made)
    refused = {one.row for one in made.refused}
    assert len(refused) == len(made.refused)
    for shaped in made.shaped:
        total = shaped.outputs[0].rows.num_rows
        assert all(len(children.counts) == total for children in shaped.children)
        counted = sum(sum(children.counts.to_pylist()) for children in shaped.children)
        assert counted == sum(output.rows.num_rows for output in shaped.outputs[1:])
    assert all(refused.isdisjoint(output.origin.to_pylist()) for output in made.outputs)
