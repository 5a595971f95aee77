"""Histograms, forecasts, habits of sources and verdicts: the pure parts of operations."""

from dataclasses import replace
from datetime import UTC, datetime
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.operations.forecast import DepthSample, Forecast, forecast_backlog
from shared.operations.histogram import (
    BUCKET_COUNT,
    add_duration,
    bucket_of,
    empty_histogram,
    merge_histograms,
    percentile,
)
from shared.operations.overview_types import (
    LaneState,
    LedgerState,
    Overview,
    PauseState,
    ProcessState,
    SourceState,
    StoreState,
)
from shared.operations.overview_verdict import judge_overview
from shared.operations.source_habit import HABIT_STEP_SECONDS, judge_source

pytestmark = pytest.mark.unit

DURATIONS = st.lists(st.floats(0, 80_000_000), min_size=1, max_size=200)
NOW = datetime(2026, 11, 27, tzinfo=UTC)


def histogram_of(durations: list[float]) -> list[int]:
    counts = empty_histogram()
    for one in durations:
        add_duration(counts, one)
    return counts


@given(DURATIONS, DURATIONS, st.sampled_from([0.5, 0.95, 0.99]))
def test_percentiles_of_two_processes_are_those_of_all_within_a_bucket(
    first: list[float], second: list[float], share: float
) -> None:
    merged = merge_histograms([histogram_of(first), histogram_of(second)])
    everything = sorted(first + second)
    true = everything[max(ceil(share * len(everything)), 1) - 1]
    found = percentile(merged, share)
    assert found is not None
    assert abs(bucket_of(found) - bucket_of(true)) <= 1
    assert found >= true or found == percentile([0] * (BUCKET_COUNT - 1) + [1], 1)


def test_a_histogram_without_durations_has_no_percentiles() -> None:
    assert percentile(empty_histogram(), 0.5) is None
    assert percentile((), 0.5) is None


SAMPLES = st.lists(st.builds(DepthSample, st.floats(0, 400), st.integers(0, 10_000)), max_size=8)


@given(st.integers(0, 10_000), SAMPLES, st.none() | st.floats(0, 1000))
def test_a_growing_backlog_gets_no_finite_time(depth: int, samples: list[DepthSample], out: float | None) -> None:
    found = forecast_backlog(depth, samples, out)
    old = sorted((one for one in samples if one.age >= 60), key=lambda one: one.age)
    assert (found.state == "empty") == (depth == 0)
    if found.seconds is not None:
        assert found.state == "clears"
        assert old[0].depth > depth
        assert 0 < found.seconds < float("inf")
    if depth and not old:
        assert found.state == "unknown"


def steady(depth: int, rate: float) -> list[DepthSample]:
    """The samples of a backlog that changed by `rate` a second until it came to `depth`."""
    return [DepthSample(age, round(depth - rate * age)) for age in (5.0, 65.0, 125.0, 305.0)]


@pytest.mark.parametrize(
    ("depth", "rate", "out", "forecast"),
    [
        (0, -5, 5.0, Forecast("empty")),
        (600, -2, 5.0, Forecast("clears", seconds=300)),
        (9000, 12, 10.0, Forecast("growing", rate=12)),
        (900, 0, 0.0, Forecast("stalled")),
        (900, 0, 10.0, Forecast("unknown")),
        (9000, 12, 0.0, Forecast("stalled")),
        (11, 0.03, 0.1, Forecast("unknown")),
    ],
)
def test_forecasts_of_steady_backlogs(depth: int, rate: float, out: float, forecast: Forecast) -> None:
    assert forecast_backlog(depth, steady(depth, rate), out) == forecast


