"""Forms whose visitors confirm by a mail: published only while mail can be sent, and true to visitors afterwards."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest_asyncio

from shared.form_pages.page_messages import page_messages
from tests.contract.service import Answer, Service, ask, new_email
from tests.contract.workspaces import Workspace, new_workspace
from tests.support.waiting import until_async

FIELDS = [{"key": "email", "type": "email", "maps_to": "email"}]
FORM = {
    "name": "News",
    "fields": FIELDS,
    "settings": {"double_opt_in": True, "language": "en", "redirect_url": "/thanks"},
}
MAILER = {"type": "smtp", "name": "Mail", "credentials": {"host": "127.0.0.1", "port": 1, "from": "us@example.com"}}
NO_MAIL = {"settings.double_opt_in"}


@pytest_asyncio.fixture
async def ours(service: Service) -> AsyncIterator[Workspace]:
    async with new_workspace(service) as workspace:
        yield workspace


async def _lose_mail(ours: Workspace, **members: Any) -> str:
    """The path of a form that was made while there was mail."""
    mailer = await ours.make("/integrations", MAILER)
    form = await ours.make("/forms", {**FORM, **members})
    assert (await ours.ask("DELETE", f"/integrations/{mailer['id']}")).status == 204
    return f"/forms/{form['id']}"


async def test_a_form_is_published_only_while_its_mail_can_be_sent(ours: Workspace) -> None:
    errors = await ours.errors("POST", "/forms", FORM)
    assert errors.keys() == NO_MAIL
    assert "LEADHUB_SMTP_URL" in errors["settings.double_opt_in"][0]
    path = await _lose_mail(ours)
    renamed = await ours.ask("PATCH", path, {"name": "Other"})
    assert (renamed.status, renamed.body["data"]["name"], renamed.body["data"]["is_active"]) == (200, "Other", True)
    assert (await ours.errors("PATCH", path, {"fields": [*FIELDS, {"key": "city", "type": "text"}]})).keys() == NO_MAIL
    assert (await ours.ask("PATCH", path, {"is_active": False})).status == 200
    assert (await ours.errors("PATCH", path, {"is_active": True})).keys() == NO_MAIL
    saved = await ours.ask("PUT", f"{path}/draft", {"fields": [*FIELDS, {"key": "town", "type": "text"}]})
    assert (saved.status, saved.body["data"]["problems"].keys()) == (200, NO_MAIL)
    assert (await ours.errors("POST", f"{path}/publish", {})).keys() == NO_MAIL
    assert (await ours.ask("PATCH", path, {"settings": {"double_opt_in": False}})).status == 200
    assert (await ours.ask("PATCH", path, {"is_active": True})).status == 200


async def test_a_visitor_is_told_of_a_mail_only_if_it_can_be_sent(
    ours: Workspace, client: aiohttp.ClientSession
) -> None:
    mailer = await ours.make("/integrations", MAILER)
    form = await ours.make("/forms", FORM)
    thanks = page_messages("en").texts["thanks"]

    async def post() -> Answer:
        answer = await ask(client, "POST", f"/f/{form['public_id']}", json={"email": new_email()})
        assert (answer.status, answer.body["redirect_url"]) == (202, None)
        return answer

    assert (await post()).body["message"] == thanks["unconfirmed"]["text"]
    assert (await ours.ask("DELETE", f"/integrations/{mailer['id']}")).status == 204
    sent: list[str] = []

    async def is_true() -> bool:
        answer = await post()
        sent.append(answer.body["submission_id"])
        return bool(answer.body["message"] == thanks["unconfirmable"]["text"])

    await until_async(is_true, what="an answer that tells of no mail")

    async def is_held() -> bool:
        found = await ours.ask("GET", f"/submissions/{sent[-1]}")
        reasons = (found.body["data"]["spam"] or {"reasons": []})["reasons"] if found.status == 200 else []
        return "unconfirmed" in [one["code"] for one in reasons]

    await until_async(is_held, what="the submission that is held")
