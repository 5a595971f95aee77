"""Fixtures of the tests that start the whole service."""

from collections.abc import Iterator

import pytest

from tests.support.external import scratch_database


@pytest.fixture
def external_database() -> Iterator[str]:
    """A scratch database on the machine's PostgreSQL."""
    with scratch_database() as url:
        yield url
