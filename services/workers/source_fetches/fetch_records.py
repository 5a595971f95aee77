"""Record what became of a fetch, in one transaction: the lead goes on, is tried again, or is dead.

A submission is in one place at a time. Whoever deletes its row among the fetches decides it, so that a worker that
comes back after its lease ended decides nothing.
"""

import orjson

from services.workers.failure_causes import add_failures
from services.workers.ingest.dead_letters import store_dead_record
from services.workers.source_fetches.fetch_claims import ClaimedFetch
from services.workers.source_fetches.fetch_outcomes import FailedFetch, PostponedFetch, decide_problem
from shared.intake.journal import Lane
from shared.integrations.integration_cache import ReceivingIntegration
from shared.integrations.lead_fetchers import LEAD_FETCHERS
from shared.integrations.lead_fetching import FetchProblem
from shared.integrations.source_event import SourceEvent
from shared.integrations.source_items import event_key, fetched_item, key_digest, submission_id
from shared.leads.apply_batch import submission_row
from shared.leads.submission import decode_submission
from shared.operations.fingerprint import cause_of_text
from shared.platform.db.connections import Connection
from shared.platform.observability import logging

log = logging.get_logger()

ERROR_TYPE = "LeadNotFetched"
DELETED_INTEGRATION_REASON = "The integration was deleted before the lead was fetched."

TAKE_FETCH_SQL = "DELETE FROM source_fetches WHERE workspace_id = %s AND id = %s"
# It was counted as accepted when its notice came.
RETURN_TO_JOURNAL_SQL = "INSERT INTO journal (lane, n, ids, payload) VALUES (%b, 1, ARRAY[%b::uuid], %b)"
# A list of the provider's names the lead by another key than its webhook did.
KEEP_LISTED_KEY_SQL = """
INSERT INTO submission_keys (workspace_id, id, received_at, body_hash)
VALUES (%s, %s, to_timestamp(%s / 1000.0), decode(%s, 'hex')) ON CONFLICT DO NOTHING
"""
POSTPONE_FETCH_SQL = """
UPDATE source_fetches SET attempts = least(attempts + 1, 30000), last_error = %s, fetcher = NULL,
                          due_at = clock_timestamp() + make_interval(secs => %s)
WHERE workspace_id = %s AND id = %s
"""
# Rows that another transaction records just now are left to it.
POSTPONE_OTHERS_SQL = """
UPDATE source_fetches f SET due_at = clock_timestamp() + make_interval(secs => %(seconds)s)
FROM (SELECT workspace_id, id FROM source_fetches
      WHERE workspace_id = %(workspace)s AND integration_id = %(integration)s
        AND due_at < clock_timestamp() + make_interval(secs => %(seconds)s) FOR UPDATE SKIP LOCKED) others
WHERE f.workspace_id = others.workspace_id AND f.id = others.id
"""
SHOW_PROBLEM_SQL = """
UPDATE integrations SET last_error = %s WHERE workspace_id = %s AND id = %s AND last_error IS DISTINCT FROM %s
"""


async def record_lead(
    connection: Connection, claimed: ClaimedFetch, integration: ReceivingIntegration, event: SourceEvent
) -> bool:
    """Return the submission to the journal with its lead. Return whether it was still there. Committed."""
    item = fetched_item(integration, claimed.item, event)
    document = orjson.dumps({"gateway": "", "items": [item]})
    async with connection.transaction():
        if not await _take(connection, claimed):
            return False
        if (listed_id := LEAD_FETCHERS[integration.type].listed_id) and event.object_id:
            key = event_key(listed_id(event.object_id))
            values = (claimed.workspace_id, submission_id(integration, key), item["at"], key_digest(key))
            await connection.execute(KEEP_LISTED_KEY_SQL, values)
        await connection.execute(RETURN_TO_JOURNAL_SQL, (int(Lane.PROMPT), claimed.id, document))
        await show_problem(connection, integration.workspace_id, integration.id, None)
    log.info("source.fetched", submission_id=claimed.id, attempts=claimed.attempts + 1)
    return True


async def record_problem(connection: Connection, claimed: ClaimedFetch, problem: FetchProblem) -> None:
    """Postpone the fetch, with others of its integration where they would fail alike, or give it up. Committed."""
    outcome = decide_problem(problem, claimed.attempts + 1, claimed.age_seconds)
    log.warning("source.not_fetched", submission_id=claimed.id, problem=problem.kind, attempts=claimed.attempts + 1)
    async with connection.transaction():
        if isinstance(outcome, FailedFetch):
            await _give_up(connection, claimed, outcome.reason)
        else:
            await _postpone(connection, claimed, outcome, problem.sentence)


async def record_deleted_integration(connection: Connection, claimed: ClaimedFetch) -> None:
    """Give up a fetch whose integration was deleted. Committed."""
    async with connection.transaction():
        await _give_up(connection, claimed, DELETED_INTEGRATION_REASON)


async def show_problem(connection: Connection, workspace_id: int, integration_id: int, sentence: str | None) -> None:
    """Let the integration show a problem, or none any more."""
    await connection.execute(SHOW_PROBLEM_SQL, (sentence, workspace_id, integration_id, sentence))


async def _take(connection: Connection, claimed: ClaimedFetch) -> bool:
    return bool((await connection.execute(TAKE_FETCH_SQL, (claimed.workspace_id, claimed.id))).rowcount)


async def _postpone(connection: Connection, claimed: ClaimedFetch, outcome: PostponedFetch, sentence: str) -> None:
    values = (sentence, outcome.seconds, claimed.workspace_id, claimed.id)
    await connection.execute(POSTPONE_FETCH_SQL, values)
    if outcome.whole_integration:
        where = {"workspace": claimed.workspace_id, "integration": claimed.integration_id}
        await connection.execute(POSTPONE_OTHERS_SQL, {**where, "seconds": outcome.seconds})
    if outcome.shown:
        await show_problem(connection, *claimed.integration_key, sentence)


async def _give_up(connection: Connection, claimed: ClaimedFetch, reason: str) -> None:
    """Store the submission as dead. Its body still names the lead, so that a replay fetches it again."""
    if not await _take(connection, claimed):
        return
    submission = decode_submission(claimed.item, "", claimed.attempts)
    cause = cause_of_text("submission", reason, error_type=ERROR_TYPE, place="fetch")
    error = f"{ERROR_TYPE}: {reason}"
    record = {**submission_row(submission), "error": error, "hash": submission.body_hash, "cause": cause.id}
    await store_dead_record(connection, record)
    await add_failures(connection, [(claimed.workspace_id, cause)])
    log.error("submission.dead", submission_id=claimed.id, attempts=record["attempts"], error=ERROR_TYPE)
