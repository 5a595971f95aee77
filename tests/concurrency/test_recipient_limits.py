"""Visitors who fill in forms with a stranger's address: however they do it, the stranger gets few mails."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from services.workers.automations.auto_replies import UNSENT_REPLY_WARNING
from services.workers.ingest.double_opt_in_mails import UNSENT_CODE
from services.workers.libpq_pipeline import open_blocking_connection
from services.workers.mail_limits.mail_allowance import VisitorMail
from services.workers.mail_limits.recipient_limits import count_mails
from services.workers.maintenance import run_hourly_maintenance
from shared.intake.journal import JournalItem
from shared.platform.db.connections import Connection, connect
from shared.platform.ids import now_ms, uuid7
from tests.support.automating import run
from tests.support.ingesting import accept, drain, item, worker, workspace_id
from tests.support.leads import rows
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

WORKERS = 3
SPELLINGS = ("victim@example.com", "Victim@Example.com", "victim+1@example.com", " victim+two@EXAMPLE.com ")
ASKING = {"subject": "Please confirm", "body": "Press: [link]"}
REPLY = {"subject": "Thank you", "body": "We call you."}
RECIPIENTS = "SELECT count(*) FROM deliveries"
UNSENT = f"""SELECT count(*) FROM submissions WHERE spam @> '{{"reasons": [{{"code": "{UNSENT_CODE}"}}]}}'"""


def submission(workspace: int, form: int, address: str, **part: Any) -> JournalItem:
    """A visitor's submission, as the gateway makes it."""
    body = {"email": address, "_form": {"id": form, "values": {}, "policy": None, **part}}
    return JournalItem(uuid7(at := now_ms()), at, workspace, f"form:{form}", "form", json.dumps(body).encode())


def unconfirmed(workspace: int, form: int, address: str) -> JournalItem:
    """A submission to a form with double opt-in."""
    return submission(workspace, form, address, is_unconfirmed=True, confirmation=ASKING)


async def accept_apart(connection: Connection, items: Iterable[JournalItem], together: int = 3) -> None:
    """Rows of a few submissions each, so that several workers get some."""
    waiting = list(items)
    for first in range(0, len(waiting), together):
        await accept(connection, waiting[first : first + together])


def ingest_like_processes(url: str, workers: int = WORKERS) -> int:
    """Ingest with workers that block, each in a thread of its own and with the pipeline of worker processes."""

    async def ingest(name: str) -> int:
        connection = await open_blocking_connection(url, f"tests {name}")
        try:
            return await worker(url, name).drain(connection)
        finally:
            await connection.close()

    with ThreadPoolExecutor(workers) as threads:
        return sum(threads.map(lambda number: asyncio.run(ingest(f"w{number}")), range(workers)))


async def count(connection: Connection, query: str, *values: Any) -> int:
    [(number,)] = await rows(connection, query, *values)
    return int(number)


async def forms_with_reply(connection: Connection, workspace: int, number: int) -> Sequence[int]:
    insert = (
        "INSERT INTO forms (workspace_id, name, public_id, settings)"
        " SELECT %s, 'Form', gen_random_uuid()::text, %s FROM generate_series(1, %s) RETURNING id"
    )
    made = await connection.execute(insert, (workspace, Jsonb({"auto_reply": REPLY}), number))
    return [row[0] for row in await made.fetchall()]


async def age(connection: Connection, interval: str) -> None:
    """Let the mails that went out be older."""
    await connection.execute(
        "UPDATE recipient_limits SET last_sent_at = last_sent_at - %s::interval,"
        " sent_at = array(SELECT at - %s::interval FROM unnest(sent_at) AS at)",
        (interval, interval),
    )


