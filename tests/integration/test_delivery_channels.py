"""Mails, text messages and Slack, handed to real local servers that stand in for the providers."""

import asyncio
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.utils import parseaddr
from typing import Any, cast
from urllib.parse import parse_qs

import pytest

from services.workers.deliveries.circuits import FAILURES_UNTIL_OPEN
from shared.outbound import unsubscribe_links
from shared.outbound.deliveries import (
    enqueue_deliveries,
    mail_to_lead,
    mail_to_user,
    notification_to_user,
    slack_message,
    sms_to_lead,
)
from shared.outbound.workspace_tokens import workspace_mail_keys
from shared.platform.db.connections import connect
from shared.platform.masking import SECRET_MASK
from tests.support.receivers import MailServer, Receiver
from tests.support.sending import Outbox
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as found:
        yield found


async def _use(outbox: Outbox, server: MailServer) -> int:
    fields = {"host": "127.0.0.1", "port": str(server.port), "from": "crm@example.com"}
    return await outbox.integrate("smtp", **fields)


def _read(server: MailServer, number: int = 0) -> Any:
    content = server.mails[number].content
    assert isinstance(content, bytes)
    return message_from_bytes(content, policy=policy.default)


async def test_a_mail_to_a_lead_bears_its_link_to_unsubscribe(outbox: Outbox, mail_server: MailServer) -> None:
    await _use(outbox, mail_server)
    lead_id = await outbox.lead("ada@example.com")
    await enqueue_deliveries(
        outbox.connection, [mail_to_lead(outbox.workspace_id, lead_id, "Hello\r\nBcc: x@y.z", "Hi Ada ✓")]
    )
    await outbox.send()
    mail, (delivery,) = _read(mail_server), await outbox.deliveries()
    assert delivery["state"] == "sent"
    assert mail_server.mails[0].rcpt_tos == ["ada@example.com"]
    assert mail["Subject"] == "Hello Bcc: x@y.z"
    assert mail["Bcc"] is None
    assert mail["Message-ID"] == f"<{delivery['message_id']}@example.com>"
    assert mail.get_content().startswith("Hi Ada ✓")
    link = mail["List-Unsubscribe"].strip("<>")
    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in cast("bytes", mail_server.mails[0].content)
    assert link in mail.get_content()
    token = link.rpartition(unsubscribe_links.UNSUBSCRIBE_PATH)[2]
    read = await unsubscribe_links.read_token(outbox.connection, outbox.cipher, token)
    assert read == (outbox.workspace_id, "ada@example.com")
    for bad in (token[:-1], token[:-9] + "AAAAAAAAA", f"9{token}", token.partition(".")[2], "x", "1.", "9" * 30 + ".x"):
        assert await unsubscribe_links.read_token(outbox.connection, outbox.cipher, bad) is None
    (attempt,) = await outbox.attempts()
    assert "ada" not in str(attempt["request"])


async def test_two_who_make_a_workspaces_first_link_at_once_agree_on_its_key(outbox: Outbox) -> None:
    """Else the links of one of them would open nothing, for as long as the mails are read."""

    async def key() -> dict[int, str]:
        async with connect(outbox.url, "tests keys") as connection:
            return await workspace_mail_keys(connection, outbox.cipher, [outbox.workspace_id])

    async def both_wait() -> bool:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tests keys' AND wait_event_type = 'Lock'"
        )
        return bool(await outbox.one(waiting) == 2)

    async with connect(outbox.url, "tests holder") as holder, holder.transaction():
        await holder.execute("SELECT FROM workspaces FOR UPDATE")
        made = [asyncio.create_task(key()) for _ in range(2)]
        await until_async(both_wait, what="two that found no key")
    first, second = await asyncio.gather(*made)
    assert first == second == await key()


async def test_links_that_cannot_be_made_hold_up_nothing_else(outbox: Outbox, mail_server: MailServer) -> None:
    await _use(outbox, mail_server)
    await outbox.connection.execute("UPDATE workspaces SET mail_key = 'damaged'")
    lead, user = await outbox.lead("ada@example.com"), await outbox.user("boss@example.com")
    to_lead = mail_to_lead(outbox.workspace_id, lead, "Hello", "Hi")
    await enqueue_deliveries(outbox.connection, [to_lead, mail_to_user(outbox.workspace_id, user, "A lead", "Call it")])
    await outbox.send()
    assert [one["state"] for one in await outbox.deliveries()] == ["failed", "sent"]


