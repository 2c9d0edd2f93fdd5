"""What is there in the end of the children of events that came several times."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nested_events import events, json_column, shaper
from penstock.nested import Shaped, Shaper, newest, present

Keys = dict[str, list[tuple[str, Any]]]


def batch(made: Shaper, rows: list[tuple[int, str | None]], **more: Any) -> Any:
    ids, docs = [key for key, _ in rows], [doc for _, doc in rows]
    return made.shape(events({"id": ids, "doc": json_column(docs), **more}))


class Package:
    """Batches of a package, in order."""

    def __init__(self) -> None:
        self._rows: dict[str, list[pa.RecordBatch]] = {}
        self._count = 0

    def add(self, shaped: Shaped, left_out: dict[str, Any] | None = None) -> None:
        for name, rows in present(shaped, self._count, left_out).items():
            self._rows.setdefault(name, []).append(rows)
        self._count += shaped.outputs[0].rows.num_rows

    def newest(self) -> dict[str, pa.Table]:
        return {name: newest(pa.Table.from_batches(rows)) for name, rows in self._rows.items()}


def keys(package: Package) -> Keys:
    """Index None stands for the root itself."""
    return {
        name: sorted(
            zip(*(column.to_pylist() for column in table.columns), strict=True),
            key=lambda key: (key[0], str(key[1] or "")),
        )
        for name, table in package.newest().items()
    }


def test_the_newest_version_of_a_root_counts() -> None:
    made, package = shaper(), Package()
    package.add(batch(made, [(1, "[1,2,3]"), (2, "[1]"), (1, "[1,2]")]))
    package.add(batch(made, [(2, "[]"), (3, '[{"l":[1]}]')]))
    assert keys(package) == {
        "orgs_doc": [
            ("1", None), ("1", "0"), ("1", "1"), ("2", None), ("3", None), ("3", "0"),
        ],
        "orgs_doc_l": [("2", None), ("3", None), ("3", "0.0")],
    }  # fmt: skip


def test_a_field_that_was_left_out_says_nothing_of_its_children() -> None:
    made, package = shaper(), Package()
    package.add(batch(made, [(1, "[1,2]"), (2, "[1]")]))
    left_out = {"doc": pa.array([True, True, False])}
    package.add(batch(made, [(1, None), (3, None), (2, None)]), left_out)
    assert keys(package) == {"orgs_doc": [("1", None), ("1", "0"), ("1", "1"), ("2", None)]}


def test_nothing_came_of_events_without_children() -> None:
    package = Package()
    package.add(shaper().shape(events({"id": [1]})))
    assert package.newest() == {}


def test_a_plain_index_stays_a_number() -> None:
    made, package = shaper(array_index="PLAIN_INT"), Package()
    package.add(batch(made, [(1, "[1,2]")]))
    table = package.newest()["orgs_doc"]
    assert table.schema.field("_ps_array_index").type == pa.int64()
    made.shape(events({"id": [1]}))


_BATCHES: Any = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.lists(st.lists(st.integers(0, 1), max_size=2).map(lambda x: {"m": x}), max_size=3),
            st.booleans(),
        ),
        max_size=5,
    ),
    max_size=4,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_BATCHES)
def test_as_told_row_by_row(batches: list[list[tuple[int, list[Any], bool]]]) -> None:
    """Of each root the last version that says something, whatever the batches."""
    made, package = shaper(), Package()
    made.shape(events({"id": [9], "doc": json_column(['[{"m":[1]}]'])}))
    outer: dict[str, list[str]] = {}
    inner: dict[str, list[str]] = {}
    for rows in batches:
        docs: list[tuple[int, str | None]] = [
            (key, None if out else json.dumps(doc)) for key, doc, out in rows
        ]
        out = {"doc": pa.array([out for _, _, out in rows], pa.bool_())}
        package.add(batch(made, docs), out)
        for key, doc, gone in rows:
            if not gone:
                outer[str(key)] = [str(at) for at in range(len(doc))]
                inner[str(key)] = [
                    f"{at}.{deep}" for at, item in enumerate(doc) for deep in range(len(item["m"]))
                ]
    wanted = {"orgs_doc": _all(outer), "orgs_doc_m": _all(inner)}
    assert {name: found for name, found in keys(package).items() if found} == {
        name: found for name, found in wanted.items() if found
    }


def _all(found: dict[str, list[str]]) -> list[tuple[str, Any]]:
    return [(ref, at) for ref in sorted(found) for at in (None, *sorted(found[ref]))]
