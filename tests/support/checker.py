"""The ledger's check: acknowledged ⊆ stored; one row per id; every effect once; the books balance."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis

from shared.accounting import ledger
from shared.intake.spool import Spool
from shared.platform.db.connections import Connection, connect
from shared.platform.db.database_errors import UNAVAILABLE_ERRORS
from tests.support import event_probe
from tests.support.load import Told
from tests.support.waiting import until_async

AWAY: tuple[type[Exception], ...] = (*UNAVAILABLE_ERRORS, redis.RedisError)

LOST = """
SELECT count(*) FROM unnest(%(ids)s::uuid[], %(leads)s::bigint[]) AS told (id, lead_id)
WHERE NOT EXISTS (
    SELECT FROM submissions s LEFT JOIN leads l ON l.workspace_id = s.workspace_id AND l.id = s.lead_id
    WHERE s.id = told.id AND (s.state <> 'done' OR l.id = coalesce(told.lead_id, l.id)))
"""

# Each counts what must not be; all of them over the whole database.
DOUBLED = {
    "submissions with two rows": "SELECT count(*) - count(DISTINCT (workspace_id, id)) FROM submissions",
    "submissions not exactly once on a timeline": """
        SELECT count(*) FROM submissions s WHERE state = 'done' AND 1 <> (
            SELECT count(*) FROM activities a WHERE a.workspace_id = s.workspace_id AND a.lead_id = s.lead_id
            AND a.type IN ('lead.created', 'lead.duplicate') AND a.data->>'submission_id' = s.id::text)""",
    "timeline entries without their submission": """
        SELECT count(*) FROM (
            SELECT workspace_id, lead_id, data->>'submission_id' FROM activities
            WHERE type IN ('lead.created', 'lead.duplicate') AND data ? 'submission_id'
            EXCEPT SELECT workspace_id, lead_id, id::text FROM submissions) strangers""",
    "leads not created exactly once": """
        SELECT count(*) FROM leads l WHERE 1 <> (
            SELECT count(*) FROM activities a WHERE a.workspace_id = l.workspace_id AND a.lead_id = l.id
            AND a.type = 'lead.created')""",
    # Of a lead that was made by hand: of none.
    "leads not the first of exactly one submission": """
        SELECT count(*) FROM leads l LEFT JOIN (
            SELECT workspace_id, lead_id, count(*) AS n FROM activities
            WHERE type = 'lead.created' AND data ? 'submission_id' GROUP BY 1, 2
        ) made ON made.workspace_id = l.workspace_id AND made.lead_id = l.id LEFT JOIN (
            SELECT workspace_id, lead_id, count(*) AS n FROM submissions
            WHERE state = 'done' AND NOT is_duplicate GROUP BY 1, 2
        ) first ON first.workspace_id = l.workspace_id AND first.lead_id = l.id
        WHERE coalesce(made.n, 0) <> coalesce(first.n, 0)""",
    "timeline entries not told exactly once": event_probe.TOLD,
    "identities of no lead": """
        SELECT count(*) FROM identities i WHERE NOT EXISTS (
            SELECT FROM leads l WHERE l.workspace_id = i.workspace_id AND l.id = i.lead_id)""",
    "two leads with one email": """
        SELECT count(*) - count(DISTINCT (workspace_id, email)) FROM leads WHERE email IS NOT NULL""",
    # Two that one submission's email and phone point to may show the same number; they are noted as a possible pair.
    "two leads with one phone": """
        SELECT count(*) - count(DISTINCT (workspace_id, phone)) FROM leads
        WHERE starts_with(phone, '+') AND NOT EXISTS (
            SELECT FROM possible_duplicates p WHERE p.workspace_id = leads.workspace_id AND p.lead_id = leads.id)""",
    "submissions of forms not tallied once": """
        SELECT abs((SELECT count(*) FROM submissions WHERE channel LIKE 'form:%%' AND state = 'done')
                   - (SELECT coalesce(sum(n), 0) FROM (SELECT n FROM counters WHERE kind = 'form'
                      UNION ALL SELECT n FROM counter_deltas WHERE kind = 'form') counts))""",
    "tags in two cases": "SELECT count(*) - count(DISTINCT (workspace_id, lower(name))) FROM tags",
}
# What has happened or is due, and nobody acted on yet.
UNTOLD = """
SELECT EXISTS (SELECT FROM events) OR EXISTS (SELECT FROM automation_runs WHERE due_at <= clock_timestamp())
"""
# What the ledger says against what is there.
COUNTED = """
SELECT count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE state = 'dead') FROM submissions
"""


@dataclass(frozen=True)
class Findings:
    """What the check found. `wrong` names every rule that is broken, with a count."""

    accepted: int
    lost: int
    doubled: int
    wrong: Mapping[str, int]

    def assert_exact(self) -> None:
        """AssertionError unless nothing is lost, nothing doubled and the books balance."""
        assert not self.wrong, f"the ledger is not exact: {dict(self.wrong)}"


async def check(database_url: str, spool_url: str, told: Told, seconds: float = 60) -> Findings:
    """Wait until nothing is pending, spooled nor untold, then check all there is against what callers were told."""
    async with redis.Redis.from_url(spool_url, socket_timeout=5) as client:
        state = await _until_quiet(database_url, Spool(client), seconds)
    async with connect(database_url, "tests") as connection:
        lost = await _count(connection, LOST, ids=list(told.acknowledged), leads=list(told.acknowledged.values()))
        doubled = {name: await _count(connection, query) for name, query in DOUBLED.items()}
        done, dead = await (await connection.execute(COUNTED)).fetchone() or (0, 0)
    unbalanced = state["accepted"] - sum(state[name] for name in ("done", "pending", "dead", "quarantined", "spooled"))
    wrong = {
        "acknowledged and not stored": lost,
        "one submission told two leads": told.contradictions,
        "accepted without a state": unbalanced,
        "done by the ledger, not by the rows": state["done"] - done,
        "dead by the ledger, not by the rows": state["dead"] - dead,
        **doubled,
    }
    wrong = {name: count for name, count in wrong.items() if count}
    return Findings(len(told.acknowledged), lost, sum(map(abs, doubled.values())) + told.contradictions, wrong)


async def _until_quiet(database_url: str, spool: Spool, seconds: float) -> dict[str, Any]:
    found: dict[str, Any] = {}

    async def is_quiet() -> bool:
        try:
            async with asyncio.timeout(10), connect(database_url, "tests") as connection:
                found.update(await ledger.read_ledger(connection, spool))
                untold = await _count(connection, UNTOLD)
        except AWAY:  # it may be only just coming back
            return False
        return not (found["pending"] or found["spooled"] or untold)

    await until_async(is_quiet, seconds, "the end of the backlog")
    return found


async def _count(connection: Connection, query: str, **parameters: Any) -> int:
    row = await (await connection.execute(query, parameters)).fetchone()
    assert row is not None
    return int(row[0])