async def test_few_confirmation_mails_go_to_one_address_in_an_hour_and_a_day(
    database_url: str, database: Connection
) -> None:
    workspace, rounds = await workspace_id(database), (600, 60, 60)  # a batch has up to 200
    for number, (size, expected) in enumerate(zip(rounds, (5, 10, 10), strict=True), 1):
        flood = [unconfirmed(workspace, 7 + one % 2, SPELLINGS[one % 4]) for one in range(size)]
        await accept_apart(database, [*flood, unconfirmed(workspace, 7, f"ada{number}@example.com")])
        assert await asyncio.to_thread(ingest_like_processes, database_url) == size + 1
        assert await count(database, RECIPIENTS) == expected + number, "and those that are nobody's victims"
        await age(database, "61 minutes")
    assert await count(database, UNSENT) == sum(rounds) - 10
    held = "SELECT count(*) FROM submissions WHERE state = 'quarantined' AND lead_id IS NULL"
    assert await count(database, held) == sum(rounds) + 3
    [(first,)] = await rows(database, "SELECT min(subject) FROM recipient_limits WHERE subject LIKE 'workspace:%%'")
    assert "example" not in first
    await age(database, "1 day")
    await run_hourly_maintenance(database, datetime.now(UTC), 90)
    assert await count(database, "SELECT count(*) FROM recipient_limits") == 0


async def test_few_replies_of_all_forms_go_to_one_address(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    forms = await forms_with_reply(database, workspace, 12)
    flood = [submission(workspace, form, SPELLINGS[number]) for number in range(4) for form in forms]
    await accept_apart(database, [*flood, submission(workspace, forms[0], "ada@example.com")], together=1)
    await drain(database_url, WORKERS)
    await run(database_url, WORKERS)
    assert await count(database, RECIPIENTS) == 5 + 1
    warned = "SELECT count(*) FROM submissions WHERE state = 'done' AND %s = ANY(warnings)"
    assert await count(database, warned, UNSENT_REPLY_WARNING) == 48 - 5


async def test_a_form_replies_once_in_ten_minutes_to_one_address(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    [form] = await forms_with_reply(database, workspace, 1)
    for expected in (1, 2):
        await accept_apart(database, [submission(workspace, form, SPELLINGS[number % 4]) for number in range(9)])
        await drain(database_url)
        await run(database_url, WORKERS)
        assert await count(database, RECIPIENTS) == expected
        await age(database, "11 minutes")


async def test_workspaces_together_send_no_flood_either(database_url: str, database: Connection) -> None:
    """Confirmations and replies count together, and so do the forms of several workspaces."""
    make = "INSERT INTO workspaces (name, slug) SELECT n::text, 'w' || n FROM generate_series(1, 4) n RETURNING id"
    workspaces = [row[0] for row in await (await database.execute(make)).fetchall()]
    forms = {workspace: await forms_with_reply(database, workspace, 4) for workspace in workspaces}
    flood = [
        make_one(workspace, form, SPELLINGS[number % 4])
        for number, (workspace, theirs) in enumerate(forms.items())
        for form in theirs
        for make_one in (submission, unconfirmed)
    ]
    await accept_apart(database, flood, together=1)
    await drain(database_url, WORKERS)
    await run(database_url, WORKERS)
    assert await count(database, RECIPIENTS) == 10
    most = "SELECT max(n) FROM (SELECT count(*) AS n FROM deliveries GROUP BY workspace_id) counted"
    assert 1 < await count(database, most) <= 5


@pytest.mark.parametrize(("is_committed", "left"), [(True, 1), (False, 5)])
async def test_who_counts_at_the_same_time_waits_for_the_other(
    database_url: str, database: Connection, is_committed: bool, left: int
) -> None:
    mails = [VisitorMail("confirmation", 1, 7, "victim")] * 9
    async with connect(database_url, "tests first") as first:
        async with first.transaction(force_rollback=not is_committed):
            assert (await count_mails(first, mails[:4])) == [None] * 4
            other = asyncio.create_task(count_mails(database, mails))
            waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'transactionid'"
            await until_async(lambda: _is_some(first, waits), what="the other's wait")
        assert (await other).count(None) == left


async def _is_some(connection: Connection, query: str) -> bool:
    return await count(connection, query) > 0


async def test_leads_without_such_mails_count_nothing(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    await accept(database, [item(workspace, {"email": "ada@example.com"}), submission(workspace, 7, "b@example.com")])
    await drain(database_url)
    await run(database_url)
    assert await count(database, "SELECT count(*) FROM recipient_limits") == 0
