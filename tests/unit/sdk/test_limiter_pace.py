"""The rules of departures, with a clock that the test moves."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from penstock.sdk.limiter.pace import Head, Pace, Slot, depart, plan, restamp, slow_down, succeeded

RATES = [
    pytest.param(5.0, id="five a second"),
    pytest.param(2.5, id="a rate that is no whole number"),
    pytest.param(1.9, id="one call in half a second"),
    pytest.param(0.2, id="one call in five seconds"),
    pytest.param(50.0, id="fifty a second"),
    pytest.param(1500.0, id="more than a thousand a second"),
]


@dataclass
class MemoryBook:
    head: Head = field(default_factory=Head)
    stamps: dict[int, float] = field(default_factory=dict)

    def stamp(self, slot: int) -> float:
        return self.stamps.get(slot, 0.0)

    def set_stamp(self, slot: int, at: float) -> None:
        self.stamps[slot] = at


def drive(pace: Pace, processes: int, calls: int, late: list[float], seed: int) -> list[float]:
    """Departures of processes that always want the next slot and wake up late."""
    rng = random.Random(seed)
    book, left = MemoryBook(), []
    waking = [(1000.0 + i / 1000, i, False) for i in range(processes)]
    while len(left) < calls:
        now, who, planned = heapq.heappop(waking)
        due = depart(book, pace, now) if planned else plan(book, pace, now)
        if isinstance(due, Slot):
            left.append(due.at)
            due = plan(book, pace, now)
        delay = rng.choice(late) * rng.random()
        heapq.heappush(waking, (max(due, now) + delay, who, True))
    return sorted(left)


def closest(left: list[float], calls: int) -> float:
    """Shortest time that holds one departure more than allowed."""
    return min(later - sooner for sooner, later in zip(left, left[calls:], strict=False))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("processes", [1, 3, 7])
@pytest.mark.parametrize(
    "late",
    [
        pytest.param([0.0], id="punctual"),
        pytest.param([0.001, 0.004], id="a little late"),
        pytest.param([0.0, 0.0, 0.05, 3.0], id="stalls of seconds"),
    ],
)
def test_no_window_ever_holds_more_than_the_rate(
    rate: float, processes: int, late: list[float]
) -> None:
    pace = Pace.of(rate)
    left = drive(pace, processes, max(400, pace.calls * 3), late, seed=1)
    assert closest(left, pace.calls) > pace.window_s


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("processes", [1, 3])
def test_a_busy_account_uses_nearly_all_of_its_rate(rate: float, processes: int) -> None:
    left = drive(Pace.of(rate), processes, 3000, [min(0.004, 0.5 / rate)], seed=2)
    assert (len(left) - 1) / (left[-1] - left[0]) >= 0.975 * rate


def test_departures_are_spread_evenly() -> None:
    left = drive(Pace.of(5), 1, 200, [0.002], seed=3)
    gaps = [later - sooner for sooner, later in pairwise(left)]
    assert min(gaps) > 0.2
    assert max(gaps) < 0.22


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Pace.of(rate)


def leave(book: MemoryBook, pace: Pace, now: float) -> Slot:
    slot = depart(book, pace, now)
    assert isinstance(slot, Slot)
    return slot


def test_a_call_that_left_later_than_stamped_holds_back_the_one_a_window_later() -> None:
    book, pace = MemoryBook(), Pace.of(2)
    first = leave(book, pace, 1000.0)
    assert restamp(book, pace, first, 1000.3)
    leave(book, pace, 1000.81)
    assert depart(book, pace, 1001.315) == pytest.approx(1001.32)


def test_lost_time_is_not_made_up_in_a_burst() -> None:
    book, pace = MemoryBook(), Pace.of(5)
    leave(book, pace, 1000.15)
    assert depart(book, pace, 1000.2047) == pytest.approx(1000.351)


def test_a_late_call_right_behind_another_waits_for_a_new_turn() -> None:
    book, pace = MemoryBook(), Pace.of(5)
    first = leave(book, pace, 1000.0)
    leave(book, pace, 1000.21)
    assert restamp(book, pace, first, 1000.3) is None
    assert restamp(book, pace, first, 1000.42)


def test_a_call_that_is_late_by_a_window_needs_a_new_departure() -> None:
    book, pace = MemoryBook(), Pace.of(1)
    first = leave(book, pace, 1000.0)
    leave(book, pace, 1001.5)
    assert restamp(book, pace, first, 1001.6) is None


def test_nobody_departs_in_a_pause_nor_all_at_once_after_it() -> None:
    book, pace = MemoryBook(), Pace.of(5)
    pause(book.head, 1000.0, retry_after=3.0)
    tries = [depart(book, pace, 1000.1) for _ in range(3)]
    assert tries == pytest.approx([1003.0, 1003.2247, 1003.4494])


def pause(head: Head, now: float, **given: float | None) -> float:
    asked = {"retry_after": None, "departed": None, "jitter": 0.0, **given}
    return slow_down(head, now, **asked)  # type: ignore[arg-type]


def test_own_pauses_double_from_one_second_to_a_minute() -> None:
    head, now, pauses = Head(), 1000.0, []
    for _ in range(8):
        pauses.append(pause(head, now))
        now = head.paused_until + 1
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_one_success_after_the_pause_starts_the_own_pauses_anew() -> None:
    head = Head()
    pause(head, 1000.0)
    pause(head, 1010.0)
    succeeded(head, departed=1020.0)
    assert pause(head, 1030.0) == 1


@pytest.mark.parametrize("asked", [0.5, 30.0])
def test_the_server_may_say_how_long_the_pause_is(asked: float) -> None:
    assert pause(Head(), 1000.0, retry_after=asked) == asked


def test_refusals_of_one_burst_count_once_but_the_longest_pause_holds() -> None:
    head = Head()
    pause(head, 1000.0, retry_after=2.0, departed=999.9)
    for i in range(4):
        pause(head, 1000.1, retry_after=3.0, departed=999.5 + i / 10)
    assert head.factor == pytest.approx(1.1)
    assert head.paused_until == pytest.approx(1003.1)


def test_a_refusal_of_the_old_burst_after_the_pause_counts_no_more() -> None:
    head = Head()
    pause(head, 1000.0, retry_after=0.1, departed=999.9)
    pause(head, 1005.0, departed=999.8)
    assert head.factor == pytest.approx(1.1)
    assert head.paused_until <= 1005.0


def test_a_refusal_on_its_own_slows_a_little_and_those_in_a_row_more() -> None:
    head = Head()
    pause(head, 1000.0)
    assert head.factor == pytest.approx(1.1)
    succeeded(head, departed=1005.0)
    pause(head, 1061.0)
    assert head.factor == pytest.approx(1.1 * 1.1)
    pause(head, 1121.0)
    assert head.factor == pytest.approx(1.1 * 1.1 * 1.25)


def test_a_lone_refusal_is_made_up_for_within_a_hundred_calls() -> None:
    head, calls = Head(), 0
    pause(head, 1000.0)
    while succeeded(head, departed=1002.0):
        calls += 1
    assert calls == 20 * 5  # 0.98 ** 5 is the first power below 1 / 1.1


def test_refusals_without_a_success_in_between_are_in_a_row_however_long_the_pause() -> None:
    head = Head()
    pause(head, 1000.0, retry_after=90.0)
    pause(head, 1091.0)
    assert head.factor == pytest.approx(1.1 * 1.25)


def test_the_pace_falls_to_a_quarter_at_most_and_comes_back_whole() -> None:
    head, now = Head(), 1000.0
    for _ in range(10):
        pause(head, now)
        now = head.paused_until + 1
    assert head.factor == 4.0
    steps = 0
    while succeeded(head, departed=now):
        steps += 1
    assert head.factor == 1.0
    assert steps == 20 * 69  # 0.98 ** 69 is the first power below a quarter


def test_a_success_from_before_the_refusal_proves_nothing() -> None:
    head = Head()
    pause(head, 1000.0)
    assert not succeeded(head, departed=999.9)
    assert head.level == 1


def test_after_a_refusal_departures_are_further_apart() -> None:
    book, pace = MemoryBook(), Pace.of(5)
    pause(book.head, 1000.0)
    first, second = plan(book, pace, 1000.0), plan(book, pace, 1000.0)
    assert first == 1001.0
    assert second - first > 0.22
