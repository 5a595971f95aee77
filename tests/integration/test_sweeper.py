"""The sweeper where it is alone: what it has learnt outlives what interrupts it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.workers.sweeper.overdue_work import CHECK_SECONDS
from services.workers.sweeper.sweeper import IDLE_SAMPLE_SECONDS, SAMPLE_REST_FACTOR, Sweeper
from shared.outbound.deliveries import enqueue_deliveries, webhook_to_subscription
from shared.platform.db.connections import Connection, connect
from tests.support.automating import action, leads, save
from tests.support.ingesting import accept, item, workspace_id
from tests.support.receivers import Receiver
from tests.support.sending import Outbox
from tests.support.serving import settings_of
from tests.support.sweeping import sweeping
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

# As of statements that take too long: of more rows than ten.
TOO_MUCH = """
CREATE FUNCTION too_much() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM many) > 10 THEN RAISE EXCEPTION 'too much' USING ERRCODE = 'query_canceled'; END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER too_much AFTER {what} ON leads REFERENCING NEW TABLE AS many
FOR EACH STATEMENT EXECUTE FUNCTION too_much();
"""


SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leadhub sweeper'"
ENDED = SESSIONS.replace("count(*)", "count(pg_terminate_backend(pid))")


async def count(database: Connection, query: str) -> int:
    row = await (await database.execute(query.encode())).fetchone()
    return int(row[0]) if row else 0


async def test_sweeper_ingests_slow_leads_in_smaller_batches(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    workspace = await workspace_id(database)
    for number in range(40):
        await accept(database, [item(workspace, {"email": f"{number}@example.com"})])
    await database.execute(TOO_MUCH.format(what="INSERT"))

    async def all_are_there() -> bool:
        return await count(database, "SELECT count(*) FROM leads") == 40

    async with sweeping(settings_of(database_url, tmp_path)):
        await until_async(all_are_there, what="all leads")


async def test_sweeper_runs_slow_automations_in_smaller_batches(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    await save(database, {"type": "lead_created"}, action("add_tag", tag="seen"))
    many: list[dict[str, Any]] = [{"email": f"{number}@example.com"} for number in range(40)]
    await leads(database_url, database, *many)
    await database.execute(TOO_MUCH.format(what="UPDATE"))

    async def all_bear_it() -> bool:
        return await count(database, "SELECT count(*) FROM leads WHERE tag_ids <> '{}'") == 40

    async with sweeping(settings_of(database_url, tmp_path)):
        await until_async(all_bear_it, what="all tags")


async def test_sweeper_deliveries_survive_a_broken_connection(
    outbox: Outbox, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.hold()
    subscription = await outbox.subscribe(receiver.url)
    what = await outbox.happening(await outbox.lead())
    await enqueue_deliveries(outbox.connection, [webhook_to_subscription(outbox.workspace_id, subscription, what)])
    secret, allowed = outbox.settings.secret_key, outbox.settings.allowed_targets

    async def is_sent() -> bool:
        return [one["state"] for one in await outbox.deliveries()] == ["sent"]

    async with sweeping(settings_of(outbox.url, tmp_path, secret_key=secret, allowed_targets=allowed)):
        await until_async(lambda: bool(receiver.requests), what="a request under way")
        assert await count(outbox.connection, ENDED)

        async def is_back() -> bool:
            return await count(outbox.connection, SESSIONS) > 0

        await until_async(is_back, what="a sweeper on new connections")
        await asyncio.sleep(3 * CHECK_SECONDS)  # in which it looks for what is due
        receiver.release()
        await until_async(is_sent, what="its outcome")
    assert len(receiver.requests) == 1


async def test_the_history_goes_on_soon_after_a_sample_that_hung(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    sweeper = Sweeper(settings_of(database_url, tmp_path))
    async with connect(database_url, "tests") as other, other.transaction():
        await other.execute("LOCK TABLE lane_statistics IN ACCESS EXCLUSIVE MODE")
        turn = asyncio.create_task(sweeper._sample_history(database))
        await asyncio.sleep(2 * IDLE_SAMPLE_SECONDS / SAMPLE_REST_FACTOR)
        assert not turn.done()
    assert await turn == IDLE_SAMPLE_SECONDS
    sweeper._hints.stop()
