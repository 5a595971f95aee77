"""`up` says of a broker that somebody else runs that no message will reach a worker."""

import pytest

from cli.external_stores import warn_of_unavailable_broker
from shared.platform.settings import Settings
from tests.support.commands import HOST, silent
from tests.support.tiers import first_in_tier

pytestmark = pytest.mark.integration


@pytest.mark.extended
@pytest.mark.parametrize("url", ["redis://:secret@{}:1/0", "amqp://u:secret@{}:1//", "rediss://:secret@{}:1/0"])
def test_missing_broker_is_reported_without_its_password(capfd: pytest.CaptureFixture[str], url: str) -> None:
    warn_of_unavailable_broker(Settings(broker_url=url.format(HOST)))
    said = capfd.readouterr().err
    assert "LEADHUB_BROKER_URL" in said
    assert "secret" not in said


@pytest.mark.extended
@pytest.mark.parametrize("url", first_in_tier("redis://{}:{}/0", "rediss://{}:{}/0", "amqp://u:p@{}:{}//"))
def test_silent_broker_does_not_delay_the_start(capfd: pytest.CaptureFixture[str], url: str) -> None:
    with silent() as port:
        warn_of_unavailable_broker(Settings(broker_url=url.format(HOST, port)))
    assert "LEADHUB_BROKER_URL" in capfd.readouterr().err
