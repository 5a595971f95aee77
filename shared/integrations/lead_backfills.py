"""Jobs that ask a provider for leads that its webhooks did not bring. `services/workers/source_fetches/` runs them."""

from datetime import UTC, datetime

from shared.intake.change_author import ChangeAuthor
from shared.integrations.lead_fetchers import LEAD_FETCHERS
from shared.integrations.lead_fetching import ListWindow, ProviderApi
from shared.integrations.mapping_settings import complete_integration_settings
from shared.platform.db.connections import Connection, as_json
from shared.platform.errors import Conflict, NotFound

CANNOT_BACKFILL_MESSAGE = "Leads of the type {type} come with their webhooks: there is nothing to ask its provider for."

SELECT_INTEGRATION_SQL = "SELECT type, settings FROM integrations WHERE workspace_id = %s AND id = %s"
ADD_BACKFILL_SQL = """
INSERT INTO jobs (workspace_id, kind, filter, created_by) VALUES (%s, 'backfill', %s::jsonb, %s::jsonb) RETURNING id
"""


IN_FUTURE_MESSAGE = "The since field must be a time that has passed."


async def create_backfill(
    connection: Connection, workspace_id: int, integration_id: int, since: datetime, author: ChangeAuthor
) -> int:
    """Create a job for the leads since then, in the caller's transaction. Return its id.

    Raises NotFound, and Conflict for an integration whose provider cannot be asked.
    """
    integration_row = await (
        await connection.execute(SELECT_INTEGRATION_SQL, (workspace_id, integration_id))
    ).fetchone()
    if integration_row is None:
        raise NotFound
    type_, settings = integration_row
    if type_ not in LEAD_FETCHERS:
        raise Conflict(CANNOT_BACKFILL_MESSAGE.format(type=type_))
    fetcher, accounts = LEAD_FETCHERS[type_], complete_integration_settings(settings)["accounts"]
    if fetcher.first_cursor(ProviderApi("", "", {}, accounts), ListWindow(0, 0)) is None:
        raise Conflict(fetcher.cannot_list)
    wanted = as_json({"integration_id": integration_id, "since": since.astimezone(UTC).isoformat()})
    values = (workspace_id, wanted, as_json(author.to_json()))
    [(job_id,)] = await (await connection.execute(ADD_BACKFILL_SQL, values)).fetchall()
    return int(job_id)
