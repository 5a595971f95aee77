"""Subscriptions to events as records, and their secrets."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.service import Service
from tests.contract.workspaces import Workspace, assert_foreign

URL = "https://crm.example.com/hooks/leads"
RECORD = [
    "id",
    "url",
    "events",
    "description",
    "filters",
    "filter_expression",
    "body_expression",
    "max_per_minute",
    "is_active",
    "disabled_reason",
    "disabled_at",
    "created_at",
    "updated_at",
    "filter_failures",
    "filter_error",
    "filter_failed_at",
]
EVENTS = [
    "lead.created",
    "lead.updated",
    "lead.deleted",
    "lead.duplicate",
    "lead.stage_changed",
    "lead.assigned",
    "tag.added",
    "form.submitted",
]


def body(**fields: Any) -> dict[str, Any]:
    return {"url": URL, "events": ["lead.created"], **fields}


async def test_a_subscription_from_making_to_deleting(ours: Workspace) -> None:
    made = await ours.make("/webhooks", body(events=[*EVENTS, "lead.created"], description="The CRM"))
    secret, path = made.pop("secret"), f"/webhooks/{made['id']}"
    assert secret.startswith("whsec_")
    assert 24 <= len(b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64
    assert list(made) == RECORD
    assert (made["events"], made["is_active"], made["disabled_reason"]) == (EVENTS, True, None)
    assert await ours.show(path) == made
    assert (await ours.ask("GET", "/webhooks")).body["data"] == [made]
    changed = (await ours.ask("PATCH", path, {"events": ["*"], "description": None})).body["data"]
    assert {**changed, "updated_at": made["updated_at"]} == {**made, "events": ["*"], "description": None}
    assert (await ours.ask("DELETE", path)).status == 204
    assert (await ours.ask("GET", path)).status == 404


async def test_a_new_secret_has_the_old_one_beside_it_for_a_day(ours: Workspace, service: Service) -> None:
    made = await ours.make("/webhooks", body())
    with service.stack.database() as database:
        query = "SELECT secret, old_secret, old_secret_until FROM webhook_subscriptions WHERE id = %s"
        before = database.execute(query, (made["id"],)).fetchone()
        rotated = (await ours.ask("POST", f"/webhooks/{made['id']}/rotate-secret")).body["data"]
        after = database.execute(query, (made["id"],)).fetchone()
    assert before is not None
    assert after is not None
    assert list(rotated) == [*RECORD, "secret"]
    assert rotated["secret"] != made["secret"]
    assert (before[1], after[1]) == (None, before[0])
    assert timedelta(hours=23, minutes=59) < after[2] - datetime.now(UTC) <= timedelta(hours=24)
    assert made["secret"].encode() not in after[0] + after[1]


async def test_subscription_is_narrowed_to_what_there_is(ours: Workspace, theirs: Workspace) -> None:
    filters = {"sources": ["website"], "tag": "vip", "form_id": None}
    made = await ours.make("/webhooks", body(filters=filters))
    assert made["filters"] == {"sources": ["website"], "tag": "vip"}
    path = f"/webhooks/{made['id']}"
    assert (await ours.ask("PATCH", path, {"description": "x"})).body["data"]["filters"] == made["filters"]
    for nothing in (None, {}, {"tag": None}):
        assert (await ours.ask("PATCH", path, {"filters": nothing})).body["data"]["filters"] is None
    stage = (await theirs.ask("GET", "/pipelines")).body["data"][0]["stages"][0]["id"]
    wrong = [{"stage_id": stage}, {"form_id": 2**50}, {"tag": 5}, {"sources": []}, {"sources": ["x"] * 51}]
    for sent in wrong:
        assert await ours.errors("PATCH", path, {"filters": sent})
        assert await ours.errors("POST", "/webhooks", body(filters=sent))


async def test_how_long_the_old_secret_signs_is_asked_for(ours: Workspace, service: Service) -> None:
    made = await ours.make("/webhooks", body())
    path = f"/webhooks/{made['id']}/rotate-secret"
    kept = "SELECT old_secret IS NOT NULL, old_secret_until FROM webhook_subscriptions WHERE id = %s"
    for hours in (3, 0):
        assert (await ours.ask("POST", path, {"overlap_hours": hours})).status == 200
        with service.stack.database() as database:
            [(has_old, until)] = database.execute(kept, (made["id"],)).fetchall()
        assert (has_old, until is not None) == (hours > 0, hours > 0)
        if hours:
            assert timedelta(hours=2, minutes=59) < until - datetime.now(UTC) <= timedelta(hours=3)
    for wrong in (-1, 169, "3", 1.5, None):
        assert list(await ours.errors("POST", path, {"overlap_hours": wrong})) == ["overlap_hours"]


async def test_a_test_event_is_a_delivery_unless_the_subscription_is_off(ours: Workspace) -> None:
    made = await ours.make("/webhooks", body(events=["tag.added", "lead.created"]))
    path = f"/webhooks/{made['id']}"
    for sent, event in (({}, "tag.added"), ({"event": "source.silent"}, "source.silent")):
        answer = await ours.ask("POST", f"{path}/test", sent)
        assert (answer.status, answer.body["data"]["event"]) == (202, event)
        assert (answer.body["data"]["subscription_id"], answer.body["data"]["lead_id"]) == (made["id"], None)
    assert list(await ours.errors("POST", f"{path}/test", {"event": "lead.eaten"})) == ["event"]
    await ours.ask("PATCH", path, {"is_active": False})
    assert (await ours.ask("POST", f"{path}/test")).status == 409


async def test_activating_one_that_was_switched_off_forgets_why(ours: Workspace, service: Service) -> None:
    made = await ours.make("/webhooks", body())
    path = f"/webhooks/{made['id']}"
    with service.stack.database() as database:
        off = "UPDATE webhook_subscriptions SET is_active = false, disabled_reason = 'gone', disabled_at = now()"
        database.execute(f"{off} WHERE id = %s", (made["id"],))
    shown = await ours.show(path)
    assert (shown["is_active"], shown["disabled_reason"]) == (False, "gone")
    assert shown["disabled_at"] is not None
    assert (await ours.ask("PATCH", path, {"description": "x"})).body["data"]["disabled_reason"] == "gone"
    on = (await ours.ask("PATCH", path, {"is_active": True})).body["data"]
    assert (on["is_active"], on["disabled_reason"], on["disabled_at"]) == (True, None, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", None),
        ("url", "crm.example.com"),
        ("url", "ftp://crm.example.com"),
        ("url", "javascript:alert(1)"),
        ("url", "https://user:password@crm.example.com"),
        ("url", "http://127.0.0.1:5432/"),
        ("url", "http://localhost/"),
        ("url", "http://[::1]/"),
        ("url", "http://[::1/"),
        ("url", "http://example.com:99999/"),
        ("url", 5),
        ("events", None),
        ("events", []),
        ("events", "lead.created"),
        ("events", ["lead.eaten"]),
        ("events", [5]),
        ("is_active", None),
        ("description", 5),
    ],
)
async def test_a_value_that_cannot_be_is_refused(ours: Workspace, field: str, value: Any) -> None:
    changed = {field: value}
    for method, path, sent in (("POST", "/webhooks", body(**changed)), ("PATCH", f"/webhooks/{2**50}", changed)):
        errors = await ours.errors(method, path, sent)
        assert {name.partition(".")[0] for name in errors} == {field}


async def test_subscriptions_of_another_workspace_are_invisible(ours: Workspace, theirs: Workspace) -> None:
    made = await ours.make("/webhooks", body())
    await assert_foreign(ours, theirs, f"/webhooks/{made['id']}", {"is_active": False})
    for below in ("rotate-secret", "test"):
        assert (await theirs.ask("POST", f"/webhooks/{made['id']}/{below}")).status == 404
    assert (await theirs.ask("GET", "/webhooks")).body["meta"]["total"] == 0
