"""Google Ads: lead forms are read, and test data is known by its mark."""

import pytest

from shared.integrations.providers import google_ads
from shared.integrations.webhook_exchange import UnreadableBody
from tests.support.provider_requests import SECRET, read_one, refusal, request_of, sample_document

pytestmark = pytest.mark.unit


def test_google_test_data_becomes_a_test_lead() -> None:
    event = read_one(google_ads.PROVIDER, sample_document("google_ads/send_test_data_contact.json"))
    click = event.document["gcl_id"]
    assert event.is_test
    assert event.event_id is None
    assert event.lead == {
        "first_name": "FirstName",
        "last_name": "LastName",
        "email": "test@example.com",
        "phone": "+16505550123",
        "custom_fields": {"city": "Mountain View", "postal_code": "94043", "region": "California"},
    }
    assert event.attribution == {
        "platform": "google",
        "provider_lead_id": click,
        "form_id": "349080077126",
        "campaign_id": "23729418209",
        "adset_id": "195583084496",
        "ad_id": "30000000000",
        "click_ids": {"gclid": click},
    }
    assert "google_key" not in event.document


def test_google_column_without_name_and_key_in_capitals_are_read() -> None:
    event = read_one(google_ads.PROVIDER, sample_document("google_ads/send_test_data_custom_question.json"))
    assert event.lead["custom_fields"] == {"postal_code": "94043", "service": "Roofing"}
    event = read_one(google_ads.PROVIDER, sample_document("google_ads/docs_test_sample_capital_key.json"))
    assert event.lead == {
        "first_name": "FirstName",
        "last_name": "LastName",
        "phone": "1-650-555-0123",
        "email": "test@example.com",
    }
    assert event.attribution == {"platform": "google", "provider_lead_id": "TeSter-123-ID"}
    assert "Google_key" not in event.document


def test_google_lead_keeps_large_ids_and_all_columns() -> None:
    body = {
        "lead_id": "lead-1",
        "form_id": 9223372036854775807,
        "campaign_id": "9007199254740993",
        "asset_group_id": 1,
        "is_test": False,
        "gcl_id": "click-1",
        "lead_submit_time": "2026-03-28T09:00:00Z",
        "user_column_data": [
            {"column_id": "FIRST_NAME", "string_value": "Ada"},
            {"column_id": "LAST_NAME", "string_value": "Lovelace"},
            {"column_id": "WORK_EMAIL", "string_value": "ada@example.com"},
            {"column_id": "WORK_PHONE", "string_value": "+442079460123"},
            {"column_id": "COMPANY_NAME", "string_value": "Engines"},
            {"column_id": "JOB_TITLE", "string_value": "Analyst"},
            {"column_id": "COUNTRY", "string_value": "GB"},
            {"column_id": "COMPANY_SIZE", "column_name": "Company size", "string_value": "2-10"},
            {"column_id": "utm_source", "string_value": "google"},
            {"column_id": "EMAIL", "string_value": ""},
            None,
            {},
        ],
    }
    event = read_one(google_ads.PROVIDER, body)
    assert (event.event_id, event.is_test) == ("lead-1", False)
    assert event.lead == {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@example.com",
        "phone": "+442079460123",
        "company": "Engines",
        "job_title": "Analyst",
        "country": "GB",
        "custom_fields": {"company_size": "2-10"},
    }
    assert event.attribution == {
        "at": "2026-03-28T09:00:00+00:00",
        "platform": "google",
        "provider_lead_id": "lead-1",
        "form_id": "9223372036854775807",
        "campaign_id": "9007199254740993",
        "utm_source": "google",
        "click_ids": {"gclid": "click-1"},
    }


def test_google_key_that_is_missing_or_strange_is_refused() -> None:
    for body, reason in (
        ({"lead_id": "1"}, "missing_signature"),
        ({"google_key": ""}, "missing_signature"),
        ({"google_key": ["x"]}, "bad_signature"),
        ({"google_key": SECRET + " "}, "bad_signature"),
        ([], "missing_signature"),
        (b"{", "missing_signature"),
    ):
        assert refusal(google_ads.PROVIDER, request_of(body), {"google_key": SECRET}) == reason
    google_ads.PROVIDER.verify(request_of({"GOOGLE_KEY": SECRET}), {"google_key": SECRET})
    with pytest.raises(UnreadableBody):
        read_one(google_ads.PROVIDER, {"google_key": SECRET})
