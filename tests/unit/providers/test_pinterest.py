"""Pinterest: leads are decrypted and read."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.integrations.providers import pinterest
from shared.integrations.webhook_exchange import (
    UnreadableBody,
)
from tests.support.provider_requests import (
    read,
    refusal,
    request_of,
)
from tests.support.provider_samples import PINTEREST_KEY

pytestmark = pytest.mark.unit

PINTEREST_LEAD = {
    "lead_id": "l-1",
    "created_time": 1774688400,
    "answers": [
        {"question_type": "FULL_NAME", "answer": "Ada Lovelace"},
        {"question_type": "EMAIL", "answer": "ada@example.com"},
        {"question_type": "ZIP_CODE", "answer": "94105"},
        {"question_type": "CUSTOM", "custom_question_label": "Favourite animal?", "answer": ["Cat", "Dog"]},
    ],
}
NONCE = b"0123456789ab"


def seal(value: Any, key: bytes = base64.b64decode(PINTEREST_KEY)) -> bytes:
    return AESGCM(key).encrypt(NONCE, json.dumps(value).encode(), None)


def pinterest_bodies() -> dict[str, Any]:
    sealed = seal(PINTEREST_LEAD)
    whole = base64.b64encode(NONCE + sealed).decode()
    ids = {"advertiser_id": "11", "lead_form_id": "22", "ad_id": "33", "campaign_id": "44"}
    return {
        "bytes": NONCE + sealed,
        "base64": whole.encode(),
        "text": whole,
        "member": [{**ids, "lead_id": "l-1", "encrypted_data": whole}],
        "parts": {
            **ids,
            "iv": base64.b64encode(NONCE).decode(),
            "ciphertext": base64.urlsafe_b64encode(sealed[:-16]).decode().rstrip("="),
            "tag": base64.b64encode(sealed[-16:]).decode(),
        },
    }


@pytest.mark.parametrize("form", pinterest_bodies())
def test_pinterest_lead_is_decrypted_from_the_usual_envelopes(form: str) -> None:
    request = request_of(pinterest_bodies()[form])
    pinterest.PROVIDER.verify(request, {"cryptographic_key": PINTEREST_KEY})
    [event] = pinterest.PROVIDER.read(request, {"cryptographic_key": PINTEREST_KEY})
    assert event.event_id == "l-1"
    assert event.lead == {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@example.com",
        "custom_fields": {"zip_code": "94105", "favourite_animal": ["Cat", "Dog"]},
    }
    assert event.attribution["at"] == "2026-03-28T09:00:00+00:00"
    if form in ("member", "parts"):
        assert event.account_id == "11"
        assert event.attribution == {
            "at": "2026-03-28T09:00:00+00:00",
            "platform": "pinterest",
            "provider_lead_id": "l-1",
            "form_id": "22",
            "ad_id": "33",
            "campaign_id": "44",
        }


def test_pinterest_takes_nothing_that_the_key_does_not_authenticate() -> None:
    credentials = {"cryptographic_key": PINTEREST_KEY}
    forged = base64.b64encode(NONCE + seal(PINTEREST_LEAD, bytes(32))).decode()
    for body in (PINTEREST_LEAD, [PINTEREST_LEAD], forged, {"data": forged}, {"iv": "", "data": "AAAA"}, b"\xff" * 40):
        assert refusal(pinterest.PROVIDER, request_of(body), credentials) == "bad_signature"
    assert refusal(pinterest.PROVIDER, request_of(b""), credentials) == "missing_signature"
    assert refusal(pinterest.PROVIDER, request_of(b"x"), {"cryptographic_key": "no key"}) == "bad_signature"
    mixed = [{"data": base64.b64encode(NONCE + seal(PINTEREST_LEAD)).decode()}, {"EMAIL": "eve@example.com"}]
    pinterest.PROVIDER.verify(request_of(mixed), credentials)
    assert [event.kind for event in read(pinterest.PROVIDER, mixed, credentials=credentials)] == ["lead", "ignored"]


def test_pinterest_without_key_reads_plain_leads() -> None:
    pinterest.PROVIDER.verify(request_of([]), {})
    first, second = read(
        pinterest.PROVIDER,
        [PINTEREST_LEAD, {"lead_data": {"FIRST_NAME": "Ada", "Email": "a@example.com"}, "utm_term": "x"}],
    )
    assert first.event_id == "l-1"
    assert second.lead == {"first_name": "Ada", "email": "a@example.com"}
    assert second.attribution["utm_term"] == "x"
    with pytest.raises(UnreadableBody):
        read(pinterest.PROVIDER, [])
