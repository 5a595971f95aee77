"""The newest runs of an automation, beside its steps."""

from services.console.automations.question_reads import read_runs_page
from services.console.automations.run_words import RunLine, run_line
from services.console.web.page_view import PageView
from shared.leads.lead_records import read_leads
from shared.platform.db.connections import Connection
from shared.platform.web.path_params import MAX_ID

LATEST_RUNS = 6


async def read_latest_runs(view: PageView, connection: Connection, automation_id: int) -> list[RunLine]:
    """Return the newest runs as lines."""
    workspace_id = view.workspace.workspace_id
    page = await read_runs_page(connection, workspace_id, automation_id, "", MAX_ID, None, size=LATEST_RUNS)
    leads = await read_leads(connection, list({(workspace_id, run["lead_id"]) for run in page.rows}))
    return [run_line(view, run, leads.get((workspace_id, run["lead_id"])), None) for run in page.rows]
