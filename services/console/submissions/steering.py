"""What can be done with one submission: replay, fix and replay, release, mark as spam, try without storing."""

from typing import NoReturn

from aiohttp import web

from services.console.submissions.edit import MAX_REASON_LENGTH, PayloadEditForm, read_edit, try_edit
from services.console.submissions.submission_page import found_submission, render_submission, submission_path
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.sent_form import LONG_FORM_BYTES
from shared.auth.roles import Permission
from shared.intake.change_author import ChangeAuthor
from shared.intake.replay import (
    ReplayableState,
    ReplayOptions,
    find_reference,
    reject_submissions,
    replay_submissions,
)
from shared.intake.submission_lookup import find_pending
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.web.path_params import path_uuid
from shared.service_app.audit import audit_details


@workspace_page(Permission.STEER_QUEUES)
async def replay(view: PageView) -> web.StreamResponse:
    """Replay a dead submission as it is."""
    audit_details(view.request, action="submission.replayed")
    await _send_back(view, "dead", view.translate("Replayed. Its verdict comes within moments."))


@workspace_page(Permission.STEER_QUEUES)
async def release(view: PageView) -> web.StreamResponse:
    """Let a held submission go on as if it had come now."""
    audit_details(view.request, action="submission.released")
    await _send_back(view, "quarantined", view.translate("Released. It goes on as if it had come now."))


@workspace_page(Permission.STEER_QUEUES)
async def spam(view: PageView) -> web.StreamResponse:
    """Confirm that a held submission is spam."""
    wanted, workspace = path_uuid(view.request), view.workspace.workspace_id
    reason = _reason(await _form(view))
    audit_details(view.request, action="submission.rejected", object=("submission", wanted), reason=reason)

    async def reject(connection: Connection) -> bool:
        submission = await find_reference(connection, workspace, wanted)
        if submission is None:
            raise NotFound
        return bool(await reject_submissions(connection, workspace, [submission.reference]))

    if await view.console.writing(reject):
        view.console.forget_figures(workspace)
        sentence = view.translate("Marked as spam. It can still be released.")
    else:
        sentence = view.translate("Nothing was done: it is not held any more, or was marked before.")
    view.redirect(submission_path(view, str(wanted)), sentence)


@workspace_page(Permission.STEER_QUEUES)
async def fix(view: PageView) -> web.StreamResponse:
    """Try an edited payload without storing it, or replay what was tried, as a new version with author and reason."""
    submission = await found_submission(view)
    form = await _form(view)
    edit = read_edit(view, submission, form)
    is_replay = form.get("do") == "replay"
    wanted = str(submission.record["id"])
    action = "submission.replayed" if is_replay else "submission.tried"
    audit_details(view.request, action=action, object=("submission", wanted), reason=edit.reason or None)
    if submission.record["state"] != "dead":
        view.redirect(submission_path(view, wanted), view.translate("Only a dead submission can be replayed."))
    if is_replay:
        _check_replay(view, edit)
    if edit.problems or not is_replay:
        await try_edit(view, submission, edit)
        return await render_submission(view, submission, 422 if edit.problems else 200, edit=edit)
    await _send_back(view, "dead", view.translate("The new version was replayed. The original is kept."), edit)


def _check_replay(view: PageView, edit: PayloadEditForm) -> None:
    if edit.problems:
        return
    if not edit.reason:
        edit.problems.append(view.translate("Say why you changed it: the reason stands beside the new version."))
    if not edit.is_tried:
        edit.problems.append(view.translate("The payload changed since it was tried. This is what it would do now."))


async def _send_back(
    view: PageView, state: ReplayableState, toast: str, edit: PayloadEditForm | None = None
) -> NoReturn:
    """Return a submission to the journal, and the reader to its page; to the list if nothing is kept of it."""
    wanted, workspace = path_uuid(view.request), view.workspace.workspace_id
    form = await _form(view)
    reason = _reason(form)
    audit_details(view.request, object=("submission", wanted), reason=reason)
    author = ChangeAuthor("user", view.account.account_id, view.account.name)
    payload = edit.payload if edit else None
    options = ReplayOptions(
        state,
        author,
        reason,
        form.get("with_automations") == "1",
        None if payload is None else lambda _: payload,
    )

    async def send_back(connection: Connection) -> bool | None:
        found = await find_reference(connection, workspace, wanted)
        if found:
            return bool((await replay_submissions(connection, workspace, [found.reference], options)).taken)
        return False if await find_pending(connection, workspace, wanted) else None

    was_taken = await view.console.writing(send_back)
    view.console.forget_figures(workspace)
    if was_taken is None:
        view.redirect(
            view.path("submissions"), view.translate("Nothing was done: no such submission is kept any more.")
        )
    if not was_taken:
        toast = view.translate("Nothing was done: it is on its way already, or decided otherwise.")
    view.redirect(submission_path(view, str(wanted)), toast)


async def _form(view: PageView) -> dict[str, str]:
    return await view.read_fields(LONG_FORM_BYTES)


def _reason(form: dict[str, str]) -> str | None:
    return " ".join(form.get("reason", "").split())[:MAX_REASON_LENGTH] or None
