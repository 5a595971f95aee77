"""Rests of automations: as long as their rounds say, but not after a round in which the machine stood still."""

import pytest

from services.workers.automations.engine import MAX_REST_SECONDS, REST_ROUNDS, exhausted_rest_seconds
from services.workers.ingest.drain import (
    AUTOMATIONS_REST_FACTOR,
    MAX_AUTOMATIONS_REST_SECONDS,
    automations_rest_seconds,
)

pytestmark = pytest.mark.unit


def test_rests_have_an_end() -> None:
    assert automations_rest_seconds(0.01) == pytest.approx(AUTOMATIONS_REST_FACTOR * 0.01)
    assert automations_rest_seconds(3600) == MAX_AUTOMATIONS_REST_SECONDS
    assert exhausted_rest_seconds(0.1) == pytest.approx(REST_ROUNDS * 0.1)
    assert exhausted_rest_seconds(3600) == MAX_REST_SECONDS
