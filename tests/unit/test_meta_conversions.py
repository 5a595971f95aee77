"""Events for Meta, against the models of Meta's own library, and what its answers mean."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workers.conversions.conversion_types import ConversionPerson, PlatformAnswer
from services.workers.conversions.meta_conversions import judge_meta, meta_call, meta_event, meta_skip_reason
from tests.support.conversions import AD_LEAD, META_LEAD_ID, NOW, conversion, meta_access

pytestmark = pytest.mark.unit


def vendor_event(**changes: Any) -> dict[str, Any]:
    """The same event, as Meta's library makes it of the clear text."""
    pytest.importorskip("facebook_business", reason="Meta's library is not installed")
    from facebook_business.adobjects.serverside.action_source import ActionSource
    from facebook_business.adobjects.serverside.custom_data import CustomData
    from facebook_business.adobjects.serverside.event import Event
    from facebook_business.adobjects.serverside.user_data import UserData

    person = changes.pop("person")
    custom = CustomData(
        custom_properties={"event_source": "crm", "lead_event_source": "LeadHub"},
        value=changes.pop("value", None),
        currency=changes.pop("currency", None),
    )
    event = Event(
        **changes, user_data=UserData(**person), custom_data=custom, action_source=ActionSource.SYSTEM_GENERATED
    )
    found: dict[str, Any] = json.loads(json.dumps(event.normalize()))
    return found


def test_event_is_the_one_that_metas_library_makes() -> None:
    one = conversion(value=125.5, currency="EUR")
    made = vendor_event(
        event_name="Qualified",
        event_time=int(one.occurred_at.timestamp()),
        event_id=one.event_id,
        value=125.5,
        currency="EUR",
        person={
            "lead_id": META_LEAD_ID,
            "emails": [" ADA@example.com "],
            "phones": ["+49 151 1234-5678"],
            "first_names": ["Ada"],
            "last_names": ["Lovelace"],
            "country_codes": ["de"],
        },
    )
    ours = meta_event(one, "LeadHub")
    made["custom_data"]["currency"] = made["custom_data"]["currency"].upper()  # it writes them small
    made["user_data"]["lead_id"] = int(made["user_data"]["lead_id"])
    assert ours == made


def test_nothing_of_a_person_is_in_clear_text_and_the_token_stands_in_no_body() -> None:
    call = meta_call(meta_access(test_event_code="TEST1"), [conversion()], is_test=False)
    text = call.body.decode().lower()
    for word in ("ada", "lovelace", "example.com", "15112345678", "token-of-the-dataset", "test1"):
        assert word not in text
    assert call.url == "https://graph.facebook.com/v26.0/100200300/events"
    assert call.headers == {"Authorization": "Bearer token-of-the-dataset"}


def test_test_event_has_the_code_of_the_settings() -> None:
    call = meta_call(meta_access(test_event_code="TEST1"), [conversion()], is_test=True)
    assert json.loads(call.body)["test_event_code"] == "TEST1"


def test_click_counts_where_no_lead_ad_is_known() -> None:
    clicked = NOW - timedelta(hours=5)
    known = {"click_ids": {"fbclid": "IwAR0abc"}, "at": clicked.isoformat()}
    event = meta_event(conversion(attributions=[known], person=ConversionPerson()), "LeadHub")
    assert event["user_data"] == {"fbc": f"fb.1.{int(clicked.timestamp() * 1000)}.IwAR0abc"}


def test_browser_ids_of_metas_script_are_passed_on_and_other_texts_are_not() -> None:
    ids = {"_fbc": "fb.1.1700000000000.IwAR1", "_fbp": "fb.1.1700000000000.123456"}
    event = meta_event(conversion(attributions=[{"browser_ids": ids}]), "LeadHub")
    assert (event["user_data"]["fbc"], event["user_data"]["fbp"]) == (ids["_fbc"], ids["_fbp"])
    bad = {"browser_ids": {"_fbc": "x", "_fbp": "<b>"}, "click_ids": {"fbclid": "a b"}}
    assert not {"fbc", "fbp"} & meta_event(conversion(attributions=[bad]), "LeadHub")["user_data"].keys()


