"""Netlify: tokens are checked, and submissions of forms and functions are read."""

import base64
import hashlib
import hmac
import json

import pytest

from shared.integrations.providers import netlify
from shared.integrations.webhook_exchange import (
    SignatureRefused,
)
from tests.support.provider_requests import (
    read_one,
    request_of,
)

pytestmark = pytest.mark.unit


def netlify_token(body: bytes, header: dict[str, str], claims: dict[str, str]) -> str:
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in (header, {"sha256": hashlib.sha256(body).hexdigest(), **claims})
    ]
    digest = hmac.new(b"a-long-secret", b".".join(parts), "sha256").digest()
    return b".".join([*parts, base64.urlsafe_b64encode(digest).rstrip(b"=")]).decode()


@pytest.mark.parametrize(
    ("header", "claims", "is_accepted"),
    [
        ({"alg": "HS256"}, {"iss": "netlify"}, True),
        ({"alg": "none"}, {"iss": "netlify"}, False),
        ({"alg": "HS512"}, {"iss": "netlify"}, False),
        ({"alg": "HS256"}, {"iss": "other"}, False),
        ({"alg": "HS256"}, {"iss": "netlify", "sha256": "0" * 64}, False),
    ],
)
def test_a_netlify_token_must_be_of_netlify_and_of_this_body(
    header: dict[str, str], claims: dict[str, str], is_accepted: bool
) -> None:
    token = netlify_token(b"{}", header, claims)
    request = request_of(b"{}", headers={"X-Webhook-Signature": token})
    if is_accepted:
        netlify.PROVIDER.verify(request, {"jws_secret": "a-long-secret"})
    else:
        with pytest.raises(SignatureRefused, match="bad_signature"):
            netlify.PROVIDER.verify(request, {"jws_secret": "a-long-secret"})


def test_a_netlify_function_event_and_hidden_fields_are_read() -> None:
    event = read_one(
        netlify.PROVIDER,
        {
            "payload": {
                "id": 5,
                "email": "ada@example.com",
                "name": "Ada Example",
                "company": "Sample Ltd",
                "data": {
                    "cv": {"filename": "cv.pdf", "url": "https://files.example.com/cv.pdf", "size": 1},
                    "utm-source": "ads",
                    "bot-field": "",
                    "ip": "192.0.2.1",
                    "user_agent": "x",
                    "plan": "pro",
                },
                "human_fields": {"Plan": "pro"},
            }
        },
    )
    assert event.event_id == "5"
    assert event.lead == {
        "first_name": "Ada",
        "last_name": "Example",
        "email": "ada@example.com",
        "company": "Sample Ltd",
        "custom_fields": {"plan": "pro", "cv": "https://files.example.com/cv.pdf"},
    }
    assert event.attribution == {"utm_source": "ads", "provider_lead_id": "5"}
