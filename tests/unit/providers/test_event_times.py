"""Times of providers, in whatever notation, are read."""

from typing import Any

import pytest

from shared.integrations.reading.event_times import utc_time

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (1774688400, "2026-03-28T09:00:00+00:00"),
        ("1774688400000", "2026-03-28T09:00:00+00:00"),
        (1686182358881, "2023-06-07T23:59:18.881+00:00"),
        ("2015-02-28T08:49:14+0000", "2015-02-28T08:49:14+00:00"),
        ("2026-03-28T09:00:00+02:00", "2026-03-28T07:00:00+00:00"),
        ("2026-03-28 09:00:00", "2026-03-28T09:00:00+00:00"),
        (0, ""),
        ("", ""),
        ("yesterday", ""),
        (True, ""),
        (None, ""),
        (10**300, ""),
        (-5, ""),
    ],
)
def test_times_of_any_notation_are_in_utc(sent: Any, expected: str) -> None:
    assert utc_time(sent) == expected
