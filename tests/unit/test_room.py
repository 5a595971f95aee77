"""Room for bodies under way: shares that no workspace can take from the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.web.room import Room

pytestmark = pytest.mark.unit

SIZE = 1_000


def fill(room: Room, who: int) -> int:
    """What one workspace gets, byte by byte."""
    got = 0
    while room.take(who, 1):
        got += 1
    return got


def test_one_alone_fills_half_of_it_and_the_next_half_of_the_rest() -> None:
    room = Room(SIZE)
    assert [fill(room, who) for who in (1, 2, 1, 3)] == [500, 250, 0, 125]


def test_two_that_come_together_fill_a_third_each() -> None:
    room = Room(SIZE)
    while room.take(1, 1) | room.take(2, 1):
        pass
    assert room.held == 666


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 400), st.booleans()), max_size=50))
def test_it_is_never_full_and_gets_back_what_it_gave(steps: list[tuple[int, int, bool]]) -> None:
    room, taken = Room(SIZE), []
    for who, size, is_kept in steps:
        if room.take(who, size):
            assert room.held < SIZE
            if is_kept:
                taken.append((who, size))
            else:
                room.give_back(who, size)
    for who, size in taken:
        room.give_back(who, size)
    assert (room.held, fill(room, 1)) == (0, SIZE // 2)
