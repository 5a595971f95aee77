"""Alarms without Prometheus: the sweeper's watch sends one message when raised and one when cleared."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import Envelope
from click.testing import CliRunner, Result
from prometheus_client import REGISTRY
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cli.main import command_line
from services.workers.alarms.alarm_rules import ALARM_RULES
from services.workers.alarms.watcher import CHECK_INTERVAL_SECONDS, AlarmWatcher
from services.workers.deliveries.http_client import ADDRESS_BLOCKED_MESSAGE
from shared.intake.spool import Spool, open_spool_client
from shared.platform.db.connections import Connection, connect
from shared.platform.settings import Settings
from tests.support.ingesting import workspace_id
from tests.support.receivers import MailServer, Receiver
from tests.support.serving import settings_of
from tests.support.sweeping import sweeping
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

WATCHED = ("no_workers", "postgresql_away")
WORKER = """
INSERT INTO processes (name, kind, host, pid, seen_at) VALUES ('worker', 'worker', 'here', 1, now() + interval '1 h')
"""
REPORT = """
INSERT INTO processes (name, kind, host, pid, seen_at, fingerprints)
VALUES (%s, 'worker', 'here', 1, now() + interval '1 h', %s)
ON CONFLICT (name) DO UPDATE SET fingerprints = excluded.fingerprints
"""
DEAD = """
INSERT INTO ledger_deltas (workspace_id, state, n)
SELECT %(workspace)s, state, 1 FROM unnest(ARRAY['accepted', 'dead']) state
"""
ALARMS = "SELECT code, cleared_at IS NULL, details FROM alarms ORDER BY id"


def settings_with(url: str, folder: Path, mails: MailServer, receiver: Receiver, **others: Any) -> Settings:
    targets = {"alarm_email": "ops@example.com", "alarm_smtp_url": f"smtp://127.0.0.1:{mails.port}"}
    slack = {"alarm_slack_url": f"{receiver.url}/services/T0/B0/secret", "allowed_targets": "127.0.0.0/8"}
    return settings_of(url, folder, **targets, **slack, **others)


@asynccontextmanager
async def watching(settings: Settings, codes: tuple[str, ...] = WATCHED) -> AsyncIterator[None]:
    """A watcher that checks often, and takes little time to be sure."""
    rules = [replace(rule, hold_seconds=0.2) for rule in ALARM_RULES if rule.code in codes]
    stopping = asyncio.Event()
    client = open_spool_client(settings.spool_url)
    watcher = AlarmWatcher(
        settings, Spool(client), stopping, rules=rules, interval_seconds=0.05, clear_after_seconds=0.2
    )
    task = asyncio.create_task(watcher.run())
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait_for(task, 60)
        await client.aclose()


@asynccontextmanager
async def refusing(url: str) -> AsyncIterator[None]:
    """A database that takes no new connections."""
    async with connect(make_conninfo(url, dbname="postgres"), "tests") as connection:
        name = sql.Identifier(str(conninfo_to_dict(url)["dbname"]))
        refuse = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        await connection.execute(refuse.format(name, sql.SQL("false")))
        try:
            yield
        finally:
            await connection.execute(refuse.format(name, sql.SQL("true")))


async def noted(database: Connection) -> list[tuple[str, bool]]:
    return [(code, rings) for code, rings, _ in await (await database.execute(ALARMS)).fetchall()]


def gauge(name: str, **labels: str) -> float:
    """Of this process, where the sweeper of a test runs."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def checked_at() -> float:
    return gauge("leadhub_alarms_checked_timestamp_seconds")


def subject_of(mail: Envelope) -> str:
    assert isinstance(mail.content, bytes)
    return str(message_from_bytes(mail.content)["Subject"])


