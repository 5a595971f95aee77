"""Dry runs of leads that are sent: what the workers would decide on them now. Nothing is stored."""

from shared.auth.api_keys import AuthenticatedKey
from shared.leads.ingest_simulation import simulate_ingest
from shared.leads.lead_records import LeadJson
from shared.leads.submission import AcceptedSubmission
from shared.platform import ids
from shared.platform.db.connections import ConnectionPool, with_deadline
from shared.platform.db.database_errors import UNAVAILABLE_ERRORS
from shared.platform.errors import ServiceUnavailable

DRY_RUN_TIMEOUT_SECONDS = 5.0  # seconds


async def perform_dry_run(pool: ConnectionPool, key: AuthenticatedKey, lead: LeadJson) -> LeadJson:
    """Return the body of the answer to a dry run. Raises ServiceUnavailable if the database is away.

    The changes reveal what the lead holds, so only a key that may read leads gets them.
    """
    try:
        outcome = await with_deadline(DRY_RUN_TIMEOUT_SECONDS, _simulate(pool, _as_submission(key, lead)))
    except UNAVAILABLE_ERRORS as error:
        raise ServiceUnavailable("What would happen cannot be told just now. Send it again.") from error
    return outcome if key.has_scope("read:leads") else {**outcome, "changes": None}


async def _simulate(pool: ConnectionPool, submission: AcceptedSubmission) -> LeadJson:
    async with pool.connection() as connection:
        return await simulate_ingest(connection, submission)


def _as_submission(key: AuthenticatedKey, lead: LeadJson) -> AcceptedSubmission:
    return AcceptedSubmission("", ids.now_ms(), key.workspace_id, "", lead.get("source"), key.id, lead, None, "", 0, 0)
