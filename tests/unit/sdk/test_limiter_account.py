"""One account's limiter: threads, priorities, cancelling, and the file that is shared."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.core.errors import ConfigError, Interrupted
from penstock.sdk.limiter import AccountLimiter, default_folder
from penstock.sdk.limiter.state import StateFile, state_name


class Clock:
    """Time that passes only while somebody sleeps, a little longer than asked for."""

    def __init__(self, late_s: float = 0.0) -> None:
        self.now = 1000.0
        self._late_s = late_s
        self._rng = random.Random(5)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float, cancel: threading.Event | None) -> None:
        self.now += seconds + self._late_s * self._rng.random()


def limiter(folder: Path, rate: float | None, clock: Clock) -> AccountLimiter:
    return AccountLimiter("acme", rate, folder=folder, clock=clock, sleep=clock.sleep)


def departures(account: AccountLimiter, calls: int) -> list[float]:
    return [account.take().departed for _ in range(calls)]


def closest(left: list[float], calls: int) -> float:
    return min(later - sooner for sooner, later in zip(left, left[calls:], strict=False))


def until(happened: object) -> Iterator[None]:
    """Loop until `happened()` is true; fails after ten seconds."""
    for _ in range(1000):
        if happened():  # type: ignore[operator]
            return
        yield time.sleep(0.01)
    pytest.fail("it did not happen")


def test_five_a_second_are_never_six_and_nearly_always_five(tmp_path: Path) -> None:
    left = departures(limiter(tmp_path, 5, Clock(late_s=0.003)), 500)
    assert closest(left, 5) > 1.0
    assert (len(left) - 1) / (left[-1] - left[0]) >= 0.975 * 5


def test_the_first_call_does_not_wait(tmp_path: Path) -> None:
    assert limiter(tmp_path, 5, Clock()).acquire() == 0.0


def test_two_limiters_of_one_account_share_its_budget(tmp_path: Path) -> None:
    clock = Clock()
    accounts = [limiter(tmp_path, 5, clock), limiter(tmp_path, 5, clock)]
    left = [accounts[i % 2].take().departed for i in range(40)]
    assert closest(left, 5) > 1.0


def test_a_new_process_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    clock = Clock()
    left = departures(limiter(tmp_path, 2, clock), 2)
    left += departures(limiter(tmp_path, 2, clock), 2)
    assert closest(left, 2) > 1.0


def test_limiters_of_one_account_with_other_rates_keep_each_others_stamps(tmp_path: Path) -> None:
    clock = Clock()
    departures(limiter(tmp_path, 2, clock), 2)
    departures(limiter(tmp_path, 20, clock), 1)
    slow = limiter(tmp_path, 2, clock)
    left = departures(slow, 5)
    assert closest(left, 2) > 1.0


def test_without_a_rate_nothing_waits_but_pauses_hold(tmp_path: Path) -> None:
    clock = Clock()
    account = limiter(tmp_path, None, clock)
    assert [account.acquire() for _ in range(3)] == [0, 0, 0]
    account.slow_down(7.0)
    assert account.acquire() == pytest.approx(7.0)


def test_a_refusal_pauses_everybody_on_the_account(tmp_path: Path) -> None:
    clock = Clock()
    limiter(tmp_path, 5, clock).slow_down(30.0)
    other = limiter(tmp_path, 5, clock)
    assert other.pause_left_s() == pytest.approx(30.0)
    assert other.acquire() == pytest.approx(30.0)


def test_a_punctual_ticket_stays_and_a_late_one_is_stamped_again(tmp_path: Path) -> None:
    clock = Clock()
    account = limiter(tmp_path, 2, clock)
    ticket = account.take()
    assert account.on_time(ticket) is ticket
    clock.now += 0.4
    assert account.on_time(ticket).departed == clock.now
    account.take()
    assert account.take().departed >= 1000.4 + 1.0


def test_a_request_that_was_held_up_while_sending_counts_from_its_end(tmp_path: Path) -> None:
    clock = Clock()
    account = limiter(tmp_path, 5, clock)
    ticket = account.take()
    clock.now += 0.15
    account.sent(ticket)
    assert account.take().departed >= 1000.15 + 0.2
    assert departures(account, 4)[-1] >= 1000.15 + 1.0


def test_a_ticket_that_is_later_than_a_window_waits_again(tmp_path: Path) -> None:
    clock = Clock()
    account = limiter(tmp_path, 1, clock)
    ticket = account.take()
    newest = departures(account, 3)[-1]
    assert account.on_time(ticket).departed >= newest + 1.0


def test_a_call_of_higher_priority_takes_the_very_next_departure(tmp_path: Path) -> None:
    clock, gate = Clock(), threading.Event()

    def sleep(seconds: float, _cancel: threading.Event | None) -> None:
        gate.wait(10)
        clock.now += seconds

    account = AccountLimiter("acme", 5, folder=tmp_path, clock=clock, sleep=sleep)
    account.slow_down(1.0)
    numbers: dict[str, int] = {}

    def call(name: str, priority: int) -> None:
        numbers[name] = account.take(priority).slot.number

    threads = []
    for name, priority in [("page 1", 5), ("page 2", 5), ("page 3", 5), ("serial", 0)]:
        thread = threading.Thread(target=call, args=(name, priority))
        threads.append(thread)
        thread.start()
        waiting = len(threads)
        for _ in until(lambda waiting=waiting: len(account._turns._queue) == waiting):
            pass
    gate.set()
    for thread in threads:
        thread.join(10)
    assert sorted(numbers, key=numbers.__getitem__) == ["serial", "page 1", "page 2", "page 3"]


def test_cancelling_ends_the_wait_of_all_threads(tmp_path: Path) -> None:
    account = AccountLimiter("acme", 5, folder=tmp_path)
    account.slow_down(3600.0)
    cancel, ended = threading.Event(), []

    def call() -> None:
        with pytest.raises(Interrupted):
            account.acquire(cancel=cancel)
        ended.append(True)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    cancel.set()
    for thread in threads:
        thread.join(10)
    assert ended == [True] * 4


def test_one_cancelled_thread_leaves_the_others_their_turn(tmp_path: Path) -> None:
    account = AccountLimiter("acme", 20, folder=tmp_path)
    account.slow_down(0.5)
    cancelled = threading.Event()
    outcomes: list[str] = []

    def call(cancel: threading.Event | None) -> None:
        try:
            account.acquire(cancel=cancel)
            outcomes.append("went")
        except Interrupted:
            outcomes.append("cancelled")

    threads = [threading.Thread(target=call, args=(c,)) for c in (cancelled, None, None)]
    for thread in threads:
        thread.start()
    cancelled.set()
    for thread in threads:
        thread.join(10)
    assert sorted(outcomes) == ["cancelled", "went", "went"]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda raw: b"", id="empty"),
        pytest.param(lambda raw: raw[:40], id="cut off"),
        pytest.param(lambda raw: os.urandom(len(raw)), id="noise"),
        pytest.param(lambda raw: raw[:60] + bytes([raw[60] ^ 1]) + raw[61:], id="one bit"),
    ],
)
def test_a_damaged_file_starts_fresh(tmp_path: Path, damage: object) -> None:
    clock = Clock()
    limiter(tmp_path, 5, clock).slow_down(60.0)
    path = tmp_path / state_name("acme")
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    account = limiter(tmp_path, 5, clock)
    assert account.acquire() == 0.0
    assert closest(departures(account, 20), 5) > 1.0


def test_a_file_from_before_the_reboot_starts_fresh(tmp_path: Path) -> None:
    before, after = (StateFile(tmp_path, "acme", boot=bytes([i]) * 16) for i in (1, 2))
    with before.locked(5000.0) as book:
        book.head.paused_until = 6000.0
        before.save(book)
    with after.locked(10.0) as book:
        assert book.head.paused_until == 0.0


def test_a_file_taken_away_by_a_cleaner_is_made_again_and_shared(tmp_path: Path) -> None:
    clock = Clock()
    first, second = limiter(tmp_path, 5, clock), limiter(tmp_path, 5, clock)
    first.acquire()
    second.acquire()
    (tmp_path / state_name("acme")).unlink()
    first.slow_down(9.0)
    assert second.pause_left_s() == pytest.approx(9.0)


def test_only_the_user_may_read_the_state_and_its_name_tells_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "penstock" / "limits"
    AccountLimiter("activecampaign:acme", 5, folder=folder).acquire()
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert "acme" not in path.name


def test_a_folder_that_cannot_be_made_is_the_users_to_change(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError):
        AccountLimiter("acme", 5, folder=tmp_path / "file" / "limits").acquire()


def test_all_processes_of_a_user_meet_in_one_folder_with_or_without_a_login(
    tmp_path: Path,
) -> None:
    login = f"/run/user/{os.getuid()}"
    with_login = default_folder({"XDG_RUNTIME_DIR": login}, shared=tmp_path)
    assert with_login == default_folder({}, shared=tmp_path)
    assert with_login == tmp_path / f"penstock-{os.getuid()}" / "limits"


def test_a_run_time_folder_of_the_users_choice_is_used(tmp_path: Path) -> None:
    mine = f"penstock-{os.getuid()}"
    assert default_folder({"XDG_RUNTIME_DIR": str(tmp_path)}) == tmp_path / mine / "limits"
    assert default_folder({"XDG_RUNTIME_DIR": str(tmp_path / "no")}) == default_folder({})


def test_where_the_shared_folder_cannot_be_used_another_one_is(tmp_path: Path) -> None:
    missing = default_folder({}, shared=tmp_path / "missing")
    assert missing.parent.parent.is_dir()
    (tmp_path / f"penstock-{os.getuid()}").write_text("somebody took our name")
    assert not default_folder({}, shared=tmp_path).is_relative_to(tmp_path)


def test_a_closed_limiter_opens_again_when_used(tmp_path: Path) -> None:
    account = limiter(tmp_path, 5, Clock())
    account.acquire()
    account.close()
    assert account.acquire() > 0
