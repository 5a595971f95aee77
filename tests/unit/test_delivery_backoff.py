"""When a delivery is tried again, and how a receiver's circuit opens and closes."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workers.deliveries.backoff import LONGEST_WISH, PAUSES, TRIES, pause, wish
from services.workers.deliveries.circuits import FIRST_SLOTS, LONGEST, MOST_SLOTS, OPENS_AFTER, SHORTEST, Circuit

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 28, 9, 15, tzinfo=UTC)
draws = st.floats(0, 1)


@given(st.integers(1, TRIES - 1), draws)
def test_a_pause_is_within_a_fifth_of_the_schedule(tries: int, draw: float) -> None:
    found = pause(tries, None, draw)
    assert found is not None
    assert 0.8 * PAUSES[tries - 1] < found < 1.2 * PAUSES[tries - 1]


def test_pauses_grow_over_about_a_day_and_end() -> None:
    assert list(PAUSES) == sorted(PAUSES)
    assert timedelta(hours=20) < timedelta(seconds=sum(PAUSES)) < timedelta(hours=28)
    assert pause(TRIES, None) is None
    assert pause(TRIES, 5.0) is None


@given(st.integers(1, TRIES - 1), st.floats(0, LONGEST_WISH), draws)
def test_a_wish_is_never_undercut(tries: int, wished: float, draw: float) -> None:
    found, plain = pause(tries, wished, draw), pause(tries, None, draw)
    assert found is not None
    assert plain is not None
    assert found >= max(wished, plain)
    assert found <= max(plain, wished * 1.2)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("99999999999999999999", LONGEST_WISH),
        ("1" * 5000, LONGEST_WISH),
        (format_datetime(NOW + timedelta(minutes=3), usegmt=True), 180),
        (format_datetime(NOW - timedelta(minutes=3), usegmt=True), 0),
        (format_datetime(NOW + timedelta(days=3), usegmt=True), LONGEST_WISH),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(header: str, seconds: float) -> None:
    assert wish(header, None, NOW) == seconds


def test_a_date_is_counted_from_the_answers_own_clock() -> None:
    theirs = NOW + timedelta(hours=2)
    then = format_datetime(theirs + timedelta(seconds=90), usegmt=True)
    assert wish(then, format_datetime(theirs, usegmt=True), NOW) == 90


@given(st.one_of(st.none(), st.text()), st.one_of(st.none(), st.text()))
def test_any_header_is_read_without_an_error(header: str | None, date: str | None) -> None:
    found = wish(header, date, NOW)
    assert found is None or 0 <= found <= LONGEST_WISH


def test_a_circuit_opens_after_failures_in_a_row_and_closes_with_a_success() -> None:
    circuit = Circuit()
    for _ in range(OPENS_AFTER - 1):
        circuit = circuit.failed()
        assert circuit.open_for is None
    circuit = circuit.failed(draw=0.5)
    assert circuit.open_for == SHORTEST
    assert circuit.slots == 1
    assert circuit.succeeded() == Circuit(0, 2, None)


@given(st.integers(0, 60), draws)
def test_an_open_circuit_stays_open_longer_and_longer_but_never_for_long(more: int, draw: float) -> None:
    circuit = Circuit()
    for _ in range(OPENS_AFTER + more):
        before, circuit = circuit, circuit.failed(draw=draw)
    assert circuit.open_for is not None
    assert SHORTEST * 0.9 <= circuit.open_for <= LONGEST * 1.1
    assert circuit.open_for >= (before.open_for or 0)


@given(st.lists(st.booleans(), max_size=50))
def test_what_is_under_way_stays_within_its_bounds(results: list[bool]) -> None:
    circuit = Circuit()
    for well in results:
        circuit = circuit.succeeded() if well else circuit.failed()
        assert 1 <= circuit.slots <= MOST_SLOTS
    assert Circuit().slots == FIRST_SLOTS


def test_a_receiver_that_asks_to_be_left_alone_is() -> None:
    assert Circuit().failed(wish=500).open_for == 500


@given(st.integers(0, OPENS_AFTER + 20), st.floats(0, LONGEST_WISH), draws)
def test_the_wish_of_one_answer_never_holds_up_all_others_for_long(failures: int, wished: float, draw: float) -> None:
    found = Circuit(failures).failed(wished, draw).open_for
    assert found is not None
    assert found <= LONGEST * 1.1