async def test_one_message_goes_out_when_an_alarm_is_raised_and_one_when_it_is_cleared(
    database_url: str, database: Connection, tmp_path: Path, receiver: Receiver
) -> None:
    with MailServer() as mails:
        settings = settings_with(database_url, tmp_path, mails, receiver)
        async with watching(settings), watching(settings):  # two sweepers
            await until_async(lambda: bool(mails.mails and receiver.requests), what="the alarm")
            assert await noted(database) == [("no_workers", True)]
        async with watching(settings):  # started again while the alarm rings
            await database.execute(WORKER)
            await until_async(lambda: len(mails.mails) > 1 and len(receiver.requests) > 1, what="its end")
    assert await noted(database) == [("no_workers", False)]
    assert [subject_of(mail) for mail in mails.mails] == [
        "[LeadHub] Alarm: no_workers",
        "[LeadHub] Cleared: no_workers",
    ]
    assert [mail.rcpt_tos for mail in mails.mails] == [["ops@example.com"]] * 2
    raised, cleared = (request.body["text"] for request in receiver.requests)
    assert "0 workers are alive" in raised
    assert "Start the workers again" in raised
    assert "Cleared: no_workers" in cleared


async def test_an_alarm_goes_out_while_postgresql_is_away_and_is_noted_when_it_is_back(
    database_url: str, database: Connection, tmp_path: Path, receiver: Receiver
) -> None:
    await database.execute(WORKER)
    with MailServer() as mails:
        async with watching(settings_with(database_url, tmp_path, mails, receiver)):
            async with refusing(database_url):
                await until_async(lambda: bool(mails.mails and receiver.requests), what="the alarm")
                assert await noted(database) == []
            await until_async(lambda: len(mails.mails) > 1, what="its end")
            assert "PostgreSQL does not answer" in receiver.requests[0].body["text"]

        async def is_cleared() -> bool:
            return await noted(database) == [("postgresql_away", False)]

        await until_async(is_cleared, what="the note of both")


async def test_an_alarm_rings_while_processes_use_different_spools(
    database_url: str, database: Connection, tmp_path: Path, receiver: Receiver
) -> None:
    noticed = "leadhub_differing_settings"
    with MailServer() as mails:
        settings = settings_with(database_url, tmp_path, mails, receiver)
        async with watching(settings, ("differing",)):
            await database.execute(REPORT, ("worker", '{"spool": "a"}'))
            await database.execute(REPORT, ("gateway", '{"spool": "b"}'))
            await until_async(lambda: bool(mails.mails and receiver.requests), what="the alarm")
            assert gauge(noticed) == 1
            await database.execute(REPORT, ("gateway", '{"spool": "a"}'))
            await until_async(lambda: len(mails.mails) > 1 and len(receiver.requests) > 1, what="its end")
            assert gauge(noticed) == 0
    assert await noted(database) == [("differing", False)]
    assert "Settings in which processes differ: 1" in receiver.requests[0].body["text"]


