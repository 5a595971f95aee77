"""Form builders, page builders and schedulers: recorded bodies become the leads that a person would read."""

import hashlib
from typing import Any

import pytest

from shared.integrations.webhook_exchange import (
    FORM_MEDIA_TYPE,
    JSON_MEDIA_TYPE,
)
from tests.support.provider_requests import NOW, URL, read_one, sample_body
from tests.support.provider_samples import FORM_PROVIDERS

pytestmark = pytest.mark.unit

JOTFORM_MULTIPART = "multipart/form-data; boundary=------------------------d74496d66958873e"
ADA = {"first_name": "Ada", "last_name": "Example", "email": "ada@example.com", "phone": "+16505550123"}


@pytest.mark.parametrize(
    ("type_", "file", "media_type", "event_id", "lead", "attribution"),
    [
        (
            "typeform",
            "typeform/lead_with_hidden_utm.json",
            JSON_MEDIA_TYPE,
            "madeuptoken0001",
            {**ADA, "company": "Example GmbH"},
            {
                "at": "2018-01-18T18:17:02+00:00",
                "form_id": "lT4Z3j",
                "provider_lead_id": "madeuptoken0001",
                "utm_source": "google",
                "utm_medium": "cpc",
                "utm_campaign": "q4",
            },
        ),
        (
            "tally",
            "tally/docs_example.json",
            JSON_MEDIA_TYPE,
            "2wgx4n",
            {
                "email": "alice@example.com",
                "phone": "+15550100199",
                "custom_fields": {
                    "text": "Hello",
                    "multiple_choice": "In progress",
                    "file_upload": ["https://storage.example.com/tally/Tally_Icon.png"],
                },
            },
            {"at": "2023-06-28T15:00:21+00:00", "form_id": "VwbNEw", "provider_lead_id": "2wgx4n"},
        ),
        (
            "jotform",
            "jotform/lead_name_email_phone.multipart",
            JOTFORM_MULTIPART,
            "5747236631235621087",
            {
                "first_name": "Johnny",
                "last_name": "Example",
                "email": "johnny@example.com",
                "phone": "(555) 010-0123",
                "company": "Example Ltd",
                "custom_fields": {"address": "1 Example Street, Springfield, IL, 62701", "how_did": ["Search"]},
            },
            {"form_id": "230000000000001", "provider_lead_id": "5747236631235621087"},
        ),
        (
            "calendly",
            "calendly/invitee_created.json",
            JSON_MEDIA_TYPE,
            "https://api.calendly.com/scheduled_events/AAAAAAAAAAAAAAAA/invitees/AAAAAAAAAAAAAAAA invitee.created",
            {
                "first_name": "John",
                "last_name": "Doe",
                "email": "test@example.com",
                "custom_fields": {
                    "meeting": "15 Minute Meeting",
                    "meeting_starts_at": "2019-08-24T14:15:22.123456Z",
                    "time_zone": "America/New_York",
                },
            },
            {
                "at": "2020-11-23T17:51:18.327+00:00",
                "form_id": "https://api.calendly.com/event_types/GBGBDCAADAEDCRZ2",
                "provider_lead_id": "https://api.calendly.com/scheduled_events/AAAAAAAAAAAAAAAA/invitees/AAAAAAAAAAAAAAAA",
            },
        ),
        (
            "webflow",
            "webflow/form_submission_docs.json",
            JSON_MEDIA_TYPE,
            "6321ca84df3949bfc6752327",
            {
                "first_name": "Zaphod",
                "last_name": "Beeblebrox",
                "email": "zaphod@example.com",
                "phone": "15550000000",
            },
            {
                "at": "2022-09-14T12:35:16.117+00:00",
                "form_id": "65429eadebe8a9f3a30f62d0",
                "provider_lead_id": "6321ca84df3949bfc6752327",
            },
        ),
        (
            "gravity_forms",
            "gravityforms/entry_all_fields_captured.json",
            JSON_MEDIA_TYPE,
            "1:3233",
            {
                "first_name": "Avery",
                "last_name": "Example",
                "email": "avery@example.com",
                "phone": "0555010029",
                "custom_fields": {
                    "field_12": "ZA",
                    "field_5": "Standard",
                    "field_6": "2026-02-19",
                    "field_7": "2026-02-21",
                    "field_8": "2",
                    "field_9": "0",
                },
            },
            {
                "at": "2026-02-06T13:31:59+00:00",
                "form_id": "1",
                "page_url": "https://www.example.com/contact/",
                "provider_lead_id": "3233",
            },
        ),
        (
            "wpforms",
            "wpforms/webhook_json.json",
            JSON_MEDIA_TYPE,
            None,
            {
                **ADA,
                "custom_fields": {"interests": ["Demo", "Pricing"], "date": "02/21/2026", "source": "Contact form"},
            },
            {},
        ),
        ("wpforms", "wpforms/webhook_form.form", FORM_MEDIA_TYPE, None, ADA, {}),
        (
            "elementor",
            "elementor/webhook_advanced_data.form",
            FORM_MEDIA_TYPE,
            None,
            {**ADA, "phone": "+1 650-555-0123", "notes": "Hello"},
            {"form_id": "c1d6fde", "page_url": "https://www.example.com/contact/"},
        ),
        (
            "elementor",
            "elementor/webhook_simple.form",
            FORM_MEDIA_TYPE,
            None,
            {**ADA, "phone": "+1 650-555-0123", "notes": "Hello"},
            {"form_id": "c1d6fde"},
        ),
        (
            "unbounce",
            "unbounce/form_post.form",
            FORM_MEDIA_TYPE,
            hashlib.sha256(
                b"a2838d98-4cf4-11df-a3fd-00163e372d58\ntest@example.com\n2023-06-06\n10:57 PM UTC"
            ).hexdigest(),
            {"first_name": "Ada", "last_name": "Example", "email": "test@example.com", "phone": "555-0123"},
            {
                "at": "2023-06-06T22:57:00+00:00",
                "form_id": "a2838d98-4cf4-11df-a3fd-00163e372d58",
                "page_url": "http://my-landing-page.example.com/",
                "utm_source": "google",
            },
        ),
        (
            "netlify",
            "netlify/form_submission.json",
            JSON_MEDIA_TYPE,
            "5ebc34bf4fea0b01f02efa3a",
            {**ADA, "notes": "Hello"},
            {
                "at": "2026-02-13T17:56:15.346+00:00",
                "form_id": "5ebc34bf4fea0b01f02efa38",
                "page_url": "https://site.example.com/contact?utm_source=google",
                "provider_lead_id": "5ebc34bf4fea0b01f02efa3a",
                "utm_source": "google",
            },
        ),
    ],
)
def test_a_known_body_becomes_the_lead_that_a_person_would_read(
    type_: str,
    file: str,
    media_type: str,
    event_id: str | None,
    lead: dict[str, Any],
    attribution: dict[str, Any],
) -> None:
    event = read_one(FORM_PROVIDERS[type_], sample_body(file), media_type=media_type)
    assert event.kind == "lead"
    assert event.event_id == event_id
    assert event.lead == lead
    assert event.attribution == attribution
    assert isinstance(event.document, dict)


@pytest.mark.parametrize("type_", sorted(FORM_PROVIDERS))
def test_the_made_up_sample_shows_a_whole_person(type_: str) -> None:
    provider = FORM_PROVIDERS[type_]
    [event] = provider.read(provider.sample.to_request(URL, NOW), {})
    expected = {"first_name": "Sam", "last_name": "Sample", "email": "sam@example.com", "phone": "+14155550123"}
    assert {name: event.lead.get(name) for name in expected} == expected
    assert event.lead["custom_fields"]
    assert event.attribution["utm_source"] == "newsletter"
