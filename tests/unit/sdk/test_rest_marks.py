"""The latest change time of the rows of a page, found with and without reading each."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from penstock.core.batch import Hint
from penstock.sdk.json_pages import Row
from penstock.sdk.rest.cursor import Marks
from penstock.sdk.rest.page import Rows
from penstock.sdk.rest.times import aware

IN_ONE_ZONE = st.datetimes().map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S}-05:00".rjust(25, "0"))
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", "0000-00-00 00:00:00", "9999-99-99T00:00:00-05:00", "2024-05-01", 1_700_000_000,
     "2024-05-01T00:00:00+14:00", "2024-05-01T00:00:00-12:00", "2024-05-01T00:00:00.5Z", {"a": 1}]
)  # fmt: skip


def page(values: list[Any]) -> Rows:
    size = len(values)
    return Rows([Row()] * size, [None] * size, values, [None] * size, [False] * size)


def latest(values: list[Any]) -> Any:
    times = [(at, value) for value in values if (at := aware(value))]
    return max(times, key=lambda pair: pair[0])[0] if times else None


@given(st.lists(IN_ONE_ZONE, min_size=1))
def test_the_latest_of_times_in_one_zone(values: list[str]) -> None:
    marks = Marks()
    assert marks.hints(page(values)) == [Hint.VERSION] * len(values)
    assert aware(marks.high) == latest(values)


@given(st.lists(st.one_of(IN_ONE_ZONE, ODD)))
def test_the_latest_of_times_in_any_form(values: list[Any]) -> None:
    marks = Marks()
    assert marks.hints(page(values)) == [Hint.VERSION] * len(values)
    assert aware(marks.high) == latest(values)


def test_the_latest_of_several_pages() -> None:
    marks = Marks()
    for day in ("02", "03", "01"):
        marks.hints(page([f"2024-05-{day}T00:00:00Z", f"2024-05-{day}T00:00:01Z"]))
    assert marks.high == "2024-05-03T00:00:01Z"
