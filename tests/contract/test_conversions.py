"""Integrations that tell ad platforms of leads: settings, check and test event."""

from typing import Any

from tests.contract.workspaces import Workspace
from tests.support.conversions import META_CREDENTIALS, google_credentials

EVENTS = [
    {"created": True, "event": "Lead"},
    {"status": "qualified", "event": "Qualified", "value": 50.5, "currency": "EUR"},
]


def meta(**conversions: Any) -> dict[str, Any]:
    settings = {"conversions": conversions} if conversions else {}
    return {"type": "meta_conversions", "name": "Meta", "credentials": META_CREDENTIALS, "settings": settings}


async def test_settings_of_conversions_are_shown_with_their_defaults_and_replaced_as_a_whole(ours: Workspace) -> None:
    made = await ours.make("/integrations", meta(events=EVENTS))
    assert made["settings"]["conversions"] == {
        "events": EVENTS,
        "without_consent": "skip",
        "consent_keys": ["ad_user_data"],
        "lead_event_source": "LeadHub",
        "test_event_code": None,
    }
    assert made["credentials"] == {"dataset_id": "100200300", "access_token": "********aset"}
    path = f"/integrations/{made['id']}"
    changed = await ours.ask("PATCH", path, {"settings": {"conversions": {"without_consent": "send"}}})
    assert changed.body["data"]["settings"]["conversions"]["events"] == []
    changed = await ours.ask("PATCH", path, {"settings": {"conversions": None}})
    assert changed.body["data"]["settings"]["conversions"] is None


async def test_stage_of_an_event_must_be_one_of_the_workspace(ours: Workspace) -> None:
    pipeline = (await ours.ask("GET", "/pipelines")).body["data"][0]
    stage = pipeline["stages"][0]["id"]
    await ours.make("/integrations", meta(events=[{"stage_id": stage, "event": "First"}]))
    body = meta(events=[{"stage_id": stage, "event": "First"}, {"stage_id": 999_999_999, "event": "None"}])
    field = "settings.conversions.events.1.stage_id"
    assert await ours.errors("POST", "/integrations", body) == {
        field: [f"The {field} field: there is no stage 999999999."]
    }


async def test_other_types_send_no_conversions(ours: Workspace) -> None:
    body = {"type": "zapier", "name": "Zap", "settings": {"conversions": {"events": EVENTS}}}
    assert await ours.errors("POST", "/integrations", body) == {
        "settings.conversions": ["This type of integration sends no conversions."]
    }
    made = await ours.make("/integrations", {"type": "zapier", "name": "Zap"})
    assert (await ours.ask("POST", f"/integrations/{made['id']}/test-event", {})).status == 409


async def test_credentials_of_platforms_are_checked(ours: Workspace) -> None:
    wrong = {"dataset_id": "abc", "access_token": "t"}
    assert (await ours.errors("POST", "/integrations", {**meta(), "credentials": wrong})).keys() == {
        "credentials.dataset_id"
    }
    credentials = google_credentials(service_account_key='{"client_email": "a@b"}', customer_id="123-ABC")
    body = {"type": "google_data_manager", "name": "Google", "credentials": credentials}
    assert (await ours.errors("POST", "/integrations", body)).keys() == {
        "credentials.service_account_key",
        "credentials.customer_id",
    }


async def test_test_event_is_a_delivery_and_needs_metas_code(ours: Workspace) -> None:
    made = await ours.make("/integrations", meta(events=EVENTS))
    path = f"/integrations/{made['id']}"
    refused = await ours.ask("POST", f"{path}/test-event", {"event": "Qualified"})
    assert (refused.status, "test_event_code" in refused.body["message"]) == (409, True)
    await ours.ask("PATCH", path, {"settings": {"conversions": {"events": EVENTS, "test_event_code": "TEST1"}}})
    assert (await ours.ask("PATCH", path, {"is_active": False})).status == 200
    assert (await ours.ask("POST", f"{path}/test-event", {})).status == 409
    google = {"type": "google_data_manager", "name": "Google", "credentials": google_credentials()}
    other = await ours.make("/integrations", google)
    sent = await ours.ask("POST", f"/integrations/{other['id']}/test-event", {"event": " "})
    assert sent.status == 202
    delivery = sent.body["data"]
    assert (delivery["kind"], delivery["integration_id"], delivery["lead_id"]) == ("conversion", other["id"], None)
    assert sent.headers["Location"] == f"/api/v1/deliveries/{delivery['id']}"
    await ours.ask("DELETE", f"/integrations/{other['id']}")


async def test_check_says_what_is_missing(ours: Workspace) -> None:
    made = await ours.make("/integrations", meta())
    checked = (await ours.ask("GET", f"/integrations/{made['id']}/check")).body["data"]
    assert checked["ok"] is False
    assert {step["step"]: step["ok"] for step in checked["steps"]} == {
        "active": True,
        "credentials": True,
        "events": False,
        "skipped": True,
        "last_sent": None,
    }
