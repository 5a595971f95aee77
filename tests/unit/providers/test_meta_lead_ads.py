"""Meta: notices are fetched, and leads of the Graph API are read."""

from typing import Any

import pytest

from shared.integrations.providers import meta_lead_ads
from shared.integrations.webhook_exchange import SignatureRefused, UnreadableBody
from tests.support.fetched_leads import META_LEAD
from tests.support.provider_requests import URL, read, request_of, sample_document

pytestmark = pytest.mark.unit


def test_meta_notice_becomes_a_fetch_for_each_lead() -> None:
    first, second = read(meta_lead_ads.PROVIDER, sample_document("meta/leadgen_webhook.json"))
    assert (first.kind, first.event_id, first.object_id, first.account_id) == (
        "fetch",
        "123123123123",
        "123123123123",
        "123123123",
    )
    assert first.attribution == {
        "at": "2015-08-21T01:26:24+00:00",
        "platform": "meta",
        "provider_lead_id": "123123123123",
        "form_id": "12312312312",
        "ad_id": "12312312312",
    }
    assert (second.event_id, second.is_test) == ("123123123124", False)


def test_meta_ids_as_text_and_other_changes_are_read() -> None:
    body = {
        "object": "page",
        "entry": [
            {"id": "77", "changes": [{"field": "leadgen", "value": {"leadgen_id": "9007199254740993"}}]},
            {
                "id": "77",
                "changes": [{"field": "feed", "value": {"item": "post"}}, None, {"field": "leadgen", "value": []}],
            },
            {"id": "77", "messaging": [{"message": {}}]},
            7,
            {"changes": [{"field": "leadgen", "value": {"leadgen_id": "444444444444", "page_id": "444444444444"}}]},
        ],
    }
    events = read(meta_lead_ads.PROVIDER, body)
    assert [event.kind for event in events] == ["fetch", *["ignored"] * 5, "fetch"]
    assert (events[0].event_id, events[0].account_id, events[0].is_test) == ("9007199254740993", "77", False)
    assert events[-1].is_test


def test_meta_body_without_entries_is_unreadable() -> None:
    bodies: tuple[Any, ...] = ({}, [], "text", {"object": "page", "entry": {}}, b"not json")
    for body in bodies:
        with pytest.raises(UnreadableBody):
            read(meta_lead_ads.PROVIDER, body)


def test_meta_handshake_refuses_another_mode_and_a_missing_token() -> None:
    for query in (
        "",
        "?hub.mode=unsubscribe&hub.verify_token=v",
        "?hub.mode=subscribe",
        "?hub.mode=subscribe&hub.verify_token=%ff",
    ):
        with pytest.raises(SignatureRefused, match="wrong_token"):
            meta_lead_ads.answer_handshake(request_of(method="GET", url=URL + query), {"verify_token": "v"})


def test_meta_lead_from_the_graph_becomes_a_lead() -> None:
    event = meta_lead_ads.lead_event_of(sample_document("meta/graph_lead_response.json"), page_id="77")
    assert (event.kind, event.event_id, event.object_id, event.account_id) == (
        "lead",
        "123123123123",
        "123123123123",
        "77",
    )
    assert event.lead == {
        "first_name": "Joe",
        "last_name": "Example",
        "email": "joe@example.com",
        "custom_fields": {"car_make": "Honda", "selected_dealer": "99213450"},
    }
    assert event.attribution == {
        "at": "2015-02-28T08:49:14+00:00",
        "platform": "meta",
        "provider_lead_id": "123123123123",
        "form_id": "12312312312",
        "ad_id": "12312312312",
    }
    [of_page] = sample_document("meta/graph_leads_page.json")["data"]
    assert meta_lead_ads.lead_event_of(of_page).lead == event.lead


def test_meta_lead_has_its_campaign_consents_and_choices() -> None:
    event = meta_lead_ads.lead_event_of(
        {
            **META_LEAD,
            "platform": "fb",
            "field_data": [
                {"name": "first_name", "values": ["Zoë"]},
                {"name": "last_name", "values": ["Müller"]},
                {"name": "work_email", "values": ["zoe@example.com"]},
                {"name": "phone_number", "values": ["+4915112345678"]},
                {"name": "company_name", "values": ["Example GmbH"]},
                {"name": "job_title", "values": ["CTO"]},
                {"name": "country", "values": ["DE"]},
                {"name": "welche_farben?", "values": ["rot", "blau"]},
                {"name": "city", "values": [""]},
                {"name": "fbclid", "values": ["click-1"]},
                {"name": "empty", "values": []},
                None,
            ],
            "custom_disclaimer_responses": [
                {"checkbox_key": "optional_1", "is_checked": "1"},
                {"checkbox_key": "optional_2", "is_checked": ""},
                {"checkbox_key": "optional_3", "is_checked": True},
                {"is_checked": "1"},
            ],
        }
    )
    assert event.lead == {
        "first_name": "Zoë",
        "last_name": "Müller",
        "email": "zoe@example.com",
        "phone": "+4915112345678",
        "company": "Example GmbH",
        "job_title": "CTO",
        "country": "DE",
        "custom_fields": {"welche_farben": ["rot", "blau"]},
    }
    assert event.attribution == {
        "at": "2026-03-28T09:00:00+00:00",
        "platform": "facebook",
        "provider_lead_id": "900800700600500",
        "form_id": "500400300200100",
        "ad_id": "120200300400500600",
        "adset_id": "120200300400500500",
        "campaign_id": "120200300400500400",
        "campaign_name": "Spring 2026",
        "click_ids": {"fbclid": "click-1"},
        "consent": {"optional_1": True, "optional_2": False, "optional_3": True},
    }


def test_meta_test_leads_are_known_by_their_dummy_data() -> None:
    dummy = {"name": "city", "values": ["<test lead: dummy data for city>"]}
    email = {"name": "email", "values": ["test@meta.com"]}
    real = {"name": "notes", "values": ["a test lead, sort of"]}
    assert meta_lead_ads.lead_event_of({"id": "1", "field_data": [real, dummy]}).is_test
    assert meta_lead_ads.lead_event_of({"id": "1", "field_data": [email]}).is_test
    assert not meta_lead_ads.lead_event_of({"id": "1", "field_data": [real]}).is_test
