"""Whether events are set off, may be sent by consent, and are set up by valid settings; and a service account signs."""

import base64
import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from services.workers.conversions.conversion_eligibility import judge_conversions, known_consent, skip_reason
from services.workers.conversions.conversion_triggers import ConversionRules, LeadFact, match_conversions
from services.workers.conversions.person_hashes import (
    country_code,
    normalise_address,
    normalise_person_name,
    phone_digits,
)
from services.workers.conversions.service_accounts import (
    UnreadableAccountKey,
    read_service_account,
    token_request_body,
)
from shared.integrations.integration_fields import CHANGED_INTEGRATION
from tests.support.conversions import NOW, conversion, meta_access, service_account_key

pytestmark = pytest.mark.unit

YES, NO = {"consent": {"ad_user_data": True}}, {"consent": {"ad_user_data": False}}


@pytest.mark.parametrize(
    ("attributions", "keys", "known"),
    [
        ([], ["ad_user_data"], None),
        ([{"consent": {"newsletter": True}}], ["ad_user_data"], None),
        ([YES], ["ad_user_data"], True),
        ([YES], [" AD_User_Data "], True),
        ([NO, YES], ["ad_user_data"], False),
        ([YES, NO], ["ad_user_data"], True),  # the newest answer counts
        ([{}, NO], ["ad_user_data"], False),
        ([{"consent": {"a": True, "b": False}}], ["a", "b"], False),
        ([{"consent": {"a": "yes"}}], ["a"], None),
        ([{"consent": ["a"]}], ["a"], None),
    ],
)
def test_newest_answer_counts_and_one_refusal_is_enough(
    attributions: list[dict[str, Any]], keys: list[str], known: bool | None
) -> None:
    assert known_consent(attributions, keys) is known


@pytest.mark.parametrize(
    ("attributions", "setting", "reason"),
    [
        ([YES], "skip", None),
        ([NO], "send", "consent_denied"),
        ([], "skip", "consent_unknown"),
        ([], "send", None),
    ],
)
def test_unknown_consent_goes_by_the_setting_and_a_refusal_by_nothing(
    attributions: list[dict[str, Any]], setting: str, reason: str | None
) -> None:
    access = meta_access(without_consent=setting)
    assert skip_reason(conversion(attributions=attributions), access, lambda *_: None, NOW) == reason


def test_events_of_deleted_leads_are_skipped_and_others_go() -> None:
    access = meta_access(without_consent="send")
    judged = judge_conversions(1, [conversion(), conversion(id=8, person=None)], access, lambda *_: None, NOW)
    assert [one.id for one in judged.sendable] == [7]
    assert [(one.id, one.reason) for one in judged.skipped] == [(8, "lead_deleted")]


RULES = [
    ConversionRules(
        1,
        [
            {"created": True, "event": "Lead"},
            {"status": "qualified", "event": "Qualified"},
            {"stage_id": 5, "event": "Demo"},
        ],
    )
]


@pytest.mark.parametrize(
    ("type_", "data", "events"),
    [
        ("lead.created", {}, ["Lead", "Qualified", "Demo"]),  # the last two are compared with the lead
        (
            "lead.updated",
            {"fields": ["status"], "changes": {"status": {"from": "new", "to": "qualified"}}},
            ["Qualified"],
        ),
        ("lead.updated", {"fields": ["status"], "changes": {"status": {"from": "qualified", "to": "lost"}}}, []),
        ("lead.updated", {"fields": ["tags"]}, []),
        ("lead.stage_changed", {"from": None, "to": 5}, ["Demo"]),
        ("lead.stage_changed", {"from": 5, "to": None}, []),
        ("tag.added", {"tag": "vip"}, []),
    ],
)
def test_facts_set_off_the_events_that_name_them(type_: str, data: dict[str, Any], events: list[str]) -> None:
    found = match_conversions(RULES, LeadFact(1, 2, 3, NOW, type_, data))
    assert [one.definition["event"] for one in found] == events


def test_only_those_of_a_new_lead_are_compared_with_it() -> None:
    found = list(match_conversions(RULES, LeadFact(1, 2, 3, NOW, "lead.created", {})))
    assert [(one.status, one.stage_id) for one in found] == [(None, None), ("qualified", None), (None, 5)]


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({"events": [{"status": "qualified", "event": "Q", "value": 5, "currency": "EUR"}]}, []),
        ({"events": [{"status": "qualified", "event": "Q", "value": 5}]}, ["events.0"]),
        ({"events": [{"status": "qualified", "stage_id": 4, "event": "Q"}]}, ["events.0"]),
        ({"events": [{"event": "Q"}]}, ["events.0"]),
        ({"events": [{"created": True}]}, ["events.0"]),
        ({"events": [{"created": True, "event": " "}]}, ["events.0.event"]),
        ({"events": [{"status": "won", "event": "Q"}]}, ["events.0.status"]),
        ({"events": [{"created": True, "event": "Q", "value": -1, "currency": "EUR"}]}, ["events.0.value"]),
        ({"events": [{"created": True, "event": "Q", "value": 1, "currency": "euro"}]}, ["events.0.currency"]),
        ({"without_consent": "always"}, ["without_consent"]),
        ({"consent_keys": []}, ["consent_keys"]),
    ],
)
def test_settings_of_conversions_are_checked_by_field(sent: dict[str, Any], fields: list[str]) -> None:
    _, errors = CHANGED_INTEGRATION.validate_fields({"settings": {"conversions": sent}})
    assert list(errors) == [f"settings.conversions.{name}" for name in fields]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (normalise_address(" Ada @Example.COM"), "ada@example.com"),
        (normalise_address("a@b@c.de"), None),
        (normalise_address("ada@localhost"), None),
        (phone_digits("+4915112345678;ext=5"), "4915112345678"),
        (phone_digits("015112345678"), None),
        (normalise_person_name("  Jean-Luc  O'Neill "), "jeanluc oneill"),
        (normalise_person_name("José"), "josé"),
        (normalise_person_name("—"), None),
        (country_code(" DE "), "de"),
        (country_code("Germany"), None),
    ],
)
def test_what_identifies_a_person_is_normalised(found: str | None, expected: str | None) -> None:
    assert found == expected


@given(st.text(max_size=60))
def test_any_text_of_a_person_is_normalised(text: str) -> None:
    for normalise in (normalise_address, phone_digits, normalise_person_name, country_code):
        once = normalise(text)
        assert once is None or once
        assert once is None or normalise is phone_digits or normalise(once) == once


def test_assertion_is_signed_for_the_address_of_the_settings() -> None:
    account = read_service_account(service_account_key())
    form = parse_qs(token_request_body(account, "https://oauth2.googleapis.com/token", 1_000).decode())
    signed, _, signature = form["assertion"][0].rpartition(".")
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in signed.split("."))
    assert header == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    assert claims == {
        "iss": "leadhub@project-1.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/datamanager",
        "aud": "https://oauth2.googleapis.com/token",
        "iat": 1_000,
        "exp": 4_600,
    }
    raw = base64.urlsafe_b64decode(signature + "==")
    account.private_key.public_key().verify(raw, signed.encode(), PKCS1v15(), SHA256())


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"client_email": "a", "private_key": "b"}', '{"client_email": "a", "private_key": 3}']
)
def test_key_that_cannot_sign_is_refused(text: str) -> None:
    with pytest.raises(UnreadableAccountKey):
        read_service_account(text)
