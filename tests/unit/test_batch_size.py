"""What is taken at once is bounded by leads and by bytes."""

import pytest

from services.workers.batches.adaptive_batch_size import FULL_BATCH_SIZE, AdaptiveBatchSize
from shared.intake.journal import MAX_ROW_BYTES, MAX_ROW_SUBMISSIONS, chunk_by_size

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("sizes", "rows"),
    [
        ([], []),
        ([1], [1]),
        ([1] * MAX_ROW_SUBMISSIONS, [MAX_ROW_SUBMISSIONS]),
        ([1] * (2 * MAX_ROW_SUBMISSIONS + 1), [MAX_ROW_SUBMISSIONS, MAX_ROW_SUBMISSIONS, 1]),
        ([MAX_ROW_BYTES], [1]),
        ([MAX_ROW_BYTES * 3], [1]),  # one alone is never refused
        ([MAX_ROW_BYTES * 3, 1, MAX_ROW_BYTES * 3, 1], [1, 1, 1, 1]),
        ([MAX_ROW_BYTES - 1, 1, 1, MAX_ROW_BYTES], [2, 1, 1]),
        ([MAX_ROW_BYTES // 4] * 9, [4, 4, 1]),
    ],
)
def test_a_row_is_bounded_by_leads_and_by_bytes(sizes: list[int], rows: list[int]) -> None:
    parts = list(chunk_by_size(sizes, int))
    assert [len(part) for part in parts] == rows
    assert [size for part in parts for size in part] == sizes


def test_batches_become_smaller_while_they_take_long_and_full_again_when_they_do_not() -> None:
    pace = AdaptiveBatchSize()
    pace.record_duration(FULL_BATCH_SIZE, 1.9)
    assert pace.is_at_full_size
    pace.record_duration(60, 2.1)
    assert pace.limit == 30
    pace.shrink(30)
    assert pace.limit == 15
    pace.record_duration(15, 1.0)  # just right
    assert pace.limit == 15
    for _ in range(5):
        pace.shrink(pace.limit)
    assert pace.limit == 1
    for _ in range(9):
        pace.record_duration(1, 0.1)
    assert pace.is_at_full_size
