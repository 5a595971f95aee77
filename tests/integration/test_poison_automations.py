"""What an engine cannot act on, beside what it can: the others are done, told of and delivered, first or second."""

from typing import Any

import pytest

from shared.platform.db.connections import Connection, connect
from tests.support.automating import action, engine, leads, rows, run, runs, save
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

MAIL = action("send_email", to="lead", subject="Hello", body="From us")
BAD: dict[str, Any] = {"action": {"type": "no such"}}
GOOD_LEAD = {"email": "good@example.com", "source": "good"}
BAD_LEAD = {"email": "bad@example.com", "source": "bad"}
LATER = {"delay": {"hours": 1}}
MAKE_DUE = "UPDATE automation_runs SET due_at = now() WHERE due_at IS NOT NULL"
SUBSCRIBE = """
INSERT INTO webhook_subscriptions (workspace_id, url, events, secret) VALUES (%s, 'https://example.com', %s, 'x')
"""
# What a transaction that need not be on the disk says of itself, seen where it ends.
NOTE_COMMITS = """
CREATE TABLE commits (setting text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO commits SELECT current_setting('synchronous_commit'); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER note AFTER INSERT ON deliveries DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION note();
"""
# Each run that is to be begun is refused, or the second alone, for something that passes.
REFUSE = """
CREATE SEQUENCE tries;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF {when} THEN RAISE EXCEPTION 'refused' USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON automation_runs FOR EACH ROW EXECUTE FUNCTION refuse();
"""


async def act(url: str) -> int:
    """Everything that waits; how often it was said that something is to be sent."""
    hints: list[None] = []
    async with connect(url, "tests engine") as connection:
        assert await engine(lambda: hints.append(None)).run(connection)
    return len(hints)


async def states(database: Connection) -> dict[str, str]:
    """How each lead's run stands, by its source."""
    query = "SELECT l.source, r.state FROM automation_runs r JOIN leads l ON l.id = r.lead_id"
    return {row["source"]: row["state"] for row in await rows(database, query)}


@pytest.mark.parametrize("batch", [(GOOD_LEAD, BAD_LEAD), (BAD_LEAD, GOOD_LEAD)], ids=["first", "second"])
@pytest.mark.parametrize("delay", [(), (LATER,)], ids=["events", "runs"])
async def test_deliveries_of_a_half_failed_batch_are_durable_and_hinted(
    database_url: str, database: Connection, batch: tuple[dict[str, Any], ...], delay: tuple[dict[str, Any], ...]
) -> None:
    """Half a batch that failed takes nothing back from the other half: neither the hint nor the wait for the disk."""
    for lead, step in ((GOOD_LEAD, MAIL), (BAD_LEAD, BAD)):
        await save(database, {"type": "lead_created", "sources": [lead["source"]]}, *delay, step)
    await leads(database_url, database, *batch)
    if delay:
        await run(database_url)
        await database.execute(MAKE_DUE)
    await database.execute(NOTE_COMMITS)
    assert await act(database_url) == 1
    assert await rows(database, "SELECT * FROM commits") == [{"setting": "on"}]
    assert await rows(database, "SELECT kind FROM deliveries") == [{"kind": "email"}]
    assert await states(database) == {"good": "done", "bad": "waiting"}
    assert await rows(database, "SELECT 1 FROM events") == []


@pytest.mark.parametrize("place", range(5))
async def test_wherever_it_stands_in_a_batch_it_alone_is_not_done(
    database_url: str, database: Connection, place: int
) -> None:
    await save(database, {"type": "lead_created", "sources": ["bad"]}, action("adjust_score", points=1), BAD)
    await save(database, {"type": "lead_created"}, action("adjust_score", points=1))
    batch = [{"email": f"{n}@example.com", "source": "bad" if n == place else "good"} for n in range(5)]
    await leads(database_url, database, *batch)
    await run(database_url)
    found = await rows(database, "SELECT source, lead_score FROM leads ORDER BY id")
    assert [row["lead_score"] for row in found] == [1] * 5  # what the poison run did is undone
    assert [one["state"] for one in await runs(database)].count("done") == 5
    (failed,) = [one for one in await runs(database) if one["state"] != "done"]
    assert (failed["state"], failed["attempts"]) == ("waiting", 1)


async def test_subscribers_get_an_event_although_its_run_fails(database_url: str, database: Connection) -> None:
    await save(database, {"type": "lead_created"}, BAD)
    await database.execute(SUBSCRIBE, (await workspace_id(database), ["lead.created"]))
    await database.execute("UPDATE rule_versions SET version = version + 1")
    await leads(database_url, database, BAD_LEAD)
    await run(database_url)
    assert await rows(database, "SELECT kind, event FROM deliveries") == [{"kind": "webhook", "event": "lead.created"}]
    assert await states(database) == {"bad": "waiting"}


async def test_an_event_whose_runs_cannot_begin_is_told_of_and_then_dropped(
    database_url: str, database: Connection
) -> None:
    await save(database, {"type": "lead_created", "sources": ["bad"]}, MAIL)
    await database.execute(SUBSCRIBE, (await workspace_id(database), ["lead.created"]))
    await database.execute("UPDATE rule_versions SET version = version + 1")
    await database.execute(REFUSE.format(when="true", code="23514"))
    await leads(database_url, database, GOOD_LEAD, BAD_LEAD)
    await run(database_url)
    assert await rows(database, "SELECT kind FROM deliveries") == [{"kind": "webhook"}] * 2
    assert await runs(database) == []
    assert await rows(database, "SELECT 1 FROM events") == []


async def test_transient_contention_drops_no_event(database_url: str, database: Connection) -> None:
    """The second time that the run is to begin, by itself, others are in its way."""
    await save(database, {"type": "lead_created"}, BAD)
    await database.execute(REFUSE.format(when="nextval('tries') = 2", code="40001"))
    await leads(database_url, database, BAD_LEAD)
    await run(database_url)
    assert await states(database) == {"bad": "waiting"}
