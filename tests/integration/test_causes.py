"""Failures grouped by cause: exact counts through the real worker, reopening, old rows, and nothing of a person."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.workers.automations.runs import save_results
from services.workers.automations.types import ActiveRun, RunResult
from services.workers.failure_causes import add_failures, backfill_causes, delete_old_causes, fold_causes
from services.workers.ingest import batch
from shared.operations.causes import CauseDict, CauseFilter, change_cause, count_causes, list_causes
from shared.operations.fingerprint import FailureCause
from shared.outbound.deliveries import enqueue_deliveries, webhook_to_subscription
from shared.platform.db.connections import Connection, connect
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.leads import rows
from tests.support.receivers import Receiver
from tests.support.sending import Outbox
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

FAILURES = 600
CANARY = "Zebulon Quixworth"
REFUSE = """
CREATE FUNCTION test_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE NEW.id % 3
        WHEN 0 THEN RAISE EXCEPTION 'lead % of % cannot be kept', NEW.id, NEW.first_name;
        WHEN 1 THEN RAISE EXCEPTION 'the number % is not valid', NEW.phone;
        ELSE RAISE EXCEPTION 'duplicate key value violates unique constraint "uq_test"' USING ERRCODE = '23514';
    END CASE;
END $$;
CREATE TRIGGER test_refuse BEFORE INSERT ON leads FOR EACH ROW WHEN (NEW.first_name = 'Zebulon Quixworth')
EXECUTE FUNCTION test_refuse()
"""
DEAD_BY_CAUSE = "SELECT cause_id, count(*) FROM submissions WHERE state = 'dead' GROUP BY 1"
FIXED = FailureCause("submission", "ValueError", "a.py:f", "not this one")


async def listed(connection: Connection, **which: Any) -> list[CauseDict]:
    return await list_causes(connection, await workspace_id(connection), CauseFilter(**which), limit=100)


async def fail(connection: Connection, cause: FailureCause = FIXED) -> None:
    await add_failures(connection, [(await workspace_id(connection), cause)])
    await fold_causes(connection)


async def test_hundreds_of_failures_of_three_errors_are_three_causes(
    database: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_INGEST_ATTEMPTS", 1)  # without the pauses between attempts
    workspace = await workspace_id(database)
    await database.execute(REFUSE)
    leads = [
        {"email": f"z{number}@quixworth.example", "first_name": CANARY, "phone": f"+49151{number:08}"}
        for number in range(FAILURES)
    ]
    for start in range(0, FAILURES, 100):
        await accept(database, [item(workspace, lead) for lead in leads[start : start + 100]])
    while await drain(database_url, 2):
        pass
    await fold_causes(database)
    causes = await listed(database)
    assert {cause["title"] for cause in causes} == {
        "lead # of … cannot be kept",
        "the number # is not valid",
        "duplicate key value violates unique constraint uq_test",
    }
    counted = dict(await rows(database, DEAD_BY_CAUSE))
    assert sum(counted.values()) == FAILURES
    assert {cause["id"]: cause["count"] for cause in causes} == counted
    for cause in causes:
        assert cause["last_hour"] == cause["last_day"] == cause["last_week"] == cause["count"]
        assert sum(cause["hours"]) == cause["count"] == cause["hours"][-1]
        assert len(cause["hours"]) == 24
        assert (cause["sources"], cause["state"], cause["kind"]) == (["inbound"], "open", "submission")
    stored = str(await rows(database, "SELECT c::text FROM causes c")).casefold()
    assert not [part for part in ("zebulon", "quixworth", "+49151", "49151") if part in stored]


async def test_a_fixed_cause_opens_again_by_itself_when_it_comes_back(database: Connection) -> None:
    workspace = await workspace_id(database)
    await fail(database)
    assert await change_cause(database, workspace, FIXED.id, {"state": "fixed", "note": "v2"}, "key:1") is not None
    (cause,) = await listed(database, state="fixed")
    assert (cause["note"], cause["changed_by"], cause["reopened_at"]) == ("v2", "key:1", None)
    await fail(database)
    (cause,) = await listed(database)
    assert (cause["state"], cause["last_week"]) == ("open", 2)
    assert cause["reopened_at"] == cause["last_seen_at"]


async def test_a_failure_from_before_it_was_fixed_opens_nothing(database: Connection) -> None:
    workspace = await workspace_id(database)
    await fail(database)
    await add_failures(database, [(workspace, FIXED)])
    await change_cause(database, workspace, FIXED.id, {"state": "fixed"}, "key:1")
    await fold_causes(database)
    assert (await listed(database))[0]["state"] == "fixed"


@pytest.mark.parametrize(("until", "state"), [(None, "ignored"), (1, "ignored"), (-1, "open")])
async def test_an_ignored_cause_opens_again_once_its_time_is_over(
    database: Connection, until: int | None, state: str
) -> None:
    ends = None if until is None else datetime.now(UTC) + timedelta(hours=until)
    await fail(database)
    changes = {"state": "ignored", "ignored_until": ends}
    await change_cause(database, await workspace_id(database), FIXED.id, changes, "key:1")
    await fail(database)
    (cause,) = await listed(database)
    assert (cause["state"], cause["reopened_at"] is not None) == (state, state == "open")


async def test_a_failed_delivery_has_the_cause_of_its_answer(outbox: Outbox, receiver: Receiver) -> None:
    receiver.status(410)
    subscription = await outbox.subscribe(receiver.url)
    event = await outbox.happening(await outbox.lead("ada@example.com"))
    await enqueue_deliveries(outbox.connection, [webhook_to_subscription(outbox.workspace_id, subscription, event)])

    async def has_failed() -> bool:
        return [one["state"] for one in await outbox.deliveries()] == ["failed"]

    async with outbox.sending():
        await until_async(has_failed, what="the failure")
    await fold_causes(outbox.connection)
    (cause,) = await listed(outbox.connection)
    assert (cause["kind"], cause["error_type"], cause["place"]) == ("delivery", "HTTP 410", "webhook")
    assert (cause["count"], cause["sources"]) == (1, [f"subscription:{subscription}"])
    assert [one["cause_id"] for one in await outbox.deliveries()] == [cause["id"]]


async def test_a_failed_run_has_the_cause_of_its_step(database: Connection) -> None:
    workspace = await workspace_id(database)
    ((run_id,),) = await rows(
        database,
        "INSERT INTO automation_runs (workspace_id, automation_id, trigger_key, lead_id, state) "
        f"VALUES ({workspace}, 7, 'manual:1', 1, 'waiting') RETURNING id",
    )
    run = ActiveRun(run_id, workspace, 7, 1, 0, (), (), 0, "Welcome", None)
    failed = {"step": 0, "type": "move_stage", "outcome": "failed", "reason": "there is no stage 17", "data": {}}
    await save_results(database, [RunResult(run, "failed", 1, [failed], None, "there is no stage 17")])
    await fold_causes(database)
    (cause,) = await listed(database, kind="automation_run")
    assert (cause["error_type"], cause["place"], cause["title"]) == ("StepFailed", "move_stage", "there is no stage #")
    assert (cause["count"], cause["sources"]) == (1, ["automation:7"])


async def test_rows_that_failed_before_there_were_causes_get_one_once(database: Connection) -> None:
    workspace = await workspace_id(database)
    await database.execute(
        "INSERT INTO submissions "
        "(workspace_id, id, received_at, state, channel, payload, attempts, error, processed_at) "
        "SELECT %s, gen_random_uuid(), now(), 'dead', 'form:7', '{}', 5, 'ValueError: no ' || n, "
        "now() - interval '2 h' "
        "FROM generate_series(1, 1200) n",
        (workspace,),
    )
    await database.execute(
        "INSERT INTO deliveries (workspace_id, message_id, kind, endpoint, payload, state, error, finished_at) "
        "VALUES (%s, 'msg_1', 'webhook', 'host:x', '{}', 'failed', 'The receiver answered 503.', now())",
        (workspace,),
    )
    assert (await backfill_causes(database), await backfill_causes(database)) == (1201, 0)
    await fold_causes(database)
    causes = {cause["error_type"]: cause for cause in await listed(database)}
    dead = causes["ValueError"]
    assert (dead["count"], dead["last_day"], dead["last_hour"], dead["sources"]) == (1200, 1200, 0, ["form:7"])
    assert (causes["HTTP 503"]["count"], causes["HTTP 503"]["place"]) == (1, "webhook")


async def test_a_flood_waits_for_nobody(database: Connection, database_url: str) -> None:
    """A transaction that holds the row of a cause holds no failure up."""
    await fail(database)
    async with database.transaction():
        await change_cause(database, await workspace_id(database), FIXED.id, {"state": "ignored"}, "key:1")
        async with connect(database_url, "tests") as other, asyncio.timeout(60):
            await add_failures(other, [(await workspace_id(other), FIXED)] * 10_000)
    await fold_causes(database)
    assert (await listed(database))[0]["last_week"] == 10_001


async def test_causes_are_listed_page_by_page_and_forgotten_in_the_end(database: Connection) -> None:
    workspace = await workspace_id(database)
    for number in range(5):
        await fail(database, FailureCause("submission", f"Error{number}", "", "no"))
    first = await list_causes(database, workspace, CauseFilter(), limit=2)
    last = first[-1]["last_seen_at"].isoformat(), first[-1]["id"]
    rest = await list_causes(database, workspace, CauseFilter(), limit=9, after=last)
    assert [cause["error_type"] for cause in (*first, *rest)] == [f"Error{number}" for number in (4, 3, 2, 1, 0)]
    assert await count_causes(database, workspace + 1, CauseFilter()) == 0
    await database.execute("UPDATE causes SET last_seen_at = now() - interval '91 d' WHERE error_type = 'Error0'")
    await delete_old_causes(database, 90)
    assert await count_causes(database, workspace, CauseFilter()) == 4
