"""A person who came by every channel is erased: nothing of them is left anywhere, and nothing brings them back."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio

from shared.platform.ids import now_ms, received_time, uuid7
from tests.contract.public_forms import filled_in, visited_form
from tests.contract.service import Service, ask, post_lead
from tests.contract.workspaces import Workspace, new_workspace
from tests.support.canary import (
    CANARY,
    CANARY_CONTENT,
    CANARY_EMAIL,
    quoting_files,
    quoting_lines,
    quoting_rows,
)
from tests.support.receivers import MailServer, receiving
from tests.support.stack import Stack, running_stack
from tests.support.waiting import until, until_async

pytestmark = pytest.mark.e2e

BURY_SQL = """
INSERT INTO submissions (workspace_id, id, received_at, state, channel, payload, error, attempts)
SELECT id, %(id)s, %(at)s, 'dead', 'inbound', %(payload)s, 'ValueError: bad', 5 FROM workspaces WHERE slug = %(slug)s
"""
MERGED_EMAIL = "c.verylongbird@example.org"
HOOK_HEADERS = {"Content-Type": "application/json"}
# Rows that stay after a restore: workers replace what quotes the person in them.
FINISHED_BY_WORKERS = tuple(f"INSERT INTO public.{table} " for table in ("imports", "jobs", "tags"))


@pytest.fixture(scope="module")
def mail_server() -> Iterator[MailServer]:
    with MailServer() as found:
        yield found


@pytest.fixture
def stack(tmp_path: Path, mail_server: MailServer) -> Iterator[Stack]:
    mail = {"LEADHUB_SMTP_URL": f"smtp://127.0.0.1:{mail_server.port}", "LEADHUB_MAIL_FROM": "us@example.com"}
    with running_stack(tmp_path / "one", {**mail, "LEADHUB_ALLOWED_TARGETS": "127.0.0.1"}) as found:
        yield found


@pytest_asyncio.fixture
async def ours(stack: Stack) -> AsyncIterator[Workspace]:
    async with new_workspace(Service(stack)) as workspace:
        yield workspace


async def come_by_every_channel(ours: Workspace, visitor: aiohttp.ClientSession, receiver_url: str) -> dict[str, Any]:
    """Have the person come. Return the lead's id, and what redeliveries need."""
    await ours.make("/webhooks", {"url": f"{receiver_url}/events", "events": ["lead.created", "lead.deleted"]})
    mail = {"action": {"type": "send_email", "to": "lead", "subject": "Hi {{first_name}}", "body": "{{email}}"}}
    task = {"action": {"type": "create_task", "title": "Call {{first_name}} {{last_name}}", "due_in_hours": 1}}
    wait = {"delay": {"days": 3}}
    await ours.make("/automations", {"name": "Greet", "trigger": {"type": "lead_created"}, "steps": [mail, task, wait]})
    first = await post_lead(ours.client, CANARY, f"/api/inbound/leads?tenant={ours.slug}", Idempotency_Key="once")
    lead_id = first.body["lead_id"]
    form = await visited_form(ours.client, visitor)
    values = filled_in(mail=CANARY_EMAIL, name="Canaria Verylongbird", _token=await form.token())
    body = aiohttp.FormData(list(values.items()), default_to_multipart=True)
    body.add_field("cv", CANARY_CONTENT, filename="verylongbird.pdf", content_type="application/pdf")
    sent = await form.settled(await form.send(data=body))
    assert sent["lead_id"] == lead_id, sent
    held = await form.send(data=filled_in(mail=CANARY_EMAIL, **{await form.trap(): "http://x.example"}))
    assert (await form.settled(held))["state"] == "quarantined"
    hook = await ours.make("/integrations", {"type": "webhook", "name": "Shop"})
    people = [{"email": "first.of.two@example.com", "id": 1}, {"email": CANARY_EMAIL, "name": "Canaria", "id": 2}]
    delivered = json.dumps(people).encode()
    assert (await ask(visitor, "POST", hook["webhook_url"], data=delivered, headers=HOOK_HEADERS)).status == 200
    second = await ours.lead(email=MERGED_EMAIL, first_name="Canaria", last_name="Verylongbird", company="Birds")
    merged = await ours.ask("POST", f"/leads/{lead_id}/merge", {"lead_id": second})
    assert merged.status == 200, merged.raw
    await import_person(ours)
    dead = uuid7(now_ms())
    with ours.service.stack.database() as database:
        payload = orjson.dumps({**CANARY, "email": f"  {CANARY_EMAIL.upper()}"})
        database.execute(BURY_SQL, {"id": dead, "at": received_time(dead), "payload": payload, "slug": ours.slug})
    await ours.ask("GET", f"/leads?search={CANARY_EMAIL}")
    return {"lead": lead_id, "merged": second, "dead": dead, "hook": hook, "delivered": delivered, "form": form}


async def import_person(ours: Workspace) -> None:
    """Have the person come in a file too: once well, and once in a row that cannot be used."""
    rows = f"email,name\n{CANARY_EMAIL},Canaria Verylongbird\nnot-an-email canaria,Canaria Verylongbird\n"
    body = aiohttp.FormData(default_to_multipart=True)
    body.add_field("file", rows.encode(), filename=f"{CANARY_EMAIL}.csv", content_type="text/csv")
    body.add_field("options", json.dumps({"invalid": "reject", "tags": [f"about {CANARY_EMAIL}"]}))
    made = await ask(ours.client, "POST", "/api/v1/leads/import", data=body)
    assert made.status == 202, made.raw

    async def is_done() -> bool:
        return bool((await ours.show(f"/imports/{made.body['data']['id']}"))["state"] == "done")

    await until_async(is_done, 30)


