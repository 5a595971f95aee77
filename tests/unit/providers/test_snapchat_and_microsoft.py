"""Snapchat and Microsoft Advertising: what comes from them, or from a service in between, is read."""

import pytest

from shared.integrations.provider import Provider
from shared.integrations.providers import microsoft_ads, snapchat
from shared.integrations.signature_checks import hmac_hex
from shared.integrations.webhook_exchange import UnreadableBody
from tests.support.provider_requests import SECRET, read, read_one, refusal, request_of

pytestmark = pytest.mark.unit

SNAPCHAT_LEAD = {
    "form_id": "f",
    "form_name": "Form",
    "ad_account_id": "acc",
    "campaign_id": "c",
    "campaign_name": "Spring",
    "ad_id": "a",
    "ad_name": "Ad",
    "ad_squad_id": "s",
    "ad_squad_name": "Squad",
    "lead_id": "l-1",
    "create_time": "1774688400000",
    "first_name": "نورة",
    "last_name": "الأحمد",
    "email": "noura@example.com",
    "phone_number": "+966501234567",
    "company_name": "Example",
    "job_title": "CEO",
    "postal_code": 12345,
    "custom_field_1": "Own",
    "custom_field_2": None,
    "consent_1": "true",
    "consent_2": False,
    "consent_3": "I agree",
    "ScCid": "click-1",
}


def test_snapchat_lead_becomes_a_lead() -> None:
    event = read_one(snapchat.PROVIDER, SNAPCHAT_LEAD)
    assert (event.event_id, event.account_id, event.is_test) == ("l-1", "acc", False)
    assert event.lead == {
        "first_name": "نورة",
        "last_name": "الأحمد",
        "email": "noura@example.com",
        "phone": "+966501234567",
        "company": "Example",
        "job_title": "CEO",
        "custom_fields": {"postal_code": 12345, "custom_field_1": "Own", "consent_3": "I agree"},
    }
    assert event.attribution == {
        "at": "2026-03-28T09:00:00+00:00",
        "platform": "snapchat",
        "provider_lead_id": "l-1",
        "form_id": "f",
        "ad_id": "a",
        "adset_id": "s",
        "campaign_id": "c",
        "campaign_name": "Spring",
        "click_ids": {"ScCid": "click-1"},
        "consent": {"consent_1": True, "consent_2": False},
    }
    assert read_one(snapchat.PROVIDER, {**SNAPCHAT_LEAD, "email": "johndoe@snapchat.com"}).is_test
    with pytest.raises(UnreadableBody):
        read_one(snapchat.PROVIDER, {"email": "a@example.com"})


def test_snapchat_signature_covers_time_and_body() -> None:
    body, credentials = b'{"lead_id":"1"}', {"hmac_secret": SECRET}
    signature = hmac_hex(SECRET, b"1774690000000." + body)
    snapchat.PROVIDER.verify(request_of(body, {"Signature": signature, "T": "1774690000000"}), credentials)
    for headers, reason in (
        ({}, "missing_signature"),
        ({"signature": signature}, "missing_signature"),
        ({"signature": signature, "t": "1774690000001"}, "bad_signature"),
        ({"signature": hmac_hex(SECRET, body), "t": "1774690000000"}, "bad_signature"),
        ({"signature": "\udcff", "t": "\udcff"}, "bad_signature"),
        ({"X-LeadHub-Secret": SECRET}, "missing_signature"),
    ):
        assert refusal(snapchat.PROVIDER, request_of(body, headers), credentials) == reason


@pytest.mark.parametrize(
    "provider", [snapchat.PROVIDER, microsoft_ads.PROVIDER], ids=lambda provider: provider.type.type
)
def test_header_secret_counts_where_it_is_set(provider: Provider) -> None:
    provider.verify(request_of({}), {})
    provider.verify(request_of({}, {"X-LeadHub-Secret": SECRET}), {"header_secret": SECRET})
    assert refusal(provider, request_of({}), {"header_secret": SECRET}) == "missing_signature"
    wrong = request_of({}, {"X-LeadHub-Secret": "wrong"})
    assert refusal(provider, wrong, {"header_secret": SECRET}) == "bad_signature"


def test_microsoft_says_that_it_has_no_webhook() -> None:
    assert "no webhook" in microsoft_ads.PROVIDER.type.verification
    assert "CSV" in microsoft_ads.PROVIDER.type.verification


def test_microsoft_reads_what_another_service_posts() -> None:
    expected = {"first_name": "Ada", "email": "ada@example.com", "custom_fields": {"budget": "10"}}
    nested = {"contact": {"First name": "Ada", "E-mail": "ada@example.com"}, "Budget": "10", "msclkid": "click-1"}
    event = read_one(microsoft_ads.PROVIDER, nested)
    assert event.lead == expected
    assert event.attribution == {"click_ids": {"msclkid": "click-1"}}
    assert event.event_id is None
    form = request_of(
        b"contact[first_name]=Ada&contact[email]=ada%40example.com&Budget=10&msclkid=click-1",
        {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
    )
    [posted] = microsoft_ads.PROVIDER.read(form, {})
    assert (posted.lead, posted.attribution) == (expected, event.attribution)
    assert [event.kind for event in read(microsoft_ads.PROVIDER, [nested, 5])] == ["lead", "ignored"]
    with pytest.raises(UnreadableBody):
        read(microsoft_ads.PROVIDER, [5])
