"""How much likeness may do while leads arrive."""

from services.workers.likeness.ingest_priority import BURST_RATE, IngestRate


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _arriving(rate: IngestRate, clock: Clock, per_second: int, seconds: int) -> None:
    for _ in range(seconds * 10):
        clock.now += 0.1
        rate.add(per_second // 10)


def test_steady_arrivals_are_measured_within_a_tenth() -> None:
    clock = Clock()
    rate = IngestRate(clock)
    _arriving(rate, clock, per_second=500, seconds=20)
    assert 450 < rate.per_second() < 550


def test_likeness_waits_during_a_burst_and_goes_on_within_seconds() -> None:
    clock = Clock()
    rate = IngestRate(clock)
    assert not rate.is_burst
    assert not rate.is_trickle
    _arriving(rate, clock, per_second=5_000, seconds=1)
    assert rate.is_burst
    clock.now += 10
    assert not rate.is_burst
    clock.now += 10
    assert not rate.has_callers


def test_a_lead_now_and_then_makes_nothing_wait() -> None:
    clock = Clock()
    rate = IngestRate(clock)
    _arriving(rate, clock, per_second=10, seconds=5)
    clock.now += 1
    assert rate.is_trickle
    assert not rate.is_burst
    assert not rate.has_callers
    assert rate.per_second() < BURST_RATE
