"""How much a batch may hold."""

import pytest

from services.workers.pace import QUICK, SLOW, Pace

pytestmark = pytest.mark.unit


def test_a_slow_batch_halves_the_next_down_to_one_lead() -> None:
    pace = Pace(500)
    most = []
    for _ in range(10):
        pace.took(pace.most, SLOW + 0.1)
        most.append(pace.most)
    assert most == [250, 125, 62, 31, 15, 7, 3, 1, 1, 1]
    assert not pace.is_full


def test_a_small_batch_that_was_slow_is_half_of_itself() -> None:
    pace = Pace(500)
    pace.took(8, SLOW + 0.1)
    assert pace.most == 4


def test_quick_batches_are_full_ones_again() -> None:
    pace = Pace(500)
    pace.was_too_much(4)
    most = []
    for _ in range(9):
        pace.took(pace.most, QUICK - 0.1)
        most.append(pace.most)
    assert most == [4, 8, 16, 32, 64, 128, 256, 500, 500]
    assert pace.is_full


def test_what_is_neither_slow_nor_quick_stays() -> None:
    pace = Pace(500)
    pace.was_too_much(100)
    pace.took(50, (SLOW + QUICK) / 2)
    assert pace.most == 50
