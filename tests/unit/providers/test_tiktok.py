"""TikTok: leads of instant forms are read, and both of its signatures are checked."""

from typing import Any

import pytest

from shared.integrations.providers import tiktok
from shared.integrations.signature_checks import hmac_hex
from shared.integrations.webhook_exchange import UnreadableBody
from tests.support.provider_requests import NOW, SECRET, read, read_one, refusal, request_of, sample_document

pytestmark = pytest.mark.unit


def test_tiktok_lead_becomes_a_lead() -> None:
    event = read_one(tiktok.PROVIDER, sample_document("tiktok/lead_instant_form.json"))
    assert (event.event_id, event.account_id) == ("lead-100", "1111111111")
    assert event.lead == {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@example.com",
        "phone": "+15550100123",
        "custom_fields": {"which_year_group": "Year 7"},
    }
    assert event.attribution == {
        "at": "2024-03-09T16:00:00+00:00",
        "platform": "tiktok",
        "provider_lead_id": "lead-100",
        "form_id": "page-year-7",
    }


def test_tiktok_entries_are_read_one_by_one() -> None:
    body = b"""{"object": "1", "time": 1774688400, "entry": [
        {"id": 7012345678901234567, "advertiser_id": 6900000000000001, "campaign_id": 12, "adgroup_id": 34, "ad_id": 56,
         "page_id": 1700000000000001, "lead_source": "INSTANT_FORM", "changes": [
            {"field": "First Name", "value": "Zo\xc3\xab"}, {"field": "EMAIL", "value": "zoe@example.com"},
            {"field": "Colours", "value": {"a": "red"}}, {"field": "ttclid", "value": "click-1"}, null]},
        "broken", {"changes": 5}, {"id": null}]}"""
    first, broken, strange, bare = read(tiktok.PROVIDER, body)
    assert (first.event_id, first.account_id) == ("7012345678901234567", "6900000000000001")
    assert first.lead == {
        "first_name": "Zoë",
        "email": "zoe@example.com",
        "custom_fields": {"colours": {"a": "red"}},
    }
    assert first.attribution == {
        "at": "2026-03-28T09:00:00+00:00",
        "platform": "tiktok",
        "provider_lead_id": "7012345678901234567",
        "form_id": "1700000000000001",
        "ad_id": "56",
        "adset_id": "34",
        "campaign_id": "12",
        "click_ids": {"ttclid": "click-1"},
    }
    assert broken.kind == "ignored"
    assert strange.kind == bare.kind == "lead"
    assert len({first.event_id, strange.event_id, bare.event_id}) == 3


def test_tiktok_other_objects_are_ignored() -> None:
    assert read_one(tiktok.PROVIDER, {"object": 2, "entry": [{"id": 1}]}).kind == "ignored"
    assert read_one(tiktok.PROVIDER, sample_document("tiktok/developers_event_docs.json")).kind == "ignored"
    bodies: tuple[Any, ...] = ({}, [], {"object": 1}, {"object": None, "entry": []})
    for body in bodies:
        with pytest.raises(UnreadableBody):
            read(tiktok.PROVIDER, body)


def test_tiktok_signs_non_ascii_characters_escaped() -> None:
    body = '{"name":"Zoë 李 😀"}'.encode()
    escaped = rb'{"name":"Zo\u00eb \u674e \ud83d\ude00"}'
    assert tiktok.escape_non_ascii(body) == escaped
    assert tiktok.escape_non_ascii(b'{"a":"\xff\\u00EB"}') == b'{"a":"\xff\\u00EB"}'
    credentials = {"app_secret": SECRET}
    signed = {"X-Open-Signature": hmac_hex(SECRET, escaped)}
    tiktok.PROVIDER.verify(request_of(body, signed), credentials)
    unescaped = {"X-Open-Signature": hmac_hex(SECRET, body)}
    assert refusal(tiktok.PROVIDER, request_of(body, unescaped), credentials) == "bad_signature"
    assert refusal(tiktok.PROVIDER, request_of(body), credentials) == "missing_signature"


def test_tiktok_signature_of_the_developers_platform_grows_old() -> None:
    headers = {"TikTok-Signature": f"t={NOW:.0f},s={hmac_hex(SECRET, f'{NOW:.0f}.{{}}'.encode())}"}
    tiktok.PROVIDER.verify(request_of(b"{}", headers), {"app_secret": SECRET})
    late = request_of(b"{}", headers, now=NOW + 301)
    assert refusal(tiktok.PROVIDER, late, {"app_secret": SECRET}) == "stale"
    for strange in ("t=", "s=1", ",,=", "t=x,s=\udcff"):
        request = request_of(b"{}", {"TikTok-Signature": strange})
        assert refusal(tiktok.PROVIDER, request, {"app_secret": SECRET}) == "bad_signature"
