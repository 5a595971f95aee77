"""Double opt-in: a visitor's submission waits until the button behind the link of its mail is pressed."""

import re
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.contract.service import Service, new_email
from tests.contract.workspaces import Workspace, new_workspace
from tests.support.receivers import MailServer
from tests.support.stack import Stack
from tests.support.tiers import first_in_tier
from tests.support.waiting import until_async

pytestmark = pytest.mark.e2e

SUBJECTS = {"en": "Please confirm", "ar": "يُرجى التأكيد"}
FIELDS = [
    {"key": "name", "type": "text", "maps_to": "full_name"},
    {"key": "email", "type": "email", "maps_to": "email", "required": True},
]


@pytest_asyncio.fixture
async def ours(mailing_stack: Stack) -> AsyncIterator[Workspace]:
    async with new_workspace(Service(mailing_stack)) as workspace:
        yield workspace


@pytest_asyncio.fixture
async def visitor() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"Accept": "text/html"}) as session:
        yield session


async def _send(ours: Workspace, visitor: aiohttp.ClientSession, language: str) -> tuple[dict[str, Any], str, str]:
    """Fill in a form that asks for confirmation. Return the form, the address, and the page that answers."""
    settings = {"double_opt_in": True, "language": language, "title": "Newsletter"}
    form = await ours.make("/forms", {"name": "News", "fields": FIELDS, "settings": settings})
    address = new_email()
    posted = {"name": "Ada Lovelace", "email": address}
    async with visitor.post(f"{ours.service.stack.base}/f/{form['public_id']}", data=posted) as answer:
        assert answer.status == 200, await answer.text()
        return form, address, await answer.text()


async def _mail_to(server: MailServer, address: str) -> Any:
    async def has_come() -> bool:
        return any(address in mail.rcpt_tos for mail in server.mails)

    await until_async(has_come, 20, "the mail")
    content = next(mail.content for mail in server.mails if address in mail.rcpt_tos)
    assert isinstance(content, bytes)
    return message_from_bytes(content, policy=policy.default)


@pytest.mark.parametrize("language", first_in_tier("ar", "en"))
async def test_a_submission_waits_for_the_button_behind_its_link(
    ours: Workspace, visitor: aiohttp.ClientSession, mail_server: MailServer, language: str
) -> None:
    form, address, page = await _send(ours, visitor, language)
    assert f'lang="{language}"' in page
    mail = await _mail_to(mail_server, address)
    assert mail["Subject"].startswith(SUBJECTS[language])
    [held] = (await ours.ask("GET", f"/forms/{form['id']}/submissions")).body["data"]
    assert (held["state"], held["spam"]["reasons"][0]["code"], held["lead_id"]) == ("quarantined", "unconfirmed", None)
    assert "confirmation" not in str(held["payload"])

    path = re.search(r"/c/\S+", mail.get_content())
    assert path
    link = f"{ours.service.stack.base}{path[0]}"
    async with visitor.get(link) as asked:  # as mail scanners do
        assert asked.status == 200
    assert (await ours.ask("GET", f"/submissions/{held['id']}")).body["data"]["state"] == "quarantined"
    for _ in range(2):  # whoever presses twice is thanked twice, and makes one lead
        async with visitor.post(link) as pressed:
            assert pressed.status == 200

    async def is_done() -> bool:
        return bool((await ours.ask("GET", f"/submissions/{held['id']}")).body["data"]["state"] == "done")

    await until_async(is_done, 20, "the lead")
    leads = (await ours.ask("GET", f"/leads?email={address}")).body["data"]
    assert [lead["first_name"] for lead in leads] == ["Ada"]


@pytest.mark.extended
async def test_links_that_nobody_sent_confirm_nothing(
    ours: Workspace, visitor: aiohttp.ClientSession, mail_server: MailServer
) -> None:
    _, address, _ = await _send(ours, visitor, "en")
    path = re.search(r"/c/\S+", (await _mail_to(mail_server, address)).get_content())
    assert path
    for wrong in (path[0][:-3], f"{path[0]}AAA", "/c/1.x", "/c/%00", f"/c/{'A' * 3000}"):
        async with visitor.post(f"{ours.service.stack.base}{wrong}") as answer:
            assert answer.status == 410, wrong
