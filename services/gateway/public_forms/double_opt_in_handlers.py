"""`/c/{token}`: the link by which a visitor confirms a submission. Only its button confirms: scanners follow links."""

from aiohttp import web

from services.gateway.context import GATEWAY_CONTEXT
from services.gateway.public_forms.forms_context import PUBLIC_FORMS
from services.gateway.public_forms.page_access import form_page
from services.gateway.public_forms.page_responses import form_path, page_response, request_language
from shared.form_pages.page_rendering import render_confirmation, render_thanks
from shared.forms.definition import FormDefinition
from shared.intake.change_author import ChangeAuthor
from shared.intake.replay import FoundReference, ReplayOptions, find_reference, replay_submissions
from shared.outbound.double_opt_in_links import UnconfirmedSubmission, read_confirmation_token
from shared.platform.db.bounded_commits import bounded_transaction
from shared.platform.errors import NotFound
from shared.platform.web.response_headers import LOG_FIELDS

VISITOR_AUTHOR = ChangeAuthor("command", None, "confirmation by mail")
IS_PENDING_SQL = "SELECT EXISTS (SELECT FROM journal WHERE ids @> ARRAY[%s])"


class LinkExpired(NotFound):
    """Nothing waits for this link. Its page says what to do."""

    status = 410
    default = "This link is not valid, or what it confirms is not there any more."


@form_page
async def ask_confirmation(request: web.Request) -> web.Response:
    """Show the page behind the link of the mail. It changes nothing."""
    form, _ = await _find_held(request)
    html = render_confirmation(form, request_language(request, form), base_path=form_path(form), action=request.path)
    return page_response(form, html)


@form_page
async def confirm(request: web.Request) -> web.Response:
    """Let a submission go on that waited for its confirmation. Whoever confirms twice is thanked twice."""
    gateway = request.app[GATEWAY_CONTEXT]
    form, held = await _find_held(request)
    async with (
        gateway.standby.change() as change,
        gateway.pool.connection() as connection,
        bounded_transaction(connection, change),
    ):
        submission = await find_reference(connection, held.workspace_id, held.submission_id)
        if submission and submission.state == "quarantined":
            options = ReplayOptions("quarantined", VISITOR_AUTHOR)
            await replay_submissions(connection, held.workspace_id, [submission.reference], options)
    html = render_thanks(form, request_language(request, form), base_path=form_path(form), kind="confirmed")
    return page_response(form, html)


async def _find_held(request: web.Request) -> tuple[FormDefinition, UnconfirmedSubmission]:
    """Return the submission that the link is for, with its form. Raises LinkExpired."""
    gateway, token = request.app[GATEWAY_CONTEXT], request.match_info["token"]
    async with gateway.pool.connection() as connection:
        held = await read_confirmation_token(connection, request.app[PUBLIC_FORMS].cipher, token)
        if held is None:
            raise LinkExpired
        request[LOG_FIELDS] = {"workspace_id": held.workspace_id, "submission_id": str(held.submission_id)}
        submission = await find_reference(connection, held.workspace_id, held.submission_id)
        [(is_pending,)] = await (await connection.execute(IS_PENDING_SQL, (held.submission_id,))).fetchall()
    form = await gateway.forms.get((held.workspace_id, held.form_id))
    if form is None or _is_gone(submission, is_pending=is_pending):
        raise LinkExpired
    return form, held


def _is_gone(found: FoundReference | None, *, is_pending: bool) -> bool:
    return found.is_rejected if found else not is_pending
