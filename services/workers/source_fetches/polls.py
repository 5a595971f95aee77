"""Polls: every quarter of an hour each integration's provider is asked for leads that no webhook announced.

A poll goes page by page like a backfill, and stores how far it came. What it finds has the keys of webhooks, so that
known leads are left out.
"""

from datetime import datetime
from typing import Any, NamedTuple

from services.workers.source_fetches.fetch_records import show_problem
from services.workers.source_fetches.fetching_integrations import IntegrationKey
from services.workers.source_fetches.listed_leads import store_listed
from shared.intake.journal import Lane
from shared.integrations.integration_cache import ReceivingIntegration
from shared.integrations.lead_fetchers import LEAD_FETCHERS
from shared.integrations.lead_fetching import FetchedPage, FetchProblem, ListCursor, ListWindow
from shared.platform.db.connections import Connection, as_json
from shared.platform.observability import logging

log = logging.get_logger()

POLL_INTERVAL_SECONDS = 15 * 60  # seconds between two polls of an integration
POLL_OVERLAP_SECONDS = 30 * 60  # seconds before the end of the last poll: lists of providers may lag behind
POLL_DELAY_SECONDS = 2 * 60  # seconds of age under which a lead is left to its webhook
POLL_LEASE_SECONDS = 60

_DUE_POLLS_SQL = """
FROM integrations i LEFT JOIN source_polls p ON p.workspace_id = i.workspace_id AND p.integration_id = i.id
WHERE i.is_active AND i.type = ANY(%(types)s)
  AND coalesce(p.due_at, i.created_at + make_interval(secs => %(interval)s))
      <= now() - make_interval(secs => %(overdue)s)
"""
HAS_DUE_POLL_SQL = f"SELECT EXISTS (SELECT {_DUE_POLLS_SQL})"
# An integration from before there were polls is not asked for leads of more than a day before its first one.
CLAIM_POLL_SQL = f"""
INSERT INTO source_polls (workspace_id, integration_id, since, until, due_at)
SELECT i.workspace_id, i.id, greatest(i.created_at, now() - interval '1 day'),
       now() - make_interval(secs => %(delay)s), now() + make_interval(secs => %(lease)s)
{_DUE_POLLS_SQL} ORDER BY p.due_at NULLS FIRST LIMIT 1
ON CONFLICT (workspace_id, integration_id) DO UPDATE
SET due_at = excluded.due_at, until = coalesce(source_polls.until, excluded.until)
WHERE source_polls.due_at <= now()
RETURNING workspace_id, integration_id, since, until, cursor
"""  # constants only
# The cursor says whether another worker was faster after the lease ended.
ADVANCE_POLL_SQL = """
UPDATE source_polls SET cursor = %(next)s::jsonb, due_at = clock_timestamp()
WHERE workspace_id = %(workspace)s AND integration_id = %(integration)s
  AND cursor IS NOT DISTINCT FROM %(cursor)s::jsonb
"""
END_POLL_SQL = """
UPDATE source_polls SET cursor = NULL, until = NULL, due_at = clock_timestamp() + make_interval(secs => %(interval)s),
    since = greatest(since, until - make_interval(secs => %(overlap)s))
WHERE workspace_id = %(workspace)s AND integration_id = %(integration)s
  AND cursor IS NOT DISTINCT FROM %(cursor)s::jsonb
"""
REST_POLL_SQL = """
UPDATE source_polls SET due_at = clock_timestamp() + make_interval(secs => %(pause)s)
WHERE workspace_id = %(workspace)s AND integration_id = %(integration)s
"""
# The list begins again: its cursor may be what the provider does not understand.
RESTART_POLL_SQL = """
UPDATE source_polls SET cursor = NULL, until = NULL, due_at = clock_timestamp() + make_interval(secs => %(pause)s)
WHERE workspace_id = %(workspace)s AND integration_id = %(integration)s
"""


class ClaimedPoll(NamedTuple):
    """A poll that belongs to this process until its lease ends."""

    workspace_id: int
    integration_id: int
    since: datetime
    until: datetime
    cursor: dict[str, Any] | None

    @property
    def integration_key(self) -> IntegrationKey:
        return self.workspace_id, self.integration_id

    @property
    def list_cursor(self) -> ListCursor | None:
        return self.cursor

    @property
    def window(self) -> ListWindow:
        return ListWindow(self.since.timestamp(), self.until.timestamp())


async def claim_poll(connection: Connection, *, overdue: float = 0.0) -> ClaimedPoll | None:
    """Claim a poll that is due. Committed."""
    lease = {"delay": POLL_DELAY_SECONDS, "lease": POLL_LEASE_SECONDS}
    row = await (await connection.execute(CLAIM_POLL_SQL, {**_due_values(overdue), **lease})).fetchone()
    return ClaimedPoll(*row) if row else None


async def has_due_poll(connection: Connection, *, overdue: float = 0.0) -> bool:
    """Return whether a poll has been due for over `overdue` seconds."""
    row = await (await connection.execute(HAS_DUE_POLL_SQL, _due_values(overdue))).fetchone()
    return bool(row and row[0])


async def record_poll(
    connection: Connection,
    poll: ClaimedPoll,
    integration: ReceivingIntegration | None,
    answer: FetchedPage | FetchProblem,
) -> bool:
    """Store a page, or let the integration show why there is none. Return whether leads went to the journal."""
    place = {"workspace": poll.workspace_id, "integration": poll.integration_id}
    if integration is None:
        return False
    if isinstance(answer, FetchProblem):
        await _record_problem(connection, poll, integration, answer)
        return False
    cursor = as_json(poll.cursor) if poll.cursor else None
    async with connection.transaction():
        if answer.cursor:
            values = {**place, "cursor": cursor, "next": as_json(answer.cursor)}
            moved = await connection.execute(ADVANCE_POLL_SQL, values)
        else:
            times = {"interval": POLL_INTERVAL_SECONDS, "overlap": POLL_OVERLAP_SECONDS}
            moved = await connection.execute(END_POLL_SQL, {**place, **times, "cursor": cursor})
        if not moved.rowcount:
            return False
        leads = await store_listed(connection, integration, answer.events, Lane.PROMPT)
        await show_problem(connection, *poll.integration_key, None)
    n = sum(lead.is_new for lead in leads)
    if n:
        log.warning("source.missed", integration_id=poll.integration_id, leads=n)
    return bool(n)


async def _record_problem(
    connection: Connection, poll: ClaimedPoll, integration: ReceivingIntegration, problem: FetchProblem
) -> None:
    log.warning("poll.problem", integration_id=poll.integration_id, problem=problem.kind)
    place = {"workspace": poll.workspace_id, "integration": poll.integration_id}
    async with connection.transaction():
        if problem.kind == "rate_limited":
            await connection.execute(REST_POLL_SQL, {**place, "pause": max(problem.retry_after or 0.0, 1.0)})
        else:
            await connection.execute(RESTART_POLL_SQL, {**place, "pause": POLL_INTERVAL_SECONDS})
        if problem.kind in ("token", "version") and integration.credentials:
            await show_problem(connection, *poll.integration_key, problem.sentence)


def _due_values(overdue: float) -> dict[str, Any]:
    return {"types": list(LEAD_FETCHERS), "interval": POLL_INTERVAL_SECONDS, "overdue": overdue}