def test_click_from_the_future_was_now() -> None:
    known = {"click_ids": {"fbclid": "IwAR0"}, "at": (NOW + timedelta(days=400)).isoformat()}
    one = conversion(attributions=[known])
    assert meta_event(one, "LeadHub")["user_data"]["fbc"] == f"fb.1.{int(one.occurred_at.timestamp() * 1000)}.IwAR0"


@pytest.mark.parametrize("lead_id", ["444444444444", "12345678901234567890", "1234567890abcdef", ""])
def test_lead_id_that_meta_would_refuse_is_left_out(lead_id: str) -> None:
    event = meta_event(conversion(attributions=[AD_LEAD | {"provider_lead_id": lead_id}]), "LeadHub")
    assert "lead_id" not in event["user_data"]
    assert "em" in event["user_data"]


def test_lead_id_of_another_provider_is_none_of_metas() -> None:
    event = meta_event(conversion(attributions=[AD_LEAD | {"platform": "linkedin"}]), "LeadHub")
    assert "lead_id" not in event["user_data"]


@pytest.mark.parametrize(("ahead", "counted"), [(2, 2), (60, 5)])
def test_event_is_not_before_its_lead_if_clocks_differ_little(ahead: int, counted: int) -> None:
    occurred = NOW - timedelta(hours=2)
    known = AD_LEAD | {"at": (occurred + timedelta(minutes=ahead)).isoformat()}
    event = meta_event(conversion(attributions=[known]), "LeadHub")
    assert event["event_time"] == int((occurred + timedelta(minutes=counted)).timestamp())


NOBODY = ConversionPerson(first_name="Ada", country="DE")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"occurred_at": NOW - timedelta(days=7), "attributions": []}, "event_too_old"),
        ({"occurred_at": NOW - timedelta(days=6, hours=22), "attributions": []}, None),
        ({"attributions": [AD_LEAD | {"at": (NOW - timedelta(days=29)).isoformat()}]}, "lead_too_old"),
        ({"attributions": [{"at": (NOW - timedelta(days=99)).isoformat()}]}, None),  # not of a lead ad
        ({"person": NOBODY, "attributions": []}, "no_identifier"),
        ({"person": NOBODY}, None),
        ({"person": ConversionPerson("nobody", "0151"), "attributions": []}, "no_identifier"),
    ],
)
def test_meta_gets_what_it_takes(changes: dict[str, Any], reason: str | None) -> None:
    assert meta_skip_reason(conversion(**changes), NOW) == reason


def answer(status: int, **error: Any) -> PlatformAnswer:
    return PlatformAnswer(status, json.dumps({"error": error} if error else {}))


def test_bad_event_is_hopeless_alone_and_divides_a_batch() -> None:
    for found in (answer(400, code=100, error_subcode=2804003), PlatformAnswer(400, "<html>"), answer(400)):
        problem = judge_meta(found)
        assert problem
        assert (problem.is_hopeless, problem.is_divisible) == (True, True)


@pytest.mark.parametrize(
    "found",
    [
        answer(400, code=190, error_subcode=463),
        answer(403, code=200),
        answer(400, code=100, error_subcode=33),
        answer(400, code=2635),
        answer(400, code=80004),
        answer(400, code=2),
        answer(400, code=100, error_subcode=9, is_transient=True),
        answer(429),
    ],
)
def test_trouble_that_passes_or_that_an_admin_ends_is_tried_again(found: PlatformAnswer) -> None:
    problem = judge_meta(found)
    assert problem
    assert (problem.is_hopeless, problem.is_divisible) == (False, False)


@pytest.mark.parametrize("found", [answer(200), answer(500), answer(503), answer(404)])
def test_other_answers_are_judged_by_their_status(found: PlatformAnswer) -> None:
    assert judge_meta(found) is None


def test_sentence_quotes_nothing_that_meta_sent() -> None:
    problem = judge_meta(answer(400, code=100, message="Invalid em: ada@example.com", error_user_msg="ada"))
    assert problem
    assert "ada" not in problem.sentence


@given(st.integers(100, 599), st.text(max_size=50) | st.sampled_from(['{"error": 3}', "[]", '{"error": {"code": {}}}']))
def test_any_answer_is_judged(status: int, body: str) -> None:
    judge_meta(PlatformAnswer(status, body))
