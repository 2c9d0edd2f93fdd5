"""Shaping by columns gives what the plain row-by-row reading gives, for any JSON."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nested_events import children_of, events, fields_of, json_column, shape, shaper
from penstock.core.infer import JsonNumber
from penstock.nested import InMemory, PathNames
from rowwise.nested import Flattened, Members, as_struct, dumps, loads, named

_NAMES = st.sampled_from(["a", "b", "a_b", "value", "é", "", 'q"', "_ps_id"])
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.integers(-(10**30), 10**30),
    st.sampled_from(["", "x", "null", "{}", "2024-05-06", "7", "a\\b", "日本"]),
    st.sampled_from(["1.50", "-0.0", "0.1234567890123456789", "1e3", "2.5E-7"]).map(JsonNumber),
)
VALUES: Any = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(st.tuples(_NAMES, inner), max_size=3).map(Members),
    ),
    max_leaves=12,
)
ROWS = st.lists(st.tuples(st.none() | VALUES, VALUES), min_size=1, max_size=6)
CALM = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def texts(rows: list[tuple[Any, Any]]) -> list[dict[str, str | None]]:
    """JSON of each field; a value that is missing is null."""
    return [{"x": None if x is None else dumps(x), "y": dumps(y)} for x, y in rows]


@CALM
@given(ROWS, st.integers(1, 6), st.integers(0, 5))
def test_flatten_split(rows: list[tuple[Any, Any]], depth: int, before: int) -> None:
    """Also when the first rows have come in a batch of their own."""
    given_rows = texts(rows)
    plain = Flattened(depth)
    for row in given_rows:
        plain.add(row)
    store = InMemory()
    made = shaper(names=PathNames(store), max_depth=depth)
    made.shape(_events(given_rows[:before]))
    shaped = made.shape(_events(given_rows))
    main, *children = shaped.outputs
    fields = fields_of(store, "orgs")
    found = {
        p: main.rows.column(n).to_pylist() for p, n in fields.items() if n in main.rows.schema.names
    }
    assert found == dict(named(plain.roots))
    assert main.rows.num_columns == len(found) + 1
    ways = children_of(store, "orgs")
    by_name = {child.name: child for child in children}
    assert by_name.keys() == {ways[way] for way in plain.tables}
    for way, table in plain.tables.items():
        child = by_name[ways[way]]
        assert child.origin.to_pylist() == [root for root, _, _ in table]
        assert child.rows.column("_ps_ref_id").to_pylist() == [str(root) for root, _, _ in table]
        assert child.rows.column("_ps_array_index").to_pylist() == [at for _, at, _ in table]
        inside = fields_of(store, child.name)
        expected = dict(named([row for _, _, row in table]))
        assert child.rows.num_columns == 2 + len(expected)
        for path, values in expected.items():
            assert child.rows.column(inside[path]).to_pylist() == values
    told = {one.event_type: one.counts.to_pylist() for one in shaped.children}
    assert told == {name: plain.counts(way) for way, name in ways.items()}
    assert shaped.created == sum(map(len, plain.tables.values()))


@CALM
@given(ROWS)
def test_json_strings(rows: list[tuple[Any, Any]]) -> None:
    given_rows = texts(rows)
    main = shape(_events(given_rows), "JSON_STRINGS").outputs[0].rows
    for field in ("x", "y"):
        wanted = [None if row[field] == "null" else row[field] for row in given_rows]
        assert main.column(field).to_pylist() == wanted


_LEAVES = {
    "n": st.integers(-5, 5),
    "s": st.sampled_from(["x", "", "é"]),
    "f": st.just(JsonNumber("1.5")),
}


def _shaped_like(depth: int) -> Any:
    """Objects whose places have values of one kind each, and may lack any of them."""
    members: dict[str, Any] = {name: st.none() | leaf for name, leaf in _LEAVES.items()}
    members["l"] = st.none() | st.lists(st.none() | st.integers(0, 9), max_size=3)
    if depth:
        inner = _shaped_like(depth - 1)
        members["o"] = st.none() | inner
        members["m"] = st.none() | st.lists(st.none() | inner, max_size=2)
    return st.fixed_dictionaries({}, optional=members).map(lambda m: Members(m.items()))


@CALM
@given(st.lists(_shaped_like(2), min_size=1, max_size=5), st.booleans())
def test_records(values: list[Any], keep_arrays: bool) -> None:
    strategy = "STRUCT_COLLAPSE_NESTED_ARRAYS" if keep_arrays else "STRUCT_COLLAPSE_ARRAYS"
    given_rows = [{"x": dumps(value), "y": None} for value in values]
    main = shape(_events(given_rows), strategy).outputs[0].rows
    expected = [as_struct(loads(row["x"] or ""), keep_arrays=keep_arrays) for row in given_rows]
    found = main.column("x").to_pylist() if "x" in main.schema.names else [None] * len(values)
    assert [_known(one) for one in found] == [_known(one) for one in expected]


def _known(value: Any) -> Any:
    """Without members that are null, and objects that have no others: columns have no place
    for what never had a value, and no way to tell missing from null."""
    if isinstance(value, dict):
        members = {name: _known(inner) for name, inner in value.items()}
        return {name: inner for name, inner in members.items() if inner is not None} or None
    if isinstance(value, list):
        return [kept for item in value if (kept := _known(item)) is not None] or None
    return value


def _events(rows: list[dict[str, str | None]]) -> Any:
    columns = {field: json_column([row[field] for row in rows]) for field in ("x", "y")}
    return events({"id": list(range(len(rows))), **columns})