async def is_settled(ours: Workspace, lead_id: int) -> bool:
    """Whether the automation and the deliveries are through."""
    deliveries = (await ours.ask("GET", f"/deliveries?lead_id={lead_id}")).body["data"]
    submissions = (await ours.ask("GET", f"/submissions?lead_id={lead_id}")).body["data"]
    return len(submissions) >= 3 and len(deliveries) >= 2 and all(one["state"] == "sent" for one in deliveries)


async def test_erased_person_is_nowhere_and_does_not_come_back(
    stack: Stack, ours: Workspace, mail_server: MailServer, tmp_path: Path
) -> None:
    file = tmp_path / "before.tar"
    async with receiving() as receiver, Service(stack).client(None) as visitor:
        known = await come_by_every_channel(ours, visitor, receiver.url)
        await until_async(lambda: is_settled(ours, known["lead"]), 30)
        await find_and_back_up(stack, ours, known["lead"], file)
        accepted = stack.status()["accepted"]
        await erase_as_previewed(ours, known)

        async def is_finished() -> bool:
            answer = await ours.ask("POST", f"/leads/{known['lead']}/erase", {"confirm": True})
            return bool(answer.body["data"]["state"] == "done")

        await until_async(is_finished, 60)
        assert quoting_rows(stack.database_url) == []
        assert quoting_files(stack.folder / "files") == []
        assert quoting_lines(stack.said().encode()) == []
        after = stack.status()
        assert after["accepted"] == sum(after[name] for name in ("done", "pending", "dead", "quarantined", "spooled"))
        assert after["accepted"] == accepted

        def told_ids() -> list[int]:
            told = [one.body for one in receiver.requests if one.body.get("event") == "lead.deleted"]
            return [one["lead"]["id"] for one in told]

        await asyncio.to_thread(until, told_ids, what="the webhook of the deletion")
        assert told_ids() == [known["lead"]]

        await redeliver(ours, visitor, known)
        assert quoting_rows(stack.database_url) == []
        again = await post_lead(ours.client, {**CANARY, "notes": "I am back"}, f"/api/inbound/leads?tenant={ours.slug}")
        assert (again.status, again.body["is_duplicate"]) == (201, False)
        assert (await ours.ask("DELETE", f"/leads/{again.body['lead_id']}")).status == 204
        await ours.ask("POST", f"/leads/{again.body['lead_id']}/erase", {"confirm": True})
    await restore_and_look(stack, file, known["lead"])


async def find_and_back_up(stack: Stack, ours: Workspace, lead_id: int, file: Path) -> None:
    """Find all that is held on the person, and make a backup of it."""
    report = await ours.show(f"/leads/{lead_id}/person")
    assert len(report["submissions"]) >= 6
    assert [one["name"] for one in report["files"]] == ["verylongbird.pdf"]
    assert all(report[name] for name in ("identities", "activities", "tasks", "deliveries", "automation_runs"))
    saved = await asyncio.to_thread(stack.run, "backup", str(file))
    assert saved.returncode == 0
    assert len(quoting_rows(stack.database_url)) > 10
    assert quoting_files(stack.folder / "files")


async def erase_as_previewed(ours: Workspace, known: dict[str, Any]) -> None:
    """Erase the person by the lead that was merged: what was previewed goes."""
    preview = (await ours.ask("POST", f"/leads/{known['merged']}/erase", {})).body["data"]
    assert (preview["state"], preview["lead_ids"]) == ("preview", [known["lead"], known["merged"]])
    assert preview["total"] == sum(group["goes"] for group in preview["groups"]) > 20
    asked = {"confirm": True, "reason": "Canaria Verylongbird wrote on 24 Nov"}
    erased = await ours.ask("POST", f"/leads/{known['merged']}/erase", asked)
    assert (erased.status, erased.body["data"]["removed"]) == (200, preview["removed"])
    assert (await ours.ask("GET", f"/leads/{known['lead']}")).status == 404


async def redeliver(ours: Workspace, visitor: aiohttp.ClientSession, known: dict[str, Any]) -> None:
    """Send again what was sent: nothing may come of it."""
    inbound = f"/api/inbound/leads?tenant={ours.slug}"
    repeated = await post_lead(ours.client, CANARY, inbound, Idempotency_Key="once")
    assert repeated.status == 409, repeated.raw
    hook = known["hook"]["webhook_url"]
    assert (await ask(visitor, "POST", hook, data=known["delivered"], headers=HOOK_HEADERS)).status == 200
    assert (await ours.ask("POST", f"/submissions/{known['dead']}/replay")).status == 409
    await asyncio.to_thread(until, lambda: ours.service.stack.status()["pending"] == 0, 20, "no pending submission")


async def restore_and_look(stack: Stack, file: Path, lead_id: int) -> None:
    """Restore the backup of before the erasure: the person is not in it, before anything runs and after."""
    stack.stop()
    said = stack.run("restore", str(file), "--force").stderr
    assert "erased again" in said
    stack.start()
    assert [row for row in quoting_rows(stack.database_url) if not row.startswith(FINISHED_BY_WORKERS)] == []
    with stack.database() as database:
        assert database.execute("SELECT count(*) FROM leads WHERE id = %s", (lead_id,)).fetchone() == (0,)
    until(lambda: quoting_files(stack.folder / "files") == [], 30, "no file of the person")
    until(lambda: stack.status()["pending"] == 0, 20, "no pending submission")
    until(lambda: quoting_rows(stack.database_url) == [], 60, "no quotation of the person")
    assert quoting_lines(stack.said().encode()) == []
