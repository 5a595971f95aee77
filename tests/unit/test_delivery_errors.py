"""Why a delivery failed, in the reader's language: sentences of the workers, and what a receiver said."""

import pytest

from services.console.web.delivery_errors import delivery_error, own_error
from services.console.web.translations import load_languages
from services.workers.deliveries import http_client, prepare, smtp_client

ARABIC = load_languages()["ar"].translations.gettext
NUMBERS = ("503", "#", "64", "20")
WORKERS_SENTENCES = (
    *(text for _, text in http_client.MESSAGES_BY_ERROR),
    http_client.ADDRESS_BLOCKED_MESSAGE,
    http_client.INVALID_ADDRESS_MESSAGE,
    http_client.DOCUMENT_TOO_LARGE_MESSAGE.format(kilobytes=64),
    prepare.OTHER_ADDRESS_MESSAGE,
    smtp_client.MAIL_REFUSED_MESSAGE,
    smtp_client.TIMED_OUT_MESSAGE,
    smtp_client.TLS_WANTED_MESSAGE,
    smtp_client.UNREACHABLE_MESSAGE,
    "The receiver answered 503.",
    "The receiver answered #.",  # as the title of a cause has it
)


@pytest.mark.parametrize("text", WORKERS_SENTENCES)
def test_a_sentence_of_the_workers_is_in_the_readers_language(text: str) -> None:
    assert own_error(text, str) == text
    translated = delivery_error(text, ARABIC)
    assert translated != text
    assert "%" not in translated
    assert [each in translated for each in NUMBERS] == [each in text for each in NUMBERS]


@pytest.mark.parametrize("text", ["", "450 mailbox busy", "The receiver answered 503. And more", "100%(n)s", "50 %"])
def test_a_text_of_a_receiver_stays_as_it_came(text: str) -> None:
    assert (own_error(text, ARABIC), delivery_error(text, ARABIC)) == ("", text)