async def test_a_message_that_was_not_taken_is_sent_again(
    database_url: str, database: Connection, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.status(503)
    with MailServer() as mails:
        mails.answer = "451 later"
        async with watching(settings_with(database_url, tmp_path, mails, receiver)):
            await until_async(lambda: len(receiver.requests) > 1, what="another try")
            assert mails.mails == []
            receiver.status(200)
            mails.answer = "250 OK"
            await until_async(lambda: bool(mails.mails), what="the mail")
            tried = len(receiver.requests)
            await database.execute(WORKER)
            await until_async(lambda: len(mails.mails) == 2 and len(receiver.requests) > tried, what="its end")
    assert [subject_of(mail) for mail in mails.mails] == [
        "[LeadHub] Alarm: no_workers",
        "[LeadHub] Cleared: no_workers",
    ]


def send_test(folder: Path, **settings: str) -> Result:
    return CliRunner().invoke(command_line, ["alarms", "test", "--data-dir", str(folder)], env={**settings})


async def run_test(folder: Path, **settings: str) -> Result:
    return await asyncio.to_thread(send_test, folder, **settings)


async def test_the_command_sends_a_test_and_quotes_the_answers(tmp_path: Path, receiver: Receiver) -> None:
    settings = {"LEADHUB_ALARM_SLACK_URL": f"{receiver.url}/hook", "LEADHUB_ALLOWED_TARGETS": "127.0.0.1"}
    settings |= {"LEADHUB_ALARM_EMAIL": "ops@example.com,boss@example.com", "LEADHUB_MAIL_FROM": "crm@example.com"}
    with MailServer() as mails:
        mails.answer_to_data = "250 queued as 4711"
        settings["LEADHUB_SMTP_URL"] = f"smtp://127.0.0.1:{mails.port}"
        found = await run_test(tmp_path, **settings)
        assert found.exit_code == 0, found.output
        lines = [line.split(maxsplit=1) for line in found.stdout.splitlines()]
        taken = "250 queued as 4711"
        assert lines == [["ops@example.com", taken], ["boss@example.com", taken], ["Slack", "200 ok"]]
        assert [mail.mail_from for mail in mails.mails] == ["crm@example.com"] * 2
        mails.answer = "550 no such user"
        found = await run_test(tmp_path, **settings)
    assert found.exit_code == 1
    assert "550 no such user" in found.stdout
    assert "[LeadHub] Test" in receiver.requests[0].body["text"]


async def test_the_command_reaches_no_private_address_that_is_not_allowed(tmp_path: Path, receiver: Receiver) -> None:
    found = await run_test(tmp_path, LEADHUB_ALARM_SLACK_URL=f"{receiver.url}/hook")
    assert (found.exit_code, receiver.requests) == (1, [])
    assert ADDRESS_BLOCKED_MESSAGE in found.stdout


async def test_the_command_says_that_alarms_go_nowhere(tmp_path: Path) -> None:
    found = await run_test(tmp_path)
    assert found.exit_code == 2
    assert "LEADHUB_ALARM_EMAIL" in found.stderr


async def test_status_shows_the_alarms_that_ring(database_url: str, database: Connection, tmp_path: Path) -> None:
    await database.execute(
        "INSERT INTO alarms (code, raised_at, cleared_at) VALUES ('disk', '2026-03-28T10:00Z', NULL), "
        "('spooling', '2026-03-28T10:00Z', now())"
    )
    env = {"LEADHUB_DATABASE_URL": database_url, "LEADHUB_SPOOL_URL": "redis://127.0.0.1:1"}

    def alarms_shown() -> Any:
        command = ["status", "--json", "--data-dir", str(tmp_path)]
        return json.loads(CliRunner().invoke(command_line, command, env=env).stdout)["alarms"]

    async def are_shown() -> bool:
        return bool(await asyncio.to_thread(alarms_shown) == ["disk since 2026-03-28T10:00:00Z"])

    await until_async(are_shown, what="a status with PostgreSQL")


async def test_the_sweeper_mails_that_a_submission_became_dead(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    workspace = await workspace_id(database)
    with MailServer() as mails:
        url = f"smtp://127.0.0.1:{mails.port}"
        settings = settings_of(database_url, tmp_path, alarm_email="ops@example.com", smtp_url=url)
        checked_before = checked_at()
        async with sweeping(settings):
            await until_async(lambda: checked_at() > checked_before, what="the first check")
            await database.execute(DEAD, {"workspace": workspace})
            await until_async(lambda: bool(mails.mails), CHECK_INTERVAL_SECONDS + 15, "the mail")
    assert [subject_of(mail) for mail in mails.mails] == ["[LeadHub] Alarm: dead_letters"]
    assert await noted(database) == [("dead_letters", True)]
    assert gauge("leadhub_ledger", state="dead") == 1
    assert (gauge("leadhub_unaccounted"), gauge("leadhub_workers"), gauge("leadhub_postgresql_up")) == (0, 0, 1)
