"""Start an automation for one lead by hand, whatever its trigger."""

import uuid

from shared.accounting.counters import add_counts
from shared.automations.automation_editing import find_automation
from shared.leads.lead_redirects import find_answering_lead
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, ValidationFailed

LEAD_NOT_FOUND_ERRORS = {"lead_id": ["There is no such lead."]}
INSERT_RUN_SQL = """
INSERT INTO automation_runs (workspace_id, automation_id, trigger_key, lead_id, state, due_at)
VALUES (%s, %s, %s, %s, 'waiting', now()) RETURNING id
"""


async def start_manual_run(connection: Connection, workspace_id: int, id_: int, lead_id: int) -> int:
    """Create a run that the engine starts at once, and return its id. Raises NotFound, ValidationFailed, Conflict."""
    automation = await find_automation(connection, workspace_id, id_)
    answering_id = await find_answering_lead(connection, workspace_id, lead_id)
    if answering_id is None:
        raise ValidationFailed(LEAD_NOT_FOUND_ERRORS)
    if not automation["is_active"]:
        raise Conflict("The automation is switched off.")
    values = (workspace_id, id_, f"manual:{uuid.uuid4()}", answering_id)
    [(run_id,)] = await (await connection.execute(INSERT_RUN_SQL, values)).fetchall()
    await add_counts(connection, {(workspace_id, "automation", id_): 1})
    return int(run_id)
