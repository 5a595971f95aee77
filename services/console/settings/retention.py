"""Retention: for how many days the workspace keeps what."""

from collections.abc import Mapping

from aiohttp import web

from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.password_confirmation import confirm_recently
from services.console.web.translations import mark_message as _
from shared.auth.roles import Permission
from shared.platform.errors import ValidationFailed
from shared.retention import MAX_RETENTION_DAYS, RETENTION_KINDS, change_retention, read_retention
from shared.service_app.audit import audit_details

RETENTION_PAGE = "settings/retention"
KIND_WORDS = {
    "submissions_days": _("Submissions"),
    "held_days": _("Held spam"),
    "activities_days": _("Timelines of leads"),
    "attempts_days": _("Deliveries and attempts"),
}
KIND_NOTES = {
    "submissions_days": _("What came, with its versions and files. Leads stay."),
    "held_days": _("Submissions in quarantine that nobody decided on, and those that were marked as spam."),
    "activities_days": _("At least as long as submissions: the timeline leads to them."),
    "attempts_days": _("Finished messages to receivers, with each answer."),
}


@workspace_page(Permission.ADMINISTER)
async def show(view: PageView) -> web.StreamResponse:
    """Show for how many days what is kept."""
    async with view.console.reading() as connection:
        kept = await read_retention(connection, view.workspace.workspace_id)
    return await _render(view, {name: "" if kept[name] is None else str(kept[name]) for name in RETENTION_KINDS})


@workspace_page(Permission.ADMINISTER)
async def save(view: PageView) -> web.StreamResponse:
    """Change the days. Older rows are deleted within the hour."""
    form = await view.read_fields()
    errors: dict[str, str] = {}
    fields = {name: _read_days(view, name, form, errors) for name in RETENTION_KINDS}
    audit_details(view.request, action="retention.changed", object=("workspace", view.workspace.workspace_id))
    problem = None if errors else await confirm_recently(view, form)
    if errors or problem:
        return await _render(view, form, 422, errors, problem)
    workspace_id, most = view.workspace.workspace_id, view.console.settings.keep_days
    try:
        after = await view.console.writing(lambda connection: change_retention(connection, workspace_id, fields, most))
    except ValidationFailed as refused:
        return await _render(view, form, 422, _limit_problems(view, refused.errors or {}))
    audit_details(view.request, after=after)
    view.redirect(view.path(RETENTION_PAGE), view.translate("It is saved. What is older goes within the hour."))


def _read_days(view: PageView, name: str, form: Mapping[str, str], errors: dict[str, str]) -> int | None:
    """Return the days of a kind, None for an empty field. What is wrong goes into `errors`."""
    text = form.get(name, "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= MAX_RETENTION_DAYS:
        return int(text)
    errors[name] = view.translate("Write a whole number of days, 1 or more, or leave it empty.")
    return None


def _limit_problems(view: PageView, refused: Mapping[str, object]) -> dict[str, str]:
    most = view.formatting.number(view.console.settings.keep_days)
    problems = {name: view.translate("The installation keeps it for %(n)s days at most.", n=most) for name in refused}
    if "activities_days" in problems:
        problems["activities_days"] = view.translate("Keep timelines at least as long as submissions.")
    return problems


async def _render(
    view: PageView,
    form: Mapping[str, str],
    status: int = 200,
    errors: Mapping[str, str] | None = None,
    password_problem: str | None = None,
) -> web.Response:
    return await view.render(
        "settings/retention.html",
        status,
        form=form,
        errors=errors or {},
        password_problem=password_problem,
        kinds=KIND_WORDS,
        notes=KIND_NOTES,
        keep_days=view.console.settings.keep_days,
        retention_page=RETENTION_PAGE,
    )