@pytest.mark.parametrize(
    ("depth", "samples"),
    [
        (11, [DepthSample(61, 2), DepthSample(121, 0)]),  # a receiver that is slow
        (900, [DepthSample(61, 0), DepthSample(121, 0)]),  # a burst, which has just come
        (900, [DepthSample(61, 500), DepthSample(121, 700)]),
    ],
)
def test_forecast_needs_a_depth_and_two_minutes_to_call_a_backlog_growing(
    depth: int, samples: list[DepthSample]
) -> None:
    assert forecast_backlog(depth, samples, 0.5).state == "unknown"
    assert forecast_backlog(900, [DepthSample(61, 500), DepthSample(121, 100)], 0.5).state == "growing"


def test_forecast_does_not_call_work_stalled_that_has_just_come() -> None:
    assert forecast_backlog(1, [DepthSample(61, 0)], 0.0).state == "unknown"
    assert forecast_backlog(1, [DepthSample(61, 1)], 0.0).state == "stalled"


def test_a_source_is_silent_after_a_gap_longer_than_it_makes() -> None:
    night, day = [0] * 20, [6] * 28
    habit = [*day, *night, *day, *night]
    assert not judge_source([*habit[4:], *day, *night[:10]], 10 * HABIT_STEP_SECONDS).is_silent
    busy = judge_source([10] * 90 + [0] * 6, 6 * HABIT_STEP_SECONDS)
    assert busy.is_silent
    assert busy.usual_interval_s == 180
    assert judge_source([0] * 90 + [1, 1, 1, 0, 0, 0], 5400) == judge_source([], 0)


def test_a_source_that_was_tried_for_some_minutes_has_no_habit() -> None:
    """The tour of the README posts a dozen leads, and its reader goes on reading."""
    assert judge_source([0] * 90 + [9, 4, 0, 0, 0, 0], 7200) == judge_source([], 0)
    assert judge_source([0] * 90 + [40, 0, 0, 0, 0, 0], 9000).is_silent


WELL = Overview(
    0,
    NOW,
    StoreState(1.3, 0.2, "empty", 0, 0.0, 0.38),
    LedgerState(10, 2, 7, 1, 0, 0, unaccounted=0),
    0.4,
    [LaneState("prompt", 2, 0.4, forecast=Forecast("clears", seconds=1))],
    [ProcessState("worker-1", "worker", NOW, NOW, 0.6, True, 1 << 27, 0, "idle")],
    [],
    0,
)
PAUSE = PauseState("CRM moves", {"name": "Ingrid"}, NOW, None, 1, 1)
SILENT = SourceState(1, "form:1", "spring", NOW, 9000, 0, 40, 600, [0] * 24, is_silent=True)
AWAY = replace(WELL.stores, database_ms=None)


@pytest.mark.parametrize(
    ("overview", "codes"),
    [
        (WELL, []),
        (replace(WELL, ledger=LedgerState(10, 2, 7, 0, 0, 0, unaccounted=1)), ["unaccounted"]),
        (replace(WELL, workers=[]), ["no_worker_reports"]),
        (replace(WELL, oldest_waiting_s=48.0), ["leads_wait"]),
        (replace(WELL, lanes=[LaneState("bulk", 9, forecast=Forecast("growing", rate=2))]), ["lane_will_not_drain"]),
        (replace(WELL, lanes=[LaneState("bulk", 9, forecast=Forecast("stalled"), pause=PAUSE)]), ["lane_paused"]),
        (replace(WELL, dead_last_hour=3), ["dead_letters_grow"]),
        (replace(WELL, stores=replace(WELL.stores, spool_state="holding", spooled=5)), ["spooling"]),
        (replace(WELL, stores=replace(WELL.stores, redis_ms=None, database_ms=500)), ["redis_away", "database_slow"]),
        (replace(WELL, stores=replace(WELL.stores, disk_used=0.95)), ["disk_full"]),
        (replace(WELL, sources=[SILENT]), ["source_silent"]),
        (Overview(0, NOW, AWAY, replace(WELL.ledger, unaccounted=3, age_s=9.0)), ["database_away"]),  # type: ignore[type-var]
    ],
)
def test_a_verdict_names_what_wants_a_look(overview: Overview, codes: list[str]) -> None:
    assert [concern.code for concern in judge_overview(overview)] == codes
