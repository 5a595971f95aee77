"""When a delivery is tried again, and how a receiver's circuit opens and closes."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workers.deliveries.backoff import (
    MAX_DELIVERY_ATTEMPTS,
    RETRY_DELAYS_SECONDS,
    retry_delay,
)
from services.workers.deliveries.circuits import (
    FAILURES_UNTIL_OPEN,
    INITIAL_SLOTS,
    MAX_OPEN_SECONDS,
    MAX_SLOTS,
    MIN_OPEN_SECONDS,
    Circuit,
)
from shared.outbound.retry_after import MAX_RETRY_AFTER_SECONDS, parse_retry_after

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 28, 9, 15, tzinfo=UTC)
draws = st.floats(0, 1)


@given(st.integers(1, MAX_DELIVERY_ATTEMPTS - 1), draws)
def test_a_pause_is_within_a_fifth_of_the_schedule(tries: int, draw: float) -> None:
    found = retry_delay(tries, None, draw)
    assert found is not None
    assert 0.8 * RETRY_DELAYS_SECONDS[tries - 1] < found < 1.2 * RETRY_DELAYS_SECONDS[tries - 1]


def test_pauses_grow_over_about_a_day_and_end() -> None:
    assert list(RETRY_DELAYS_SECONDS) == sorted(RETRY_DELAYS_SECONDS)
    assert timedelta(hours=20) < timedelta(seconds=sum(RETRY_DELAYS_SECONDS)) < timedelta(hours=28)
    assert retry_delay(MAX_DELIVERY_ATTEMPTS, None) is None
    assert retry_delay(MAX_DELIVERY_ATTEMPTS, 5.0) is None


@given(st.integers(1, MAX_DELIVERY_ATTEMPTS - 1), st.floats(0, MAX_RETRY_AFTER_SECONDS), draws)
def test_a_wish_is_never_undercut(tries: int, wished: float, draw: float) -> None:
    found, plain = retry_delay(tries, wished, draw), retry_delay(tries, None, draw)
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
        ("99999999999999999999", MAX_RETRY_AFTER_SECONDS),
        ("1" * 5000, MAX_RETRY_AFTER_SECONDS),
        (format_datetime(NOW + timedelta(minutes=3), usegmt=True), 180),
        (format_datetime(NOW - timedelta(minutes=3), usegmt=True), 0),
        (format_datetime(NOW + timedelta(days=3), usegmt=True), MAX_RETRY_AFTER_SECONDS),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(header: str, seconds: float) -> None:
    assert parse_retry_after(header, None, NOW) == seconds


def test_a_date_is_counted_from_the_answers_own_clock() -> None:
    theirs = NOW + timedelta(hours=2)
    then = format_datetime(theirs + timedelta(seconds=90), usegmt=True)
    assert parse_retry_after(then, format_datetime(theirs, usegmt=True), NOW) == 90


@given(st.one_of(st.none(), st.text()), st.one_of(st.none(), st.text()))
def test_any_header_is_read_without_an_error(header: str | None, date: str | None) -> None:
    found = parse_retry_after(header, date, NOW)
    assert found is None or 0 <= found <= MAX_RETRY_AFTER_SECONDS


def test_a_circuit_opens_after_failures_in_a_row_and_closes_with_a_success() -> None:
    circuit = Circuit()
    for _ in range(FAILURES_UNTIL_OPEN - 1):
        circuit = circuit.after_failure()
        assert circuit.open_for is None
    circuit = circuit.after_failure(draw=0.5)
    assert circuit.open_for == MIN_OPEN_SECONDS
    assert circuit.slots == 1
    assert circuit.after_success() == Circuit(0, 2, None)


@given(st.integers(0, 60), draws)
def test_an_open_circuit_stays_open_longer_and_longer_but_never_for_long(more: int, draw: float) -> None:
    circuit = Circuit()
    for _ in range(FAILURES_UNTIL_OPEN + more):
        before, circuit = circuit, circuit.after_failure(draw=draw)
    assert circuit.open_for is not None
    assert MIN_OPEN_SECONDS * 0.9 <= circuit.open_for <= MAX_OPEN_SECONDS * 1.1
    assert circuit.open_for >= (before.open_for or 0)


@given(st.lists(st.booleans(), max_size=50))
def test_circuit_slots_stay_within_bounds(results: list[bool]) -> None:
    circuit = Circuit()
    for well in results:
        circuit = circuit.after_success() if well else circuit.after_failure()
        assert 1 <= circuit.slots <= MAX_SLOTS
    assert Circuit().slots == INITIAL_SLOTS


def test_a_receiver_that_asks_to_be_left_alone_is() -> None:
    assert Circuit().after_failure(retry_after=500).open_for == 500


@given(st.integers(0, FAILURES_UNTIL_OPEN + 20), st.floats(0, MAX_RETRY_AFTER_SECONDS), draws)
def test_the_wish_of_one_answer_never_holds_up_all_others_for_long(failures: int, wished: float, draw: float) -> None:
    found = Circuit(failures).after_failure(wished, draw).open_for
    assert found is not None
    assert found <= MAX_OPEN_SECONDS * 1.1
