"""The set of ids of a read, and times as APIs write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import ConfigError
from penstock.sdk.rest.ids import IdSet, Key, whole, wholes
from penstock.sdk.rest.times import aware, duration_ms, instant, text_at, within, zone_of

KEYS = st.one_of(
    st.integers(-3, 1 << 40),
    st.integers(0, 300).map(str),
    st.sampled_from(["07", "7", "", "-1", "é", "٣", "a1", "9" * 30]),
    st.tuples(st.sampled_from("ab"), st.integers(0, 2)),
)


@given(st.lists(KEYS))
def test_an_id_is_new_once(keys: list[Key]) -> None:
    seen, plain = IdSet(), set()
    for key in keys:
        name = str(key) if isinstance(key, int | str) else key
        assert seen.add(key) is (name not in plain)
        plain.add(name)
    assert len(seen) == len(plain)


def test_a_missing_id_is_always_new() -> None:
    seen = IdSet()
    assert seen.add(None)
    assert seen.add(None)
    assert len(seen) == 0


@pytest.mark.parametrize(
    ("text", "ms"),
    [("30m", 1_800_000), ("12h", 43_200_000), ("7d", 604_800_000), (" 2W ", 1_209_600_000)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, ms: int) -> None:
    assert duration_ms(text) == ms


def test_off_is_no_duration() -> None:
    assert duration_ms("off") is None


@pytest.mark.parametrize("text", ["", "7", "0d", "d7", "1.5h", "-1d", "7 days"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        duration_ms(text)


@pytest.mark.parametrize(
    "text", [None, "", "0000-00-00", "0000-00-00 00:00:00", "soon", 5, "x" * 10]
)
def test_what_is_no_time_is_none(text: object) -> None:
    assert instant(text) is None


def test_instants_compare_across_offsets() -> None:
    winter, summer = aware("2025-03-08T23:30:00-06:00"), aware("2025-03-09T00:10:00-05:00")
    assert winter is not None
    assert summer is not None
    assert winter > summer


def test_an_instant_is_written_in_the_zone_of_another() -> None:
    assert text_at(1_764_000_000_000, zone_of("2025-01-01T00:00:00-06:00")) == (
        "2025-11-24T10:00:00-06:00"
    )


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        pytest.param("2025-05-31T23:59:59-05:00", False, id="the day before, in its own zone"),
        pytest.param("2025-06-01T00:00:00-05:00", True, id="the first second"),
        pytest.param("2025-06-30T23:59:59-05:00", True, id="the last second"),
        pytest.param("2025-07-01T00:00:00-05:00", False, id="the end is not within"),
        pytest.param(None, True, id="what has no time cannot be left out"),
    ],
)
def test_bounds_without_offset_are_in_the_zone_of_the_row(text: object, inside: bool) -> None:
    assert within(text, "2025-06-01", "2025-07-01") is inside


@given(st.lists(st.one_of(KEYS, st.none(), st.integers(0, 1 << 70).map(str))))
def test_numbers_of_many_keys_are_those_of_each(keys: list[Key]) -> None:
    assert wholes(keys) == [whole(key) for key in keys]


@given(st.lists(st.integers(0, 1 << 62).map(str), min_size=1))
def test_numbers_of_keys_in_plain_text(keys: list[Key]) -> None:
    assert wholes(keys) == [whole(key) for key in keys]
