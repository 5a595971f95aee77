"""A visitor posts a form many times with a stranger's address or number: the stranger gets few messages."""

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.contract.service import Service
from tests.contract.workspaces import Workspace, new_workspace
from tests.support.receivers import MailServer
from tests.support.stack import Stack
from tests.support.waiting import until_async

pytestmark = pytest.mark.e2e

POSTS = 30
PER_HOUR = 5
REASON = "not sent: this address got 5 mails in the last hour"
FIELDS = [
    {"key": "name", "type": "text", "maps_to": "full_name"},
    {"key": "email", "type": "email", "maps_to": "email", "required": True},
]
STEPS = [
    {"action": {"type": "send_email", "to": "lead", "subject": "Thank you, {{ first_name }}", "body": "We call you."}},
    {"action": {"type": "add_tag", "tag": "thanked"}},
]


async def _post_all(ours: Workspace, public_id: str, addresses: list[str], **others: str) -> None:
    async with aiohttp.ClientSession(ours.service.stack.base) as visitor:

        async def post(number: int, address: str) -> int:
            data = {"name": f"Ada {number}", "email": address, **others}
            async with visitor.post(f"/f/{public_id}", data=data) as answer:
                return answer.status

        answers = await asyncio.gather(*(post(number, address) for number, address in enumerate(addresses)))
    assert set(answers) == {200}


async def _ended_runs(ours: Workspace, automation: int, number: int) -> list[dict[str, Any]]:
    """The runs of an automation, once so many have ended."""
    found: list[dict[str, Any]] = []

    async def have_ended() -> bool:
        found[:] = (await ours.ask("GET", f"/automations/{automation}/runs?per_page=100")).body["data"]
        return len(found) == number and all(run["finished_at"] for run in found)

    await until_async(have_ended, 60, "the runs")
    return found


async def test_a_flood_of_posts_mails_a_stranger_five_times_and_loses_no_lead(
    mailing_stack: Stack, mail_server: MailServer
) -> None:
    async with new_workspace(Service(mailing_stack)) as ours:
        settings = {"spam": {"threshold": 1000}}  # so that nothing else stops it
        form = await ours.make("/forms", {"name": "Contact", "fields": FIELDS, "settings": settings})
        trigger = {"type": "form_submitted", "form_id": form["id"]}
        automation = await ours.make("/automations", {"name": "Thanks", "trigger": trigger, "steps": STEPS})
        spellings = [f"victim+{number}@example.com" for number in range(POSTS)]
        await _post_all(ours, form["public_id"], [*spellings, "ada@example.com"])
        runs = await _ended_runs(ours, automation["id"], POSTS + 1)

        unsent = [run for run in runs if run["steps"][0]["outcome"] == "skipped"]
        assert [run["steps"][0]["reason"] for run in unsent] == [REASON] * (POSTS - PER_HOUR)
        assert all(run["steps"][0]["deliveries"] == [] for run in unsent)
        assert {(run["state"], run["error"], run["steps"][1]["outcome"]) for run in runs} == {("done", None, "done")}
        leads = (await ours.ask("GET", "/leads?per_page=100&tag=thanked")).body["data"]
        assert sorted(lead["email"] for lead in leads) == sorted([*spellings, "ada@example.com"])

        async def is_idle() -> bool:
            return not (await ours.ask("GET", "/deliveries?state=pending")).body["data"]

        await until_async(is_idle, 60, "the mails")
        recipients = [address for mail in mail_server.mails for address in mail.rcpt_tos]
        assert len([address for address in recipients if address.startswith("victim")]) == PER_HOUR
        assert recipients.count("ada@example.com") == 1


@pytest.mark.extended
async def test_a_flood_of_posts_texts_a_stranger_five_times(mailing_stack: Stack) -> None:
    async with new_workspace(Service(mailing_stack)) as ours:
        fields = [*FIELDS, {"key": "phone", "type": "phone", "maps_to": "phone"}]
        form = await ours.make(
            "/forms", {"name": "Call me", "fields": fields, "settings": {"spam": {"threshold": 1000}}}
        )
        provider = {"account_sid": "AC1", "auth_token": "hidden", "from": "+15005550006"}
        integration = await ours.make("/integrations", {"type": "twilio", "name": "Texts", "credentials": provider})
        trigger = {"type": "form_submitted", "form_id": form["id"]}
        text = {"action": {"type": "send_sms", "integration_id": integration["id"], "body": "We call you."}}
        automation = await ours.make("/automations", {"name": "Text", "trigger": trigger, "steps": [text]})
        victim = "+1 201 555 0123"
        await _post_all(ours, form["public_id"], [f"v{n}@example.com" for n in range(6)], phone=victim)
        for n in range(3):  # the provider dials no extension
            await _post_all(ours, form["public_id"], [f"x{n}@example.com"], phone=f"{victim} ext. {n + 1}")
        await _post_all(ours, form["public_id"], ["ada@example.com"], phone="+1 201 555 0124")
        runs = await _ended_runs(ours, automation["id"], 10)
        reasons = [run["steps"][0].get("reason") for run in runs if run["steps"][0]["outcome"] == "skipped"]
        assert reasons == [f"not sent: this number got {PER_HOUR} text messages in the last hour"] * 4
        texts = (await ours.ask("GET", "/deliveries?kind=sms&per_page=100")).body["data"]
        assert len(texts) == PER_HOUR + 1
