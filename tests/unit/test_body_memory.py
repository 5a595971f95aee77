"""Room for bodies under way: shares that no workspace can take from the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.platform.web.body_memory import BodyMemory

pytestmark = pytest.mark.unit

SIZE = 1_000


def fill(room: BodyMemory, who: int) -> int:
    """What one workspace gets, byte by byte."""
    got = 0
    while room.try_reserve(who, 1):
        got += 1
    return got


def test_workspace_may_hold_half_of_the_free_body_memory() -> None:
    room = BodyMemory(SIZE)
    assert [fill(room, who) for who in (1, 2, 1, 3)] == [500, 250, 0, 125]


def test_two_that_come_together_fill_a_third_each() -> None:
    room = BodyMemory(SIZE)
    while room.try_reserve(1, 1) | room.try_reserve(2, 1):
        pass
    assert room.held_bytes == 666


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 400), st.booleans()), max_size=50))
def test_body_memory_is_never_exhausted_and_is_released(steps: list[tuple[int, int, bool]]) -> None:
    room, taken = BodyMemory(SIZE), []
    for who, size, is_kept in steps:
        if room.try_reserve(who, size):
            assert room.held_bytes < SIZE
            if is_kept:
                taken.append((who, size))
            else:
                room.release_bytes(who, size)
    for who, size in taken:
        room.release_bytes(who, size)
    assert (room.held_bytes, fill(room, 1)) == (0, SIZE // 2)
