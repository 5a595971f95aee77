"""Those whom a form names get a mail of what it was filled in with: once a submission, whoever dies."""

import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any

import pytest
import pytest_asyncio
from psycopg.types.json import Jsonb

from services.workers.outbox import event_claims
from shared.intake.journal import JournalItem
from shared.platform.crypto.encryption import TransactionCipher
from shared.platform.db.connections import Connection, connect
from shared.platform.ids import idempotency_uuid, now_ms, uuid7
from tests.support.automating import SETTINGS, run, save
from tests.support.ingesting import accept, drain, workspace_id
from tests.support.receivers import MailServer
from tests.support.sending import Outbox

pytestmark = pytest.mark.integration

FIELDS = [
    {"key": "name", "label": "Your name"},
    {"key": "interests", "label": "Interests"},
    {"key": "terms", "label": "Terms"},
    {"key": "message", "label": "What would you like to know of us, and when?"},
    {"key": "fax", "label": "Fax"},
]
VALUES = {
    "old": 7,
    "message": "Hello\r\nΓειά σου",
    "name": "Ada",
    "terms": True,
    "interests": ["Tea", "Coffee"],
    "name2": None,
    "cv": {"name": "cv.pdf", "size": 12, "type": "application/pdf"},
}
TEXT = """\
Your name                 Ada
Interests                 Tea, Coffee
Terms                     yes
What would you like to know of us, and when?  Hello
                          Γειά σου
old                       7
name2
cv                        cv.pdf (application/pdf, 12 bytes)

Received """
WATCHED = "SELECT bool_or(is_watched) FROM rule_versions"


@pytest_asyncio.fixture
async def outbox(database_url: str, database: Connection) -> Outbox:
    found = Outbox(database_url, database, await workspace_id(database))
    found.settings = SETTINGS.model_copy(update={"allowed_targets": "127.0.0.0/8"})
    found.cipher = TransactionCipher.from_settings(found.settings)
    return found


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as found:
        yield found


async def form(outbox: Outbox, *addresses: str) -> int:
    statement = (
        "INSERT INTO forms (workspace_id, name, public_id, fields, settings)"
        " VALUES (%s, 'Contact us', gen_random_uuid()::text, %s, %s) RETURNING id"
    )
    return int(await outbox.one(statement, outbox.workspace_id, Jsonb(FIELDS), Jsonb({"notify_emails": addresses})))


def filled(workspace: int, form_id: int, email: str, key: str | None = None) -> JournalItem:
    """A submission of a form, as the gateway makes it."""
    at, channel = now_ms(), f"form:{form_id}"
    lead = {"email": email, "_form": {"id": form_id, "values": VALUES, "policy": None}}
    id_ = idempotency_uuid(workspace, channel, key) if key else uuid7(at)
    return JournalItem(id_, at, workspace, channel, "form", json.dumps(lead).encode(), None, key and "0" * 32)


async def use(outbox: Outbox, server: MailServer) -> None:
    await outbox.integrate("smtp", host="127.0.0.1", port=str(server.port), **{"from": "crm@example.com"})


def read(server: MailServer, number: int) -> Any:
    content = server.mails[number].content
    assert isinstance(content, bytes)
    return message_from_bytes(content, policy=policy.default)


async def test_each_form_recipient_gets_one_mail_per_submission(outbox: Outbox, mail_server: MailServer) -> None:
    await use(outbox, mail_server)
    workspace, form_id = (
        outbox.workspace_id,
        await form(outbox, "One@example.com", "two@example.com", "one@example.com"),
    )
    await accept(outbox.connection, [filled(workspace, form_id, "ada@example.com")])
    await drain(outbox.url)
    await run(outbox.url)
    await outbox.send()
    assert [mail.rcpt_tos for mail in mail_server.mails] == [["one@example.com"], ["two@example.com"]]
    mail = read(mail_server, 0)
    assert (mail["Subject"], mail["List-Unsubscribe"]) == ("Contact us: new submission", None)
    lead_id = await outbox.one("SELECT id FROM leads")
    text = mail.get_content().replace("\r\n", "\n")
    assert text.startswith(TEXT)
    assert f"Lead {lead_id}.\n" in text
    states = await outbox.rows("SELECT kind, state, lead_id, user_id FROM deliveries")
    assert states == [{"kind": "notice", "state": "sent", "lead_id": lead_id, "user_id": None}] * 2
    assert not await outbox.rows("SELECT FROM deliveries WHERE target::text LIKE '%%example%%'")


async def test_once_a_submission_whoever_dies(outbox: Outbox) -> None:
    workspace, form_id, silent = outbox.workspace_id, await form(outbox, "one@example.com"), await form(outbox)
    items = [filled(workspace, form_id, f"{number % 20}@example.com") for number in range(60)]
    items += [filled(workspace, form_id, "keyed@example.com", key) for key in ("a", "b", "a")]
    items += [filled(workspace, silent, "silent@example.com"), filled(workspace, 999_999, "gone@example.com")]
    await accept(outbox.connection, items)
    await drain(outbox.url, workers=2)
    for taken in (10, 400):  # engines that die between claim and commit
        async with connect(outbox.url, "tests killed") as killed, killed.transaction(force_rollback=True):
            assert await event_claims.claim_events(killed, taken)
    await run(outbox.url, engines=3)
    told = "SELECT count(*) AS n, count(DISTINCT convert_from(payload, 'UTF8')) AS submissions FROM deliveries"
    assert await outbox.rows(told) == [{"n": 62, "submissions": 62}]


async def test_form_mail_without_a_server_fails_with_a_reason(outbox: Outbox) -> None:
    form_id = await form(outbox, "one@example.com")
    await accept(outbox.connection, [filled(outbox.workspace_id, form_id, "ada@example.com")])
    await drain(outbox.url)
    await run(outbox.url)
    await outbox.send()
    (delivery,) = await outbox.deliveries()
    assert (delivery["state"], "smtp" in delivery["error"]) == ("failed", True)


async def test_form_mail_is_sent_although_an_automation_fails(outbox: Outbox) -> None:
    await save(outbox.connection, {"type": "form_submitted"}, {"action": {"type": "no such"}})
    form_id = await form(outbox, "one@example.com")
    await accept(outbox.connection, [filled(outbox.workspace_id, form_id, f"{n}@example.com") for n in range(3)])
    await drain(outbox.url)
    await run(outbox.url)
    assert len(await outbox.deliveries()) == 3


async def test_events_are_kept_while_a_form_names_somebody(outbox: Outbox) -> None:
    await outbox.connection.execute("DELETE FROM rule_versions")
    silent = await form(outbox)
    assert await outbox.one(WATCHED) is False
    change = "UPDATE forms SET settings = %s WHERE id = %s"
    await outbox.connection.execute(change, (Jsonb({"notify_emails": ["a@example.com"]}), silent))
    assert await outbox.one(WATCHED) is True
    await outbox.connection.execute(change, (Jsonb({"source": "x"}), silent))
    assert await outbox.one(WATCHED) is False
    form_id = await form(outbox, "a@example.com")
    assert await outbox.one(WATCHED) is True
    await outbox.connection.execute("DELETE FROM forms WHERE id = %s", (form_id,))
    assert await outbox.one(WATCHED) is False
