"""The rows of a job in the console: they change while somebody watches, are a file, and their end is told by mail."""

import asyncio
import csv
import io
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime

import aiohttp
import pytest
import pytest_asyncio

from tests.support.console_jobs import JobsReader, add_rows, signed_in
from tests.support.console_routes import make_integration
from tests.support.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

MAILS_OF_JOB = """
SELECT kind, convert_from(payload, 'UTF8')::json ->> 'subject' FROM deliveries
WHERE convert_from(payload, 'UTF8')::json ->> 'body' LIKE %s
"""
# As nobody has begun it, which no worker does with a paused one.
ADD_BACKFILL = """
INSERT INTO jobs (workspace_id, kind, filter, created_by, state)
SELECT workspace_id, 'backfill', json_build_object('integration_id', id, 'since', '2026-03-01T00:00:00+00:00')::jsonb,
       '{"kind": "command", "id": null, "name": "tests"}', 'paused'
FROM integrations WHERE id = %(integration)s RETURNING id
"""
# A job that handed five deliveries over and found one that it could not send. Those that wait are due tomorrow.
ADD_RESENT = """
WITH workspace AS (
    SELECT id FROM workspaces WHERE slug = 'main'
), job AS (
    INSERT INTO jobs (workspace_id, kind, created_by, state, total, position, done, failed, started_at, finished_at)
    SELECT id, 'deliveries', '{"kind": "command", "id": null, "name": "tests"}', 'done', 6, 6, 5, 1, now(), now()
    FROM workspace RETURNING workspace_id, id
), sent AS (
    INSERT INTO deliveries (workspace_id, message_id, kind, endpoint, payload, state, error, due_at)
    SELECT id, 'msg_' || gen_random_uuid(), 'email', 'mail', '{}', state, 'about ' || state, now() + interval '1 day'
    FROM workspace, unnest(ARRAY['sent', 'sent', 'failed', 'pending', 'cancelled']) AS state RETURNING id
), items AS (
    INSERT INTO job_items (workspace_id, job_id, id, delivery_id, outcome, error, handled_at)
    SELECT job.workspace_id, job.id, coalesce(row.number, 6), row.id,
        CASE WHEN row.id IS NULL THEN 'failed' ELSE 'done' END, CASE WHEN row.id IS NULL THEN 'gone' END, now()
    FROM job, (SELECT id, row_number() OVER (ORDER BY id) AS number FROM sent UNION ALL SELECT NULL, NULL) AS row
)
SELECT id FROM job
"""
NOTE_OUTCOME = "UPDATE job_items SET outcome = %s, error = %s, handled_at = now() WHERE job_id = %s AND id = %s"


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def reader(shared_stack: Stack) -> AsyncIterator[JobsReader]:
    async with AsyncExitStack() as exits:
        yield await exits.enter_async_context(signed_in(shared_stack, "manager"))


async def test_backfill_is_named_by_its_source_and_has_no_count_at_first(
    shared_stack: Stack, reader: JobsReader
) -> None:
    made = make_integration(shared_stack, "hubspot", "Portal <b>", client_secret="s" * 32, access_token="t" * 32)
    with shared_stack.database() as database:
        row = database.execute(ADD_BACKFILL, {"integration": made["id"]}).fetchone()
        assert row
        job = f"/console/main/jobs/{row[0]}"
        for path in (job, "/console/main/jobs"):
            shown = (await reader.get(path)).text
            assert "Fetch missed leads" in shown
            assert "Portal &lt;b&gt;" in shown
        assert 'aria-valuenow="0.0"' in (await reader.get(job)).text
        database.execute("UPDATE jobs SET total = 7, position = 3, done = 3 WHERE id = %s", row)
    assert "Fetch 7 missed leads" in (await reader.get(job)).text
    await reader.post(f"{job}/cancel")


async def test_deliveries_that_go_again_are_told_by_what_became_of_them(
    shared_stack: Stack, reader: JobsReader
) -> None:
    with shared_stack.database() as database:
        [(id_,)] = database.execute(ADD_RESENT).fetchall()
    job = f"/console/main/jobs/{id_}"
    shown = (await reader.get(job)).text
    ledger = shown.partition('aria-label="The ledger of the job"')[2].partition("</dl>")[0]
    figures = re.findall(r"<dt>(?:<svg.*?</svg>)?([^<]+)</dt>\s*<dd>(?:<a[^>]*>)?(\d+)", ledger, re.DOTALL)
    assert [(name.strip(), int(n)) for name, n in figures] == [
        ("Asked for", 6),
        ("Sent", 2),
        ("Failed", 2),
        ("Waiting", 1),
        ("Skipped", 1),
        ("Unaccounted", 0),
    ]
    assert "2 of 6 failed." in shown
    for outcome, rows in {"done": "21", "failed": "63", "waiting": "4", "skipped": "5"}.items():
        listed = re.findall(r'id="row-(\d+)"', (await reader.get(f"{job}?outcome={outcome}")).text)
        assert listed == list(rows), outcome
    async with reader.session.get(f"{reader.base}{job}/outcomes.csv?outcome=failed") as answer:
        lines = list(csv.reader(io.StringIO((await answer.text()).removeprefix("\ufeff"))))
    assert [(line[0], line[2], line[3]) for line in lines[1:]] == [
        ("3", "failed", "about failed"),
        ("6", "failed", "gone"),
    ]
    with shared_stack.database() as database:
        database.execute("DELETE FROM deliveries WHERE error LIKE 'about %'")


