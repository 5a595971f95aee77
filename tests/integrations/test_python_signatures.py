"""The Python client's check of webhooks: what Standard Webhooks' own library signs is known, all else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadhub_client import InvalidWebhook, verify_webhook
from tests.integrations.signed_messages import (
    DEEP_BODY,
    MESSAGES,
    NOW,
    RIGHT,
    SECRET,
    SignedMessage,
    signature_of,
    signed_headers,
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_a_message_is_known_or_refused(message: SignedMessage) -> None:
    def verify() -> str:
        return verify_webhook(message.headers, message.body.encode(), message.secret, now=NOW)["event"]

    if message.refusal is None:
        assert verify() == "lead.created"
    else:
        with pytest.raises(InvalidWebhook, match=message.refusal.replace(".", r"\.")):
            verify()


def test_body_of_endless_depth_is_refused() -> None:
    """Only who has the secret can sign one, but it must not end the program."""
    with pytest.raises(InvalidWebhook, match="not JSON"):
        verify_webhook(signed_headers(signature_of(SECRET, body=DEEP_BODY)), DEEP_BODY, SECRET, now=NOW)


@given(st.binary())
def test_no_other_body_passes(body: bytes) -> None:
    with pytest.raises(InvalidWebhook):
        verify_webhook(RIGHT, body, SECRET, now=NOW)


@given(st.text(), st.text(), st.text())
def test_no_header_makes_it_fail_otherwise(id_: str, time: str, signature: str) -> None:
    headers = {"webhook-id": id_, "webhook-timestamp": time, "webhook-signature": signature}
    with pytest.raises(InvalidWebhook):
        verify_webhook(headers, b"{}", SECRET, now=NOW)
