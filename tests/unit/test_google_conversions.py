"""Events for Google, against the models of Google's own library, and what its answers mean."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workers.conversions.conversion_types import ConversionPerson, PlatformAnswer
from services.workers.conversions.google_conversions import google_call, google_event, google_skip_reason, judge_google
from services.workers.conversions.person_hashes import normalise_for_google
from tests.support.conversions import NOW, conversion, google_access

pytestmark = pytest.mark.unit

CLICK = {
    "click_ids": {"gclid": "Cj0KCQ"},
    "page_url": "https://example.com/?gclid=Cj0KCQ",
    "consent": {"ad_user_data": True},
}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_request_is_one_that_googles_library_reads_without_a_rest() -> None:
    datamanager = pytest.importorskip("google.ads.datamanager_v1", reason="Google's library is not installed")
    one = conversion(attributions=[CLICK], value=125.5, currency="EUR")
    call = google_call(google_access(), [one], is_test=False)
    assert call.url == "https://datamanager.googleapis.com/v1/events:ingest"
    read = datamanager.IngestEventsRequest.from_json(call.body, ignore_unknown_fields=False)
    assert [one.product_destination_id for one in read.destinations] == ["987654321"]
    assert read.destinations[0].operating_account.account_id == "1234567890"
    assert read.destinations[0].login_account.account_id == "1112223333"
    assert read.encoding == datamanager.Encoding.HEX
    [event] = read.events
    assert event.ad_identifiers.gclid == "Cj0KCQ"
    assert [each.email_address for each in event.user_data.user_identifiers] == [digest("ada@example.com"), ""]
    assert event.user_data.user_identifiers[1].phone_number == digest("+4915112345678")
    assert (event.conversion_value, event.currency, event.transaction_id) == (125.5, "EUR", one.event_id)
    assert event.event_timestamp.timestamp() == one.occurred_at.timestamp()
    assert event.event_source == datamanager.EventSource.WEB
    assert event.consent.ad_user_data == datamanager.ConsentStatus.CONSENT_GRANTED
    assert event.consent.ad_personalization == datamanager.ConsentStatus.CONSENT_STATUS_UNSPECIFIED


def test_nothing_of_a_person_is_in_clear_text() -> None:
    text = google_call(google_access(), [conversion()], is_test=False).body.decode().lower()
    for word in ("ada@", "lovelace", "example.com", "15112345678", "private"):
        assert word not in text


def test_test_event_is_only_validated() -> None:
    assert json.loads(google_call(google_access(), [conversion()], is_test=True).body)["validateOnly"] is True


def test_conversion_action_of_the_event_replaces_the_integrations() -> None:
    body = json.loads(google_call(google_access(), [conversion(conversion_action="5")], is_test=False).body)
    assert body["destinations"][0]["productDestinationId"] == "5"


def test_lead_without_click_or_page_is_no_event_of_the_web() -> None:
    event = google_event(conversion(attributions=[]), ["ad_user_data"])
    assert event["eventSource"] == "OTHER"
    assert "adIdentifiers" not in event
    assert "consent" not in event


@pytest.mark.parametrize(
    ("email", "normal"),
    [
        (" A.d.a@Gmail.com ", "ada@gmail.com"),
        ("a.da@googlemail.com", "ada@googlemail.com"),
        ("a.da@example.com", "a.da@example.com"),
        (".@gmail.com", None),
        ("nobody", None),
        (None, None),
    ],
)
def test_addresses_are_normalised_as_googles_formatter_does(email: str | None, normal: str | None) -> None:
    assert normalise_for_google(email) == normal


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"attributions": [CLICK]}, None),
        ({"attributions": [CLICK], "person": ConversionPerson()}, None),
        ({"attributions": [], "person": ConversionPerson(first_name="Ada")}, "no_identifier"),
        ({"attributions": [CLICK], "lead_created_at": NOW - timedelta(days=89)}, None),
        ({"attributions": [CLICK], "lead_created_at": NOW - timedelta(days=91)}, "lead_too_old"),
        ({"attributions": [], "lead_created_at": NOW - timedelta(days=64)}, "lead_too_old"),
        ({"attributions": [CLICK | {"at": (NOW - timedelta(days=95)).isoformat()}]}, "lead_too_old"),
    ],
)
def test_google_gets_what_it_takes(changes: dict[str, Any], reason: str | None) -> None:
    assert google_skip_reason(conversion(**changes), NOW) == reason


def refusal(field: str, reason: str) -> PlatformAnswer:
    violation = {"field": field, "description": "No.", "reason": reason}
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    return PlatformAnswer(400, json.dumps({"error": {"code": 400, "status": "INVALID_ARGUMENT", "details": details}}))


def test_bad_event_divides_a_batch_and_a_bad_account_does_not() -> None:
    event = judge_google(refusal("events.events[0].user_data", "INVALID_SHA256_FORMAT"))
    assert event
    assert (event.is_hopeless, event.is_divisible) == (True, True)
    for field, reason in (
        ("destinations.destinations[0]", "INVALID_FORMAT"),
        ("events.events[0]", "INVALID_CONVERSION_ACTION_TYPE"),
    ):
        account = judge_google(refusal(field, reason))
        assert account
        assert (account.is_hopeless, account.is_divisible) == (False, False)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_access_that_an_admin_can_give_is_waited_for(status: int) -> None:
    problem = judge_google(PlatformAnswer(status, "{}"))
    assert problem
    assert not problem.is_hopeless


@pytest.mark.parametrize("status", [200, 429, 500, 503])
def test_other_answers_of_google_are_judged_by_their_status(status: int) -> None:
    assert judge_google(PlatformAnswer(status, "{}")) is None


@given(st.integers(100, 599), st.text(max_size=50))
def test_any_answer_of_google_is_judged(status: int, body: str) -> None:
    judge_google(PlatformAnswer(status, body))
