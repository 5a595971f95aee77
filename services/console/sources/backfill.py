"""Ask a provider for leads that its webhooks did not bring, since a day."""

from datetime import UTC, datetime

from aiohttp import web

from services.console.sources.source_page import SentForm, render_source
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from shared.auth.roles import Permission
from shared.intake.change_author import ChangeAuthor
from shared.integrations.lead_backfills import create_backfill
from shared.platform.errors import Conflict
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

EARLIEST_YEAR = 2000


@workspace_page(Permission.SET_UP)
@answered_once
async def create(view: PageView) -> web.StreamResponse:
    """Start the job, and go to its page."""
    id_, form = path_id(view.request), await view.read_fields()
    since = _read_since(view, form.get("since", ""))
    problem = view.translate("Write a time that has passed.")
    if since is not None:
        author, since_time = ChangeAuthor("user", view.account.account_id, view.account.name), since
        try:
            job_id = await view.console.writing(
                lambda connection: create_backfill(connection, view.workspace.workspace_id, id_, since_time, author)
            )
        except Conflict as refused:
            problem = view.translate(str(refused))
        else:
            audit_details(view.request, object=("job", job_id))
            view.redirect(view.path(f"jobs/{job_id}"))
    return await render_source(
        view, id_, 422, sent_form=SentForm({"since": form.get("since", "")[:40]}, {"since": problem}, part="backfill")
    )


def _read_since(view: PageView, text: str) -> datetime | None:
    """Return a time that has passed, in the reader's time zone unless it names one. None if it is none."""
    try:
        moment = datetime.fromisoformat(text.strip()[:40])
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=view.zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year >= EARLIEST_YEAR and moment <= datetime.now(UTC) else None
