"""The runs of an automation, newest first: each step with its outcome, and its deliveries."""

from typing import Any

from aiohttp import web

from services.console.automations.asked_lead import read_asked_lead
from services.console.automations.builder_view import builder_path
from services.console.automations.question_reads import MAX_COUNTED_RUNS, count_runs, read_runs_page
from services.console.automations.run_words import RUN_STATES, run_line
from services.console.leads.words import lead_name
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.automations.automation_editing import find_automation
from shared.leads.lead_records import read_leads
from shared.platform.web.path_params import MAX_ID, path_id


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List the runs, all or those in a state, of all leads or of one."""
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    query = view.request.query
    state = query.get("state", "") if query.get("state", "") in RUN_STATES else ""
    before = query.get("before", "")
    end = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else MAX_ID
    asked = await read_asked_lead(view) if query.get("lead") else None
    lead_id = asked.lead["id"] if asked and asked.lead else None
    async with view.console.reading() as connection:
        automation = await find_automation(connection, workspace_id, id_)
        counts = await count_runs(connection, workspace_id, id_)
        page = await read_runs_page(connection, workspace_id, id_, state, end, lead_id)
        leads = await read_leads(connection, list({(workspace_id, run["lead_id"]) for run in page.rows}))
    filters: dict[str, Any] = {"state": state or None, "lead": lead_id}
    return await view.render(
        "automations/runs.html",
        automation=automation,
        lead_id=lead_id,
        state=state,
        states=[
            (name, view.translate(word), counts[name] if name else counts.total()) for name, word in RUN_STATES.items()
        ],
        counted_at_most=MAX_COUNTED_RUNS if counts.total() == MAX_COUNTED_RUNS else None,
        lines=[
            run_line(view, run, leads.get((workspace_id, run["lead_id"])), page.origins.get(run["id"]))
            for run in page.rows
        ],
        first_path=builder_path(view, id_, "runs", **filters) if before else "",
        older_path=builder_path(view, id_, "runs", **filters, before=page.older) if page.older else "",
        lead_label=lambda lead: lead_name(view, lead),
        address=lambda below="", **more: builder_path(view, id_, below, **more),
    )
