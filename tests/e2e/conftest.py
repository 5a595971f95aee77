"""Fixtures of the tests that start the whole service."""

from collections.abc import Iterator

import pytest

from shared.platform.data_dir import free_port
from tests.support.external import scratch_database
from tests.support.receivers import MailServer
from tests.support.stack import Stack, running_stack


@pytest.fixture
def external_database() -> Iterator[str]:
    """A scratch database on the machine's PostgreSQL."""
    with scratch_database() as url:
        yield url


@pytest.fixture(scope="module")
def mail_server() -> Iterator[MailServer]:
    with MailServer() as found:
        yield found


@pytest.fixture(scope="module")
def mailing_stack(tmp_path_factory: pytest.TempPathFactory, mail_server: MailServer) -> Iterator[Stack]:
    """A LeadHub that sends its mails to `mail_server`, and whose text messages reach nobody."""
    mail = {
        "LEADHUB_SMTP_URL": f"smtp://127.0.0.1:{mail_server.port}",
        "LEADHUB_MAIL_FROM": "us@example.com",
        "LEADHUB_TWILIO_URL": f"http://127.0.0.1:{free_port('127.0.0.1')}",
    }
    with running_stack(tmp_path_factory.mktemp("mailing"), mail) as found:
        yield found
