"""Advertising platforms: requests are verified, whatever comes is read or unreadable, and samples show a person."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.integrations.provider import Provider
from shared.integrations.providers import (
    google_ads,
    linkedin,
    meta_lead_ads,
    microsoft_ads,
    pinterest,
    snapchat,
    tiktok,
)
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import SignatureRefused, UnreadableBody
from tests.support.fetched_leads import LINKEDIN_RESPONSE, META_LEAD
from tests.support.provider_requests import NOW, SECRET, URL, recorded_vectors, request_of, vector_request
from tests.support.provider_samples import JSON_VALUES, PINTEREST_KEY, change_document
from tests.support.wider_samples import cases_or_skip

pytestmark = pytest.mark.unit

PROVIDERS_BY_FOLDER = {
    "meta": meta_lead_ads.PROVIDER,
    "google_ads": google_ads.PROVIDER,
    "linkedin": linkedin.PROVIDER,
    "tiktok": tiktok.PROVIDER,
    "snapchat": snapchat.PROVIDER,
    "pinterest": pinterest.PROVIDER,
    "microsoft_ads": microsoft_ads.PROVIDER,
}


def credentials_with(provider: Provider, secret: str) -> dict[str, str]:
    return {field.key: secret for field in provider.type.fields}


def load_vectors() -> list[Any]:
    return [
        pytest.param(provider, vector, id=f"{name}-{vector['name']}")
        for name, provider in PROVIDERS_BY_FOLDER.items()
        for vector in recorded_vectors(name)
    ]


@pytest.mark.parametrize(("provider", "vector"), cases_or_skip(load_vectors(), 2))
def test_every_vector_is_accepted_or_refused_as_marked(provider: Provider, vector: dict[str, Any]) -> None:
    request = vector_request(vector)
    credentials = credentials_with(provider, vector["secret"])
    is_handshake = provider.answer_handshake is not None and provider.is_handshake(request)
    check = provider.answer_handshake if is_handshake else provider.verify
    assert check is not None
    if vector["expected"] != "valid":
        with pytest.raises(SignatureRefused):
            check(request, credentials)
        return
    answer = check(request, credentials)
    if answer is not None:
        expected = vector["response"]
        assert (answer.status, answer.media_type) == (expected["status"], expected["content_type"])
        assert (
            json.loads(answer.body) == expected["json"]
            if "json" in expected
            else answer.body.decode() == expected["body"]
        )


@pytest.mark.parametrize("name", PROVIDERS_BY_FOLDER)
def test_sample_of_the_type_is_read(name: str) -> None:
    provider = PROVIDERS_BY_FOLDER[name]
    [event] = provider.read(provider.sample.to_request(URL, NOW), {})
    if name == "meta":
        event = meta_lead_ads.lead_event_of(META_LEAD)
    if name == "linkedin":
        event = linkedin.lead_event_of(LINKEDIN_RESPONSE)
    lead = dict(event.lead)
    assert {name: lead.get(name) for name in ("first_name", "last_name", "email", "phone")} == {
        "first_name": "Sam",
        "last_name": "Sample",
        "email": "sam@example.com",
        "phone": "+14155550123",
    }
    assert "Solar panels" in lead["custom_fields"].values()
    assert {"utm_source", "utm_campaign"} & event.attribution.keys()
    assert event.kind == "lead"
    assert not event.is_test


DOCUMENTS = [
    *(json.loads(provider.sample.body) for provider in PROVIDERS_BY_FOLDER.values()),
    dict(META_LEAD),
    LINKEDIN_RESPONSE,
]


def read_everywhere(document: Any) -> None:
    body = json.dumps(document).encode(errors="surrogatepass")
    for provider in PROVIDERS_BY_FOLDER.values():
        for credentials in ({}, credentials_with(provider, PINTEREST_KEY)):
            request = request_of(body)
            try:
                events = list(provider.read(request, credentials))
            except UnreadableBody:
                continue
            assert all(isinstance(event, SourceEvent) for event in events)
            json.dumps([[dict(event.lead), event.attribution] for event in events])
    meta_lead_ads.lead_event_of(document)
    linkedin.lead_event_of(document)
    linkedin.lead_event_of(LINKEDIN_RESPONSE, document)


@given(JSON_VALUES)
def test_any_json_is_read_or_unreadable(document: Any) -> None:
    read_everywhere(document)


@given(st.data())
def test_any_change_of_a_sample_is_read_or_unreadable(data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(DOCUMENTS))
    for _ in range(data.draw(st.integers(1, 3))):
        document = change_document(document, data)
    read_everywhere(document)


@given(st.binary(max_size=80), st.text(max_size=30), st.sampled_from([*PROVIDERS_BY_FOLDER]))
def test_strange_bodies_and_headers_are_refused_and_never_fail(body: bytes, header: str, name: str) -> None:
    provider = PROVIDERS_BY_FOLDER[name]
    names = "X-Hub-Signature-256 X-LI-Signature X-Open-Signature TikTok-Signature signature t X-LeadHub-Secret"
    request = request_of(body, dict.fromkeys(names.split(), header))
    with pytest.raises(SignatureRefused):
        provider.verify(request, credentials_with(provider, SECRET))
