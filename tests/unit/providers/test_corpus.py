"""Our own bodies of every provider: signed, they are taken and become the expected leads; unsigned, they are not."""

from types import SimpleNamespace

import pytest

from shared.integrations.catalogue import PROVIDERS_BY_TYPE
from shared.integrations.providers import hubspot, linkedin, meta_lead_ads
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import CaseInsensitive, WebhookRequest
from tests.support import provider_signing
from tests.support.provider_corpus import (
    EXPECTED_FILE,
    WEBHOOK_CORPUS,
    CorpusBody,
    FetchedLead,
    corpus_bodies,
    corpus_types,
    described_event,
    expected_of,
    fetched_leads,
)
from tests.support.provider_requests import NOW, URL, refusal
from tests.support.provider_signing import CREDENTIALS, GOOGLE_KEY, sign_request

pytestmark = pytest.mark.unit

BODIES, FETCHED = list(corpus_bodies()), list(fetched_leads())
UNSIGNED_TYPES = ("elementor", "jotform", "unbounce")  # the address alone is their secret
# A secret in a header, in the body, or a signature of a token says nothing of the rest of the body.
SECRET_BESIDE_BODY = ("google_ads", "gravity_forms", "mailgun", "make", "microsoft_ads", "n8n", "telegram", "zapier")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures are made at the time of the requests."""
    monkeypatch.setattr(provider_signing, "time", SimpleNamespace(time=lambda: NOW))


def signed_request(one: CorpusBody) -> WebhookRequest:
    sent = sign_request(one.type, one.body, one.media_type, URL)
    return WebhookRequest("POST", URL + sent.query, CaseInsensitive({**sent.headers, **one.headers}), sent.body, NOW)


def refused(one: CorpusBody, request: WebhookRequest) -> bool:
    return refusal(PROVIDERS_BY_TYPE[one.type], request, CREDENTIALS[one.type]) != ""


def test_every_provider_has_bodies_and_every_file_its_expectation() -> None:
    assert set(corpus_types()) == PROVIDERS_BY_TYPE.keys()
    for type_ in corpus_types():
        expected = expected_of(type_)
        forms = {case["form"] for case in expected.get("fetched", {}).values() if "form" in case}
        named = {EXPECTED_FILE, *expected["bodies"], *expected.get("fetched", {}), *forms}
        assert {path.name for path in (WEBHOOK_CORPUS / type_).iterdir()} == named, type_
        leads = [event for one in BODIES if one.type == type_ for event in one.events if event["kind"] == "lead"]
        assert leads or any(one.type == type_ for one in FETCHED), type_


@pytest.mark.parametrize("one", BODIES, ids=str)
def test_a_signed_body_becomes_what_is_expected(one: CorpusBody) -> None:
    request = signed_request(one)
    assert not refused(one, request)
    events = PROVIDERS_BY_TYPE[one.type].read_items(request, CREDENTIALS[one.type])
    assert [described_event(one.type, event) for event in events] == list(one.events)


@pytest.mark.parametrize("one", [one for one in BODIES if one.type not in UNSIGNED_TYPES], ids=str)
def test_a_body_without_its_proof_is_refused(one: CorpusBody) -> None:
    body = one.body.replace(GOOGLE_KEY.encode(), b"another-key")
    assert refused(one, WebhookRequest("POST", URL, CaseInsensitive({"Content-Type": one.media_type}), body, NOW))


@pytest.mark.parametrize(
    "one", [one for one in BODIES if one.type not in (*UNSIGNED_TYPES, *SECRET_BESIDE_BODY)], ids=str
)
def test_a_body_that_was_changed_on_its_way_is_refused(one: CorpusBody) -> None:
    signed = signed_request(one)
    changed = signed.body[:-1] + bytes([signed.body[-1] ^ 1])
    assert refused(one, WebhookRequest("POST", signed.url, signed.headers, changed, NOW))


@pytest.mark.parametrize("one", FETCHED, ids=str)
def test_a_fetched_lead_becomes_what_is_expected(one: FetchedLead) -> None:
    assert described_event(one.type, event_of_fetched(one)) == one.event


def event_of_fetched(one: FetchedLead) -> SourceEvent:
    if one.type == "linkedin":
        return linkedin.lead_event_of(one.document, one.form)
    return hubspot.lead_event_of(one.document) if one.type == "hubspot" else meta_lead_ads.lead_event_of(one.document)


@pytest.mark.parametrize("type_", sorted({one.type for one in FETCHED}))
def test_a_body_announces_each_lead_that_is_fetched(type_: str) -> None:
    events = [event for one in BODIES if one.type == type_ for event in one.events]
    announced = {event["object_id"] for event in events if event["kind"] == "fetch"}
    assert {one.event["object_id"] for one in FETCHED if one.type == type_} <= announced


def test_expectations_name_people_of_ours_alone() -> None:
    """Addresses are in domains that nobody can own."""
    for one in BODIES:
        emails = [event["lead"]["email"] for event in one.events if "email" in event.get("lead", {})]
        assert all(email.endswith(".example") for email in emails), one
