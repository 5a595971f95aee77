"""Form builders, page builders and schedulers: requests are verified, and whatever comes is read or unreadable."""

import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.integrations.providers import (
    gravity_forms,
)
from shared.integrations.webhook_exchange import FORM_MEDIA_TYPE, SignatureRefused, UnreadableBody
from tests.support.provider_requests import MULTIPART, NOW, URL, read, recorded_vectors, request_of, vector_request
from tests.support.provider_samples import FORM_PROVIDERS, change_document
from tests.support.wider_samples import cases_or_skip

pytestmark = pytest.mark.unit

CREDENTIALS = {
    "calendly": "signing_key",
    "gravity_forms": "header_secret",
    "netlify": "jws_secret",
    "tally": "signing_secret",
    "typeform": "secret",
    "webflow": "signing_secret",
    "wpforms": "secret",
}


def vectors() -> list[Any]:
    return [
        pytest.param(type_, vector, id=f"{type_}-{vector['name']}")
        for type_ in CREDENTIALS
        for vector in recorded_vectors("gravityforms" if type_ == "gravity_forms" else type_)
    ]


@pytest.mark.parametrize(("type_", "vector"), cases_or_skip(vectors(), 2))
def test_every_signature_is_judged_as_its_provider_would(type_: str, vector: dict[str, Any]) -> None:
    request = vector_request(vector)
    credentials = {CREDENTIALS[type_]: vector["secret"]} if vector["secret"] else {}
    if vector["expected"] == "invalid":
        with pytest.raises(SignatureRefused):
            FORM_PROVIDERS[type_].verify(request, credentials)
    else:
        FORM_PROVIDERS[type_].verify(request, credentials)


BROKEN_HEADERS = ["", "x", "t=,v1=", "t=a,v1=b,v=c", "...", "a.b.c", "sha256=", "t=1760000000,v1=é,v=é", "\udcff.é."]


@pytest.mark.parametrize("type_", sorted(CREDENTIALS))
@pytest.mark.parametrize("header", BROKEN_HEADERS)
def test_a_malformed_signature_is_refused(type_: str, header: str) -> None:
    names = (
        "Typeform-Signature Tally-Signature Calendly-Webhook-Signature X-Webflow-Signature X-Webflow-Timestamp "
        "X-WPForms-Webhook-Signature X-Webhook-Signature X-LeadHub-Secret"
    ).split()
    request = request_of(b"{}", headers=dict.fromkeys(names, header))
    with pytest.raises(SignatureRefused) as refused:
        FORM_PROVIDERS[type_].verify(request, {CREDENTIALS[type_]: "a-long-secret"})
    assert refused.value.reason in ("missing_signature", "bad_signature", "wrong_token")
    with pytest.raises(SignatureRefused, match="missing_signature"):
        FORM_PROVIDERS[type_].verify(request_of(b"{}"), {CREDENTIALS[type_]: "a-long-secret"})


@pytest.mark.parametrize("type_", ["webflow", "netlify", "gravity_forms", "jotform", "elementor", "unbounce"])
def test_unsigned_requests_are_accepted_without_a_secret(type_: str) -> None:
    FORM_PROVIDERS[type_].verify(request_of(b"{}"), {})


def test_an_old_signature_is_stale() -> None:
    time = b"1760000000"
    digest = hmac.new(b"key", time + b".{}", "sha256").hexdigest()
    for type_, name, header in (
        ("calendly", "Calendly-Webhook-Signature", f"t=1760000000,v1={digest}"),
        ("wpforms", "X-WPForms-Webhook-Signature", f"t=1760000000,v={digest}"),
    ):
        fresh = request_of(b"{}", headers={name: header}, now=1760000100)
        FORM_PROVIDERS[type_].verify(fresh, {CREDENTIALS[type_]: "key"})
        for now in (1760000301, 1759999699):
            with pytest.raises(SignatureRefused, match="stale"):
                FORM_PROVIDERS[type_].verify(
                    request_of(b"{}", headers={name: header}, now=now), {CREDENTIALS[type_]: "key"}
                )


def test_a_fixed_header_must_have_its_secret() -> None:
    credentials = {"header_secret": "a-long-secret"}
    gravity_forms.PROVIDER.verify(request_of(b"{}", headers={"x-leadhub-secret": "a-long-secret"}), credentials)
    with pytest.raises(SignatureRefused, match="wrong_token"):
        gravity_forms.PROVIDER.verify(request_of(b"{}", headers={"x-leadhub-secret": "guess"}), credentials)


@pytest.mark.parametrize(
    ("type_", "body"),
    [
        ("typeform", {"event_type": "form_response"}),
        ("tally", {"eventType": "FORM_RESPONSE", "data": []}),
        ("calendly", {"event": "invitee.created"}),
        ("calendly", {}),
        ("webflow", {"triggerType": "form_submission", "payload": {"data": "x"}}),
        ("netlify", {"id": "1"}),
        ("gravity_forms", {"status": "active"}),
        ("unbounce", {"data.json": "[]"}),
        *[(type_, []) for type_ in sorted(FORM_PROVIDERS)],
    ],
)
def test_a_body_of_another_form_is_unreadable(type_: str, body: Any) -> None:
    with pytest.raises(UnreadableBody):
        read(FORM_PROVIDERS[type_], body)


def known_bodies() -> list[tuple[str, Any]]:
    """Return bodies of every provider as JSON; those that are sent as a form may come as JSON too."""
    bodies: list[tuple[str, Any]] = []
    for type_, provider in FORM_PROVIDERS.items():
        request = provider.sample.to_request(URL, NOW)
        document = next(iter(provider.read(request, {}))).document
        bodies.append((type_, document))
    return bodies


@given(data=st.data())
def test_no_json_makes_a_reader_fail_otherwise(data: st.DataObject) -> None:
    type_, body = data.draw(st.sampled_from(known_bodies()))
    for _ in range(data.draw(st.integers(1, 3))):
        body = change_document(body, data)
    try:
        events = read(FORM_PROVIDERS[type_], body)
    except UnreadableBody:
        return
    assert all(event.event_id is None or event.event_id for event in events)
    json.dumps([[event.lead, event.attribution, event.document] for event in events])


@given(type_=st.sampled_from(sorted(FORM_PROVIDERS)), pairs=st.dictionaries(st.text(max_size=12), st.text(max_size=12)))
def test_no_form_makes_a_reader_fail_otherwise(type_: str, pairs: dict[str, str]) -> None:
    body = urlencode(pairs, errors="replace").encode()
    for media_type in (FORM_MEDIA_TYPE, MULTIPART, "", "text/plain"):
        try:
            read(FORM_PROVIDERS[type_], body, media_type=media_type)
        except UnreadableBody:
            continue
