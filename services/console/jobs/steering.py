"""What can be done with a job: another pace, pause, resume, cancel, and a mail when it ends."""

from collections.abc import Awaitable, Callable
from typing import NoReturn

from aiohttp import web

from services.console.jobs.job_page import render_job
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.jobs import job_control
from shared.jobs.job_control import MAX_RATE
from shared.jobs.job_followers import follow_job, unfollow_job
from shared.outbound.mail_setup import can_send_mail
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details


@workspace_page(Permission.STEER_QUEUES)
async def set_rate(view: PageView) -> web.StreamResponse:
    """Change the pace of a job while it runs."""
    text = (await view.read_form()).get("rate", "").strip().replace(",", "")
    is_number = text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MAX_RATE
    if text and not is_number:
        n = view.formatting.number(MAX_RATE)
        problem = view.translate("A whole number from 1 to %(n)s, or nothing.", n=n)
        return await render_job(view, 422, problem=problem, typed_rate=text[:20])
    rate = int(text) if text else None

    async def change_rate(connection: Connection, workspace_id: int, job_id: int) -> None:
        await job_control.set_job_rate(connection, workspace_id, job_id, rate)

    audit_details(view.request, after={"rate": rate})
    sentence = view.translate("As fast as workers can.")
    if rate:
        sentence = view.translate("At most %(rate)s a second from now on.", rate=view.formatting.number(rate))
    await _steer_job(view, change_rate, "rate_changed", sentence)


@workspace_page(Permission.STEER_QUEUES)
async def pause(view: PageView) -> web.StreamResponse:
    """Pause a job."""
    said = view.translate("The job is paused. What it has begun is finished.")
    await _steer_job(view, job_control.pause_job, "paused", said)


@workspace_page(Permission.STEER_QUEUES)
async def resume(view: PageView) -> web.StreamResponse:
    """Let a paused job go on."""
    await _steer_job(view, job_control.resume_job, "resumed", view.translate("The job goes on."))


@workspace_page(Permission.STEER_QUEUES)
async def cancel(view: PageView) -> web.StreamResponse:
    """End a job. The rows that it has not handled stay as they are."""
    said = view.translate("The rest is cancelled. Those rows stay as they are.")
    await _steer_job(view, job_control.cancel_job, "cancelled", said)


@workspace_page(Permission.SEE_RECORDS)
async def follow(view: PageView) -> web.StreamResponse:
    """Send the reader a mail when the job ends, or none."""
    workspace, job_id = view.workspace, path_id(view.request)
    is_wanted = "is_following" in await view.read_form()
    audit_details(view.request, action="job.followed" if is_wanted else "job.unfollowed", object=("job", job_id))

    async def change(connection: Connection) -> None:
        await job_control.read_job(connection, workspace.workspace_id, job_id)
        if not is_wanted:
            return await unfollow_job(connection, workspace.workspace_id, job_id, workspace.user_id)
        if not workspace.user_id or not await can_send_mail(connection, view.console.settings, workspace.workspace_id):
            raise Conflict("No mail can be sent.")
        url = f"{view.mailed_base_url}{view.path(f'jobs/{job_id}')}"
        return await follow_job(connection, workspace.workspace_id, job_id, workspace.user_id, url)

    sentence = view.translate("You get a mail when it ends.") if is_wanted else view.translate("You get no mail.")
    try:
        await view.console.writing(change)
    except Conflict:
        sentence = view.translate("No mail comes: the job has ended, or no mail can be sent.")
    view.redirect(view.path(f"jobs/{job_id}"), sentence)


async def _steer_job(
    view: PageView, steer: Callable[[Connection, int, int], Awaitable[None]], action: str, sentence: str
) -> NoReturn:
    """Change a job and go back to its page. One that has ended meanwhile is no error: the page says so."""
    job_id = path_id(view.request)
    audit_details(view.request, action=f"job.{action}", object=("job", job_id))
    try:
        await view.console.writing(lambda connection: steer(connection, view.workspace.workspace_id, job_id))
    except Conflict:
        sentence = view.translate("Nothing was changed: the job had ended already.")
    view.console.forget_figures(view.workspace.workspace_id)
    view.redirect(view.path(f"jobs/{job_id}"), sentence)