async def test_rows_stream_to_whoever_watches_their_first_page(shared_stack: Stack, reader: JobsReader) -> None:
    source = f"rows-{secrets.token_hex(4)}"
    add_rows(shared_stack, source, 120)
    job = await reader.start(f"kind=replay&source={source}", rate="60")
    first = (await reader.get(f"{job}?outcome=done")).text
    assert f"{job}/live?outcome=done" in first
    newest, last_handled = "", [str(n) for n in range(120, 70, -1)]
    async with asyncio.timeout(60), reader.session.get(f"{reader.base}{job}/live?outcome=done") as stream:
        while re.findall(r'id="row-(\d+)"', newest) != last_handled:  # verdicts may come after the job has ended
            message = (await stream.content.readuntil(b"\n\n")).decode()
            newest = message.rpartition('<hx-partial id="rows">')[2]
    [older] = re.findall(r'href="([^"]+after=71)#rows"', newest)
    second = (await reader.get(older.replace("&amp;", "&"))).text
    assert re.findall(r'id="row-(\d+)"', second) == [str(n) for n in range(70, 20, -1)]


async def test_another_page_of_rows_is_left_as_it_is(shared_stack: Stack, reader: JobsReader) -> None:
    source = f"left-{secrets.token_hex(4)}"
    add_rows(shared_stack, source, 60)
    job = await reader.start(f"kind=replay&source={source}", rate="1")
    shown = (await reader.get(f"{job}?outcome=all&after=50")).text
    assert re.findall(r'id="row-(\d+)"', shown) == [str(n) for n in range(51, 61)]
    assert f'data-live-stream="{job}/live"' in shown
    async with asyncio.timeout(60), reader.session.get(f"{reader.base}{job}/live") as stream:
        while "Unaccounted" not in (streamed := (await stream.content.readuntil(b"\n\n")).decode()):
            pass
    assert "hx-partial" not in streamed
    await reader.post(f"{job}/cancel")


async def test_outcomes_are_read_as_a_file_that_no_spreadsheet_executes(
    shared_stack: Stack, reader: JobsReader
) -> None:
    source = f"file-{secrets.token_hex(4)}"
    add_rows(shared_stack, source, 1_003)
    job = await reader.start(f"kind=replay&source={source}", rate="1", typed="1003")
    await reader.post(f"{job}/cancel")
    with shared_stack.database() as database:
        database.execute(NOTE_OUTCOME, ("failed", "=HYPERLINK(1)", job.rpartition("/")[2], 1002))
    async with reader.session.get(f"{reader.base}{job}/outcomes.csv") as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.content_type == "text/csv"
        rows = list(csv.DictReader(io.StringIO(await answer.text())))
    assert [int(row["row_id"]) for row in rows] == list(range(1, 1_004))
    assert len({row["object_id"] for row in rows}) == 1_003
    assert (rows[1001]["outcome"], rows[1001]["message"]) == ("failed", "'=HYPERLINK(1)")
    assert (rows[1002]["outcome"], rows[1002]["handled_at"]) == ("to_go", "")
    assert datetime.fromisoformat(rows[1001]["handled_at"]).tzinfo
    only = (await reader.get(f"{job}/outcomes.csv?outcome=failed")).text
    assert [row["row_id"] for row in csv.DictReader(io.StringIO(only))] == ["1002"]
    async with signed_in(shared_stack, "read_only") as other:  # what failed may quote a person
        assert "HYPERLINK" not in (await other.get(f"{job}/outcomes.csv?outcome=failed")).text
        assert "HYPERLINK" not in (await other.get(f"{job}?outcome=failed")).text
    assert (await reader.get("/console/main/jobs/999999999/outcomes.csv")).status == 404


async def test_a_mail_when_it_is_done_is_asked_for_with_a_switch(shared_stack: Stack, reader: JobsReader) -> None:
    source = f"mail-{secrets.token_hex(4)}"
    add_rows(shared_stack, source, 5)
    job = await reader.start(f"kind=replay&source={source}", rate="1")
    assert "LEADHUB_SMTP_URL" in (await reader.get(job)).text
    assert (await reader.post(f"{job}/follow", is_following="1")).status == 303
    assert "No mail comes" in (await reader.get(job)).text
    smtp = {
        "type": "smtp",
        "name": "Mail",
        "credentials": {"host": "mail.invalid", "port": "25", "from": "a@b.example"},
    }
    async with aiohttp.ClientSession(headers=shared_stack.headers) as api:
        async with api.post(f"{shared_stack.base}/api/v1/integrations", json=smtp) as answer:
            assert answer.status == 201, await answer.text()
            mailer = (await answer.json())["data"]["id"]
        try:
            await _follow_and_cancel(shared_stack, reader, job)
        finally:
            await api.delete(f"{shared_stack.base}/api/v1/integrations/{mailer}")


async def _follow_and_cancel(stack: Stack, reader: JobsReader, job: str) -> None:
    assert "Tell me when it is done" in (await reader.get(job)).text
    for fields, is_checked in (({"is_following": "1"}, True), ({}, False), ({"is_following": "1"}, True)):
        assert (await reader.post(f"{job}/follow", **fields)).status == 303
        assert bool(re.search(r'name="is_following"[^>]* checked', (await reader.get(job)).text)) is is_checked
    await reader.post(f"{job}/cancel")
    with stack.database() as database:
        mails = database.execute(MAILS_OF_JOB, (f"%://leads.test{job}%",)).fetchall()
    assert mails == [("notice", "Replay of 5: cancelled")]
    assert (await reader.post(f"{job}/follow", is_following="1")).status == 303
    assert "No mail comes: the job has ended" in (await reader.get(job)).text
