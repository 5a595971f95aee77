"""How much a batch may hold."""

import pytest

from services.workers.batches.adaptive_batch_size import QUICK_BATCH_SECONDS, SLOW_BATCH_SECONDS, AdaptiveBatchSize

pytestmark = pytest.mark.unit


def test_a_slow_batch_halves_the_next_down_to_one_lead() -> None:
    pace = AdaptiveBatchSize(500)
    most = []
    for _ in range(10):
        pace.record_duration(pace.limit, SLOW_BATCH_SECONDS + 0.1)
        most.append(pace.limit)
    assert most == [250, 125, 62, 31, 15, 7, 3, 1, 1, 1]
    assert not pace.is_at_full_size


def test_a_small_batch_that_was_slow_is_half_of_itself() -> None:
    pace = AdaptiveBatchSize(500)
    pace.record_duration(8, SLOW_BATCH_SECONDS + 0.1)
    assert pace.limit == 4


def test_quick_batches_are_full_ones_again() -> None:
    pace = AdaptiveBatchSize(500)
    pace.shrink(4)
    most = []
    for _ in range(9):
        pace.record_duration(pace.limit, QUICK_BATCH_SECONDS - 0.1)
        most.append(pace.limit)
    assert most == [4, 8, 16, 32, 64, 128, 256, 500, 500]
    assert pace.is_at_full_size


def test_batch_size_stays_at_a_moderate_duration() -> None:
    pace = AdaptiveBatchSize(500)
    pace.shrink(100)
    pace.record_duration(50, (SLOW_BATCH_SECONDS + QUICK_BATCH_SECONDS) / 2)
    assert pace.limit == 50