async def test_a_mail_server_is_met_at_whichever_of_its_addresses_answers(
    outbox: Outbox, mail_server: MailServer
) -> None:
    async def look_up(_host: str, _port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]  # at the first nobody listens

    outbox.lookup = look_up
    fields = {"host": "mail.example", "port": str(mail_server.port), "from": "crm@example.com"}
    await outbox.integrate("smtp", **fields)
    user = await outbox.user("boss@example.com")
    await enqueue_deliveries(outbox.connection, [mail_to_user(outbox.workspace_id, user, "A lead", "Call it")])
    await outbox.send()
    assert [one["state"] for one in await outbox.deliveries()] == ["sent"]


async def test_suppressed_lead_gets_no_mail(outbox: Outbox, mail_server: MailServer) -> None:
    await _use(outbox, mail_server)
    lead_id = await outbox.lead("ada@example.com")
    suppress = "INSERT INTO suppressions (workspace_id, email, reason) VALUES (%s, 'ada@example.com', 'manual')"
    await outbox.connection.execute(suppress, (outbox.workspace_id,))
    await enqueue_deliveries(outbox.connection, [mail_to_lead(outbox.workspace_id, lead_id, "Hello", "Hi")])
    await outbox.send()
    assert [one["state"] for one in await outbox.deliveries()] == ["suppressed"]
    assert mail_server.mails == []


async def test_users_get_mails_without_such_a_link(outbox: Outbox, mail_server: MailServer) -> None:
    await _use(outbox, mail_server)
    workspace, user_id = outbox.workspace_id, await outbox.user("boss@example.com")
    await enqueue_deliveries(outbox.connection, [mail_to_user(workspace, user_id, "A lead", "Call it")])
    await enqueue_deliveries(outbox.connection, [notification_to_user(workspace, user_id, "A lead", "Call it")])
    await outbox.send()
    recipients = sorted(mail.rcpt_tos[0] for mail in mail_server.mails)
    assert recipients == ["boss@example.com", "boss@example.com"]
    assert all(_read(mail_server, number)["List-Unsubscribe"] is None for number in range(2))


@pytest.mark.parametrize("sender", ["leadhub@example.com", '"Leads, Inc" <leadhub@example.com>'])
async def test_workspace_without_smtp_uses_the_operators_server(
    outbox: Outbox, mail_server: MailServer, sender: str
) -> None:
    user_id = await outbox.user("boss@example.com")
    url = f"smtp://localhost:{mail_server.port}"
    outbox.settings = outbox.settings.model_copy(update={"smtp_url": url, "mail_from": sender, "allowed_targets": ""})
    await enqueue_deliveries(
        outbox.connection, [notification_to_user(outbox.workspace_id, user_id, "A lead", "Call it")]
    )
    await outbox.send()
    assert mail_server.mails[0].mail_from == "leadhub@example.com"
    assert parseaddr(_read(mail_server)["From"]) == parseaddr(sender)


async def test_workspace_smtp_server_must_have_a_public_address(outbox: Outbox, mail_server: MailServer) -> None:
    await _use(outbox, mail_server)
    outbox.settings = outbox.settings.model_copy(update={"allowed_targets": ""})
    await enqueue_deliveries(
        outbox.connection, [notification_to_user(outbox.workspace_id, await outbox.user("b@example.com"), "A", "B")]
    )
    await outbox.send()
    assert [one["state"] for one in await outbox.deliveries()] == ["failed"]
    assert mail_server.mails == []


async def test_mail_without_any_server_fails_with_a_reason(outbox: Outbox) -> None:
    await enqueue_deliveries(
        outbox.connection, [notification_to_user(outbox.workspace_id, await outbox.user("b@example.com"), "A", "B")]
    )
    await outbox.send()
    (delivery,) = await outbox.deliveries()
    assert (delivery["state"], "smtp" in delivery["error"]) == ("failed", True)


@pytest.mark.parametrize(("answer", "state"), [("550 no such user", "failed"), ("451 greylisted", "pending")])
async def test_a_mail_servers_no_is_for_good_or_for_now(
    outbox: Outbox, mail_server: MailServer, answer: str, state: str
) -> None:
    mail_server.answer = answer
    integration_id = await _use(outbox, mail_server)
    await enqueue_deliveries(
        outbox.connection, [mail_to_lead(outbox.workspace_id, await outbox.lead("a@b.example"), "A", "B")]
    )
    await outbox.send()
    (delivery,), (attempt,) = await outbox.deliveries(), await outbox.attempts()
    assert delivery["state"] == state
    assert attempt["status"] == int(answer[:3])
    assert integration_id


