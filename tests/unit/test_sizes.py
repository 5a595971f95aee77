"""What is taken at once is bounded by leads and by bytes."""

import pytest

from services.workers.pace import FULL, Pace
from shared.journal import MOST, MOST_BYTES, cut

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("sizes", "rows"),
    [
        ([], []),
        ([1], [1]),
        ([1] * MOST, [MOST]),
        ([1] * (2 * MOST + 1), [MOST, MOST, 1]),
        ([MOST_BYTES], [1]),
        ([MOST_BYTES * 3], [1]),  # one alone is never refused
        ([MOST_BYTES * 3, 1, MOST_BYTES * 3, 1], [1, 1, 1, 1]),
        ([MOST_BYTES - 1, 1, 1, MOST_BYTES], [2, 1, 1]),
        ([MOST_BYTES // 4] * 9, [4, 4, 1]),
    ],
)
def test_a_row_is_bounded_by_leads_and_by_bytes(sizes: list[int], rows: list[int]) -> None:
    parts = list(cut(sizes, int))
    assert [len(part) for part in parts] == rows
    assert [size for part in parts for size in part] == sizes


def test_batches_become_smaller_while_they_take_long_and_full_again_when_they_do_not() -> None:
    pace = Pace()
    pace.took(FULL, 1.9)
    assert pace.is_full
    pace.took(60, 2.1)
    assert pace.most == 30
    pace.was_too_much(30)
    assert pace.most == 15
    pace.took(15, 1.0)  # just right
    assert pace.most == 15
    for _ in range(5):
        pace.was_too_much(pace.most)
    assert pace.most == 1
    for _ in range(9):
        pace.took(1, 0.1)
    assert pace.is_full
