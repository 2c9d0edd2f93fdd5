"""The limiter, fault rules, the clock and the bounded cache."""

import pytest

from penstock.sandbox.activecampaign.clock import Clock
from penstock.sandbox.activecampaign.encode import RowCache
from penstock.sandbox.activecampaign.faults import Fault, Faults
from penstock.sandbox.activecampaign.limiter import Limiter


class TestLimiter:
    def test_a_sixth_request_within_a_second_is_refused(self) -> None:
        limiter = Limiter(5)
        assert [limiter.admit(at / 10) for at in range(6)] == [True] * 5 + [False]

    def test_one_each_200_ms_is_never_refused(self) -> None:
        limiter = Limiter(5)
        assert all(limiter.admit(at / 5) for at in range(50))

    def test_refused_requests_do_not_count(self) -> None:
        limiter = Limiter(1)
        assert [limiter.admit(at) for at in (0.0, 0.5, 0.9, 1.0)] == [True, False, False, True]

    def test_the_window_slides(self) -> None:
        limiter = Limiter(2)
        assert [limiter.admit(at) for at in (0.0, 0.9, 1.0, 1.1)] == [True, True, True, False]

    def test_headers_tell_what_is_left(self) -> None:
        limiter = Limiter(5)
        limiter.admit(0.0)
        assert dict(limiter.headers()) == {"RateLimit-Limit": "5", "RateLimit-Remaining": "4"}


class TestFaultRules:
    @pytest.mark.parametrize(
        ("rule", "strikes"),
        [
            pytest.param(Fault("cut_json"), [1, 2, 3, 4, 5], id="always"),
            pytest.param(Fault("cut_json", nth=(2, 5)), [2, 5], id="exactly these"),
            pytest.param(Fault("cut_json", times=2), [1, 2], id="so many times"),
            pytest.param(Fault("cut_json", probability=0), [], id="never"),
            pytest.param(Fault("cut_json", "/deals*"), [], id="other path"),
            pytest.param(Fault("cut_json", "/con*"), [1, 2, 3, 4, 5], id="pattern"),
        ],
    )
    def test_they_strike_the_requests_they_name(self, rule: Fault, strikes: list[int]) -> None:
        faults = Faults(1, 0.0)
        faults.rules = [rule]
        assert [at for at in range(1, 6) if faults.meet("/contacts")] == strikes

    def test_rules_for_one_request_each_queue_up(self) -> None:
        faults = Faults(1, 0.0)
        faults.rules = [Fault("cut_json", times=1), Fault("empty_body", times=1)]
        met = [faults.meet("/x") for _ in range(3)]
        assert [rule and rule.kind for rule in met] == ["cut_json", "empty_body", None]

    def test_the_first_rule_decides_and_all_count(self) -> None:
        faults = Faults(1, 0.0)
        faults.rules = [Fault("cut_json", nth=(2,)), Fault("empty_body", nth=(2, 3))]
        met = [faults.meet("/x") for _ in range(3)]
        assert [rule and rule.kind for rule in met] == [None, "cut_json", "empty_body"]

    def test_passing_faults_come_at_about_the_wanted_rate(self) -> None:
        faults = Faults(1, 0.2)
        assert 150 < sum(faults.meet("/x") is not None for _ in range(1000)) < 250

    def test_unknown_kinds_and_shapes_are_refused(self) -> None:
        with pytest.raises(ValueError, match="cut_json"):
            Fault("cut_jason")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="error_texts"):
            Fault("status", shape="round")  # type: ignore[arg-type]


class TestClock:
    CLOCK = Clock("America/Chicago", lambda: 1_752_535_325.9)

    def test_formats(self) -> None:
        now = self.CLOCK.now()
        assert self.CLOCK.offset(now) == "2025-07-14T18:22:05-05:00"
        assert self.CLOCK.naive(now) == "2025-07-14 18:22:05"
        assert self.CLOCK.day(now) == "2025-07-14"
        assert self.CLOCK.slipped(now) == "2025-07-14T23:22:05-05:00"

    @pytest.mark.parametrize(
        "text", ["2025-07-14T18:22:05-05:00", "2025-07-14 18:22:05", "2025-07-14T23:22:05Z"]
    )
    def test_reads_what_it_writes(self, text: str) -> None:
        assert self.CLOCK.instant(text) == self.CLOCK.now()

    def test_days_are_as_long_as_the_zone_makes_them(self) -> None:
        hours = [(end - start) / 3600 for start, end in map(self.CLOCK.day_bounds, DAYS)]
        assert hours == [24, 23, 25]

    def test_it_can_run_ahead(self) -> None:
        clock = Clock("UTC", lambda: 100.0)
        clock.ahead_s = 60
        assert clock.now() == 160


DAYS = ("2026-01-01", "2026-03-08", "2026-11-01")


def test_the_cache_never_holds_more_than_its_limit() -> None:
    cache = RowCache(100)
    for row_id in range(20):
        cache.put("t", row_id, b"x" * 30)
    cache.put("t", 99, b"x" * 101)
    assert [row_id for row_id in range(100) if cache.get("t", row_id)] == [17, 18, 19]
    cache.forget_table("t")
    cache.put("u", 1, b"x" * 100)
    assert cache.get("u", 1)