@pytest.mark.parametrize(
    ("to_recipient", "to_data", "failures"),
    [
        ("452 mailbox full", "250 taken", None),
        ("421 shutting down", "250 taken", FAILURES_UNTIL_OPEN),
        ("250 OK", "451 out of disk", FAILURES_UNTIL_OPEN),
    ],
)
async def test_a_full_mailbox_says_nothing_of_its_server(
    outbox: Outbox, mail_server: MailServer, to_recipient: str, to_data: str, failures: int | None
) -> None:
    mail_server.answer, mail_server.answer_to_data = to_recipient, to_data
    await _use(outbox, mail_server)
    leads = [await outbox.lead(f"full{number}@b.example") for number in range(FAILURES_UNTIL_OPEN)]
    await enqueue_deliveries(outbox.connection, [mail_to_lead(outbox.workspace_id, lead, "A", "B") for lead in leads])
    await outbox.send()
    known = await outbox.rows("SELECT failures, open_until IS NOT NULL AS open FROM endpoints")
    assert known == ([{"failures": failures, "open": True}] if failures else [])
    assert [one["state"] for one in await outbox.deliveries()] == ["pending"] * FAILURES_UNTIL_OPEN
    assert await outbox.one("SELECT min(due_at) > now() FROM deliveries")


async def test_mailgun_request_is_sent(outbox: Outbox, receiver: Receiver) -> None:
    outbox.settings = outbox.settings.model_copy(update={"mailgun_url": receiver.url, "allowed_targets": ""})
    await outbox.integrate("mailgun", signing_key="k", api_key="hidden", domain="mg.example.com")
    await enqueue_deliveries(
        outbox.connection, [mail_to_lead(outbox.workspace_id, await outbox.lead("a@b.example"), "A", "B")]
    )
    await outbox.send()
    (request,) = receiver.requests
    fields = parse_qs(request.raw.decode())
    assert request.path == "/v3/mg.example.com/messages"
    assert fields["to"] == ["a@b.example"]
    assert fields["h:List-Unsubscribe-Post"] == ["List-Unsubscribe=One-Click"]
    assert "Authorization" not in str(await outbox.attempts())


async def test_twilio_request_is_sent(outbox: Outbox, receiver: Receiver) -> None:
    outbox.settings = outbox.settings.model_copy(update={"twilio_url": receiver.url, "allowed_targets": ""})
    credentials = {"account_sid": "AC1", "auth_token": "hidden", "from": "+15005550006"}
    integration_id = await outbox.integrate("twilio", **credentials)
    lead_id = await outbox.lead(phone="+12015550123")
    await enqueue_deliveries(outbox.connection, [sms_to_lead(outbox.workspace_id, integration_id, lead_id, "Hi & bye")])
    await outbox.send()
    (request,) = receiver.requests
    assert request.path == "/2010-04-01/Accounts/AC1/Messages.json"
    sent = parse_qs(request.raw.decode())
    assert sent == {"To": ["+12015550123"], "From": ["+15005550006"], "Body": ["Hi & bye"]}
    receiver.status(400)
    await enqueue_deliveries(outbox.connection, [sms_to_lead(outbox.workspace_id, integration_id, lead_id, "Hi")])
    await outbox.send()
    assert [one["state"] for one in await outbox.deliveries()] == ["sent", "failed"]
    assert await outbox.one("SELECT last_error FROM integrations") == "The receiver answered 400."


async def test_slack_request_is_sent(outbox: Outbox, receiver: Receiver) -> None:
    integration_id = await outbox.integrate("slack", webhook_url=f"{receiver.url}/services/T0/B0/hidden")
    await enqueue_deliveries(outbox.connection, [slack_message(outbox.workspace_id, integration_id, "A lead")])
    await outbox.send()
    (request,) = receiver.requests
    assert request.body == {"text": "A lead"}
    (attempt,) = await outbox.attempts()
    assert attempt["request"]["url"] == f"{receiver.url}/{SECRET_MASK}"
    assert "hidden" not in str(attempt)
    await outbox.connection.execute("UPDATE integrations SET is_active = false")
    await enqueue_deliveries(outbox.connection, [slack_message(outbox.workspace_id, integration_id, "Another")])
    await outbox.send()
    assert [one["state"] for one in await outbox.deliveries()] == ["sent", "cancelled"]


async def test_a_lead_that_is_gone_gets_nothing(outbox: Outbox, mail_server: MailServer) -> None:
    await _use(outbox, mail_server)
    await enqueue_deliveries(outbox.connection, [mail_to_lead(outbox.workspace_id, 4711, "A", "B")])
    await enqueue_deliveries(outbox.connection, [mail_to_lead(outbox.workspace_id, await outbox.lead(None), "A", "B")])
    await outbox.send()
    assert [one["state"] for one in await outbox.deliveries()] == ["cancelled", "cancelled"]
