"""Mails to the people of a workspace, each in the language that its reader chose in the console."""

import json

import pytest
import pytest_asyncio
from psycopg.types.json import Jsonb

from services.workers.alarms.silent_sources import watch_silences
from services.workers.held_digest import send_digests
from shared.auth.link_delivery import LinkSender
from shared.intake.journal import JournalItem
from shared.jobs.job_followers import follow_job
from shared.platform.crypto.encryption import TransactionCipher
from shared.platform.db.connections import Connection
from shared.platform.ids import now_ms, uuid7
from tests.support.automating import SETTINGS, run
from tests.support.ingesting import accept, drain, workspace_id
from tests.support.jobs import run_due_jobs, start_job
from tests.support.receivers import Receiver
from tests.support.sending import Outbox, tell

pytestmark = pytest.mark.integration

MAIL_SETTINGS = SETTINGS.model_copy(
    update={"allowed_targets": "127.0.0.0/8", "smtp_url": "smtp://127.0.0.1:1", "mail_from": "us@example.com"}
)
ADD_ADMIN = """
WITH account AS (
    INSERT INTO accounts (email, name, preferences) VALUES (%(email)s, 'A', %(preferences)s) RETURNING id
)
INSERT INTO users (workspace_id, account_id, name, email, role)
SELECT %(workspace)s, id, 'A', %(email)s, 'admin' FROM account RETURNING id
"""
HOLD = """
INSERT INTO submissions (workspace_id, id, received_at, state, channel, payload, attempts, spam)
VALUES (%s, gen_random_uuid(), now() - interval '30 hours', 'quarantined', 'form:1', '{}', 1, %s)
"""
ADD_FORM = """
INSERT INTO forms (workspace_id, name, public_id, fields, settings, created_at)
VALUES (%s, 'Contact', 'f', '[{"key": "agree", "label": "Agree"}]', %s, now() - interval '1 hour') RETURNING id
"""
DEAD = """
INSERT INTO submissions (workspace_id, id, received_at, state, channel, payload, attempts)
VALUES (%s, gen_random_uuid(), now(), 'dead', 'inbound', '{}', 5)
"""
NOTICES = """
SELECT user_id, convert_from(payload, 'UTF8')::json->>'subject' AS subject,
       convert_from(payload, 'UTF8')::json->>'body' AS body
FROM deliveries WHERE kind = 'notice' ORDER BY id
"""
ISOLATES = str.maketrans("", "", "\u2068\u2069")


@pytest_asyncio.fixture
async def outbox(database_url: str, database: Connection) -> Outbox:
    found = Outbox(database_url, database, await workspace_id(database))
    found.settings, found.cipher = MAIL_SETTINGS, TransactionCipher.from_settings(MAIL_SETTINGS)
    return found


@pytest_asyncio.fixture
async def admins(outbox: Outbox) -> tuple[int, int]:
    """One admin who reads Arabic, and one who has chosen nothing."""
    return await _add_admin(outbox, "Layla@example.com", language="ar"), await _add_admin(outbox, "ada@example.com")


async def _add_admin(outbox: Outbox, email: str, **preferences: str) -> int:
    values = {"email": email, "workspace": outbox.workspace_id, "preferences": Jsonb(preferences)}
    [(found,)] = await (await outbox.connection.execute(ADD_ADMIN, values)).fetchall()
    return int(found)


async def _subjects(outbox: Outbox) -> dict[int | None, str]:
    return {row["user_id"]: row["subject"].translate(ISOLATES) for row in await outbox.rows(NOTICES)}


async def test_digest_of_held_submissions(outbox: Outbox, admins: tuple[int, int]) -> None:
    reason = {"code": "links", "points": 45, "text": "Its texts have 5 links."}
    await outbox.connection.execute(HOLD, (outbox.workspace_id, Jsonb({"score": 60, "reasons": [reason]})))
    assert await send_digests(outbox.connection, MAIL_SETTINGS) == 1
    arabic, english = admins
    assert await _subjects(outbox) == {
        arabic: "المعزول في مساحة العمل Main: إرسال واحد",
        english: "1 submission held in Main",
    }
    assert "- مرة واحدة: عدد الروابط في نصوصه 5.\n" in (await outbox.rows(NOTICES))[0]["body"]


async def test_silence_of_a_form(outbox: Outbox, admins: tuple[int, int]) -> None:
    await outbox.one(ADD_FORM, outbox.workspace_id, Jsonb({"silence_after_minutes": 12}))
    assert await watch_silences(outbox.connection, MAIL_SETTINGS) == 1
    arabic, english = admins
    assert await _subjects(outbox) == {
        arabic: "المصدر Contact صامت منذ 12 دقيقة",
        english: "Contact has sent no lead for 12 minutes",
    }


async def test_a_subscription_that_was_disabled(outbox: Outbox, admins: tuple[int, int], receiver: Receiver) -> None:
    receiver.status(410)
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    await outbox.send()
    arabic, english = admins
    assert await _subjects(outbox) == {arabic: "أُوقف اشتراك webhook", english: "A webhook subscription was disabled"}
    assert "ردّ المستقبِل بالرمز 410" in (await outbox.rows(NOTICES))[0]["body"]


async def test_the_end_of_a_job(outbox: Outbox, admins: tuple[int, int]) -> None:
    await outbox.connection.execute(DEAD, (outbox.workspace_id,))
    job = await start_job(outbox.connection, outbox.workspace_id, "replay")
    for user in admins:
        await follow_job(outbox.connection, outbox.workspace_id, job, user, "https://l.example/jobs/1")
    await run_due_jobs(outbox.connection)
    arabic, english = admins
    assert await _subjects(outbox) == {arabic: "إعادة معالجة 1: انتهت العملية", english: "Replay of 1: has run"}


async def test_notifications_of_a_form(outbox: Outbox, admins: tuple[int, int]) -> None:
    addresses = ["layla@Example.com", "ada@example.com", "office@example.com"]
    form = await outbox.one(ADD_FORM, outbox.workspace_id, Jsonb({"notify_emails": addresses}))
    body = {"email": "visitor@example.com", "_form": {"id": form, "values": {"agree": True}, "policy": None}}
    sent = json.dumps(body).encode()
    item = JournalItem(uuid7(at := now_ms()), at, outbox.workspace_id, f"form:{form}", "form", sent)
    await accept(outbox.connection, [item])
    await drain(outbox.url)
    await run(outbox.url)
    found = await outbox.rows(NOTICES)
    assert [row["body"].splitlines()[0] for row in found] == ["Agree  نعم", "Agree  yes", "Agree  yes"]
    assert found[0]["subject"].translate(ISOLATES) == "Contact: إرسال جديد"


async def test_a_link_to_set_a_password(outbox: Outbox, admins: tuple[int, int]) -> None:
    sender = LinkSender(MAIL_SETTINGS, outbox.cipher, "https://l.example")
    for email, address in (("layla@example.com", "203.0.113.8"), ("ada@example.com", "203.0.113.9")):
        async with outbox.connection.transaction():
            await sender.request_reset(outbox.connection, email, address)
    found = await outbox.rows(NOTICES)
    assert [row["subject"] for row in found] == ["تعيين كلمة مرور جديدة في LeadHub", "Set a new password for LeadHub"]
    assert all("\n[link]\n" in row["body"] for row in found)
