"""What is set in the pool's library, which has no argument for it."""

import pytest
from psycopg_pool.base import AttemptWithBackoff

import shared.platform.db.connections  # noqa: F401  # sets it

pytestmark = pytest.mark.unit


def test_a_database_that_is_away_is_looked_for_five_times_a_second() -> None:
    attempt = AttemptWithBackoff(timeout=5)
    waits = []
    for now in (0.0, 0.2, 0.4, 0.6):
        attempt.update_delay(now)
        waits.append(attempt.delay)
    assert all(0.1 < wait <= 0.3 for wait in waits)
