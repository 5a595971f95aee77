"""A person's data: the report, what would go, the erasure, and for how long a workspace keeps what."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.contract.service import Service, ask, new_email, post_lead
from tests.contract.workspaces import Workspace, new_workspace


@pytest_asyncio.fixture
async def ours(service: Service) -> AsyncIterator[Workspace]:
    async with new_workspace(service) as workspace:
        yield workspace


async def test_report_has_what_was_sent_and_its_timeline(ours: Workspace) -> None:
    email = new_email()
    lead_id = await ours.lead(email=email, first_name="Ada", notes="a note")
    await ours.make("/tasks", {"lead_id": lead_id, "title": "Call Ada"})
    report = await ours.show(f"/leads/{lead_id}/person")
    assert report["lead"]["email"] == email
    assert [one["payload"]["notes"] for one in report["submissions"]] == ["a note"]
    assert [one["title"] for one in report["tasks"]] == ["Call Ada"]
    assert {one["value"] for one in report["identities"]} == {email}
    assert report["activities"][0]["type"] == "lead.created"


async def test_erase_shows_what_would_go_and_then_takes_it(ours: Workspace) -> None:
    email = new_email()
    lead_id = await ours.lead(email=email, first_name="Ada")
    preview = (await ours.ask("POST", f"/leads/{lead_id}/erase")).body["data"]
    assert (preview["state"], preview["id"], preview["erased_at"]) == ("preview", None, None)
    assert preview["total"] == sum(group["goes"] for group in preview["groups"])
    assert (await ours.show(f"/leads/{lead_id}"))["email"] == email
    asked = {"confirm": True, "reason": f"{email} asked for it, case 7"}
    erased = (await ours.ask("POST", f"/leads/{lead_id}/erase", asked)).body["data"]
    assert (erased["removed"], erased["lead_ids"]) == (preview["removed"], [lead_id])
    assert erased["reason"] == "[erased] asked for it, case 7"
    again = (await ours.ask("POST", f"/leads/{lead_id}/erase", {"confirm": True})).body["data"]
    assert (again["id"], again["removed"]) == (erased["id"], erased["removed"])
    assert (await ours.ask("GET", f"/leads/{lead_id}")).status == 404
    assert (await ours.ask("GET", f"/leads/{lead_id}/person")).status == 404
    entries = (await ours.ask("GET", "/audit-log?action=lead.erased")).body["data"]
    assert entries
    assert email not in str(entries)


async def test_who_comes_again_is_a_new_lead(ours: Workspace) -> None:
    email, path = new_email(), f"/api/inbound/leads?tenant={ours.slug}"
    first = await post_lead(ours.client, {"email": email}, path, Idempotency_Key="first")
    erased = await ours.ask("POST", f"/leads/{first.body['lead_id']}/erase", {"confirm": True})
    assert erased.status == 200
    repeat = await post_lead(ours.client, {"email": email}, path, Idempotency_Key="first")
    assert (repeat.status, repeat.code) == (409, "CONFLICT")
    again = await post_lead(ours.client, {"email": email}, path)
    assert (again.status, again.body["is_duplicate"]) == (201, False)
    assert again.body["lead_id"] != first.body["lead_id"]
    blank = await ours.show(f"/submissions/{first.body['submission_id']}")
    assert (blank["state"], blank["lead_id"], blank["payload"]) == ("done", None, None)
    assert (await ours.ask("POST", f"/submissions/{first.body['submission_id']}/replay")).status == 409


async def test_erasing_takes_the_scope_that_deletes(ours: Workspace) -> None:
    lead_id = await ours.lead()
    async with await ours.client_with("read:leads", "write:leads") as client:
        refused = await ask(client, "POST", f"/api/v1/leads/{lead_id}/erase", json={"confirm": True})
        assert (refused.status, refused.code) == (403, "FORBIDDEN")
        assert (await ask(client, "GET", f"/api/v1/leads/{lead_id}/person")).status == 200
    entries = (await ours.ask("GET", "/audit-log?outcome=refused")).body["data"]
    assert [one["action"] for one in entries] == ["lead.erased"]


async def test_retention_is_less_than_the_installations(ours: Workspace) -> None:
    kept = await ours.show("/retention")
    assert (kept["installation_days"], kept["submissions_days"]) == (90, None)
    changed = await ours.ask("PUT", "/retention", {"submissions_days": 30, "activities_days": 30})
    assert (changed.status, changed.body["data"]["submissions_days"]) == (200, 30)
    assert (await ours.ask("PATCH", "/retention", {"held_days": 7})).body["data"]["submissions_days"] == 30
    errors = await ours.errors("PUT", "/retention", {"attempts_days": 91, "activities_days": 5, "held_days": 0})
    assert errors.keys() == {"held_days"}
    assert (await ours.errors("PUT", "/retention", {"attempts_days": 91, "activities_days": 5})).keys() == {
        "attempts_days",
        "activities_days",
    }
