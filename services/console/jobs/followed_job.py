"""The end of a job that a list waits for: the list then shows what became of its rows, and offers to take it back."""

from aiohttp import web

from services.console.jobs.outcome_words import ended_sentence
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.jobs.job_control import EndedJob, read_job
from shared.jobs.job_outcomes import read_outcomes_of
from shared.jobs.lead_targets import UNDO_FILTER
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response


@workspace_page(Permission.SEE_RECORDS)
async def show_end(view: PageView) -> web.Response:
    """Tell the page's script whether a job has ended, and what came of it."""
    job_id, workspace_id = path_id(view.request), view.workspace.workspace_id
    async with view.console.reading() as connection:
        job = await read_job(connection, workspace_id, job_id)
        outcomes = (await read_outcomes_of(connection, workspace_id, [job_id]))[job_id]
    if job["finished_at"] is None:
        return json_response({"hasEnded": False})
    ended = EndedJob(job_id, job["kind"], job["filter"], job["state"], job["total"], 0, job["finished_at"])
    is_edit = job["kind"] == "edit" and UNDO_FILTER not in job["filter"]
    may_undo = is_edit and job["done"] > 0 and view.permits(Permission.BULK_LEADS)
    return json_response(
        {
            "hasEnded": True,
            "id": str(job_id),
            "text": ended_sentence(view, ended, outcomes),
            "link": view.path(f"jobs/{job_id}"),
            "label": view.translate("See the job"),
            "undo": view.path(f"leads/bulk/{job_id}/undo") if may_undo else "",
            "undoLabel": view.translate("Undo"),
            "close": view.translate("Close"),
        }
    )
