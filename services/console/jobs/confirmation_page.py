"""The confirmation of a bulk action: the filter in words, the exact count, examples, rate and reason, and its start."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from services.console.jobs import words as job_words
from services.console.jobs.filters import BulkSelection, filter_values, read_selection
from services.console.jobs.records import (
    BulkCount,
    BulkExample,
    count_selection,
    read_examples,
    read_record_names,
)
from services.console.web.access import workspace_page
from services.console.web.confirmation_fields import parsed_moment, typed_digits
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from shared.auth.roles import Permission
from shared.intake.change_author import ChangeAuthor
from shared.jobs.job_control import MAX_RATE, CountMoved, JobRequest, confirm_job
from shared.platform.errors import NotFound
from shared.service_app.audit import audit_details

DEFAULT_RATE = 50  # items a second
MAX_REASON_LENGTH = 300  # characters
MAX_COUNT_LENGTH = 18  # digits
KINDS_WITH_AUTOMATIONS = ("replay", "release")


@dataclass(frozen=True)
class ConfirmationForm:
    """What a reader typed into the form."""

    rate: str = str(DEFAULT_RATE)
    with_automations: bool = True
    reason: str = ""
    typed: str = ""
    confirmed: int = 0
    counted_at: datetime | None = None

    @property
    def rate_number(self) -> int | None:
        """The rate, None for as fast as workers can. Raises ValueError."""
        if not self.rate:
            return None
        text = typed_digits(self.rate)
        if not (text and self.rate[:1].isdigit() and 1 <= int(text) <= MAX_RATE):
            raise ValueError("no rate")
        return int(text)


@workspace_page(Permission.STEER_QUEUES)
async def show(view: PageView) -> web.StreamResponse:
    """Show what a bulk action would do, to which rows, and how many they are now."""
    return await _render(view, _asked_selection(view), ConfirmationForm())


@workspace_page(Permission.STEER_QUEUES)
@answered_once
async def submit(view: PageView) -> web.StreamResponse:
    """Start the job for the rows that were counted when the page was shown. What came later stays."""
    return await confirm_selection(view, _asked_selection(view))


async def confirm_selection(view: PageView, selection: BulkSelection) -> web.StreamResponse:
    """Start the job that a form confirms, and go to its page. What is wrong with the form is said on its own page."""
    form = read_confirmation(await view.read_fields())
    audit_details(
        view.request,
        action=f"bulk.{selection.kind}",
        reason=form.reason or None,
        filter=filter_values(selection.kind, selection.filters),
        count=form.confirmed,
    )
    problems = _check_form(view, selection, form)
    if problems or selection.errors:
        return await _render(view, selection, form, 422, problems=problems)
    try:
        job_id = await _start_job(view, selection, form)
    except CountMoved:
        return await _render(view, selection, form, 409, has_moved=True)
    audit_details(view.request, object=("job", job_id))
    view.console.forget_figures(view.workspace.workspace_id)
    view.redirect(
        view.path(f"jobs/{job_id}"), view.translate("The job has started. Nothing that comes later is touched.")
    )


async def _start_job(view: PageView, selection: BulkSelection, form: ConfirmationForm) -> int:
    """Return the id of the new job. Raises CountMoved."""
    author = ChangeAuthor("user", view.account.account_id, view.account.name)
    request = JobRequest(
        selection.kind,
        dict(selection.filters),
        form.rate_number,
        form.reason,
        form.with_automations or selection.kind not in KINDS_WITH_AUTOMATIONS,
        selection.changes,
        form.counted_at,
    )
    workspace_id = view.workspace.workspace_id
    return await view.console.writing(
        lambda connection: confirm_job(connection, workspace_id, request, form.confirmed, author)
    )


def _asked_selection(view: PageView) -> BulkSelection:
    """Return the selection in the address. Raises NotFound for an action that there is not."""
    selection = read_selection(view.request.query)
    if selection is None:
        raise NotFound
    return selection


def read_confirmation(fields: Mapping[str, str]) -> ConfirmationForm:
    """Return what a form or an address confirms."""
    confirmed = typed_digits(fields.get("confirmed", ""))[:MAX_COUNT_LENGTH]
    return ConfirmationForm(
        rate=fields.get("rate", "").strip()[:20],
        with_automations="with_automations" in fields,
        reason=" ".join(fields.get("reason", "").replace("\0", "").split())[:MAX_REASON_LENGTH],
        typed=fields.get("typed", "").strip()[:40],
        confirmed=int(confirmed or 0),
        counted_at=parsed_moment(fields.get("counted_at", "")),
    )


def _check_form(view: PageView, selection: BulkSelection, form: ConfirmationForm) -> dict[str, str]:
    """Return what is wrong with what was typed, by field."""
    problems = {}
    if not form.reason:
        problems["reason"] = view.translate("Say why: it stays with the job and in the audit log.")
    try:
        _ = form.rate_number
    except ValueError:
        problems["rate"] = view.translate(
            "A whole number from 1 to %(n)s, or nothing.", n=view.formatting.number(MAX_RATE)
        )
    if selection.needs_typed_count(form.confirmed) and typed_digits(form.typed) != str(form.confirmed):
        problems["typed"] = view.translate("Type %(n)s to go on.", n=view.formatting.number(form.confirmed))
    if form.confirmed < 1:
        problems["confirmed"] = view.translate("Nothing was confirmed.")
    return problems


async def _render(
    view: PageView,
    selection: BulkSelection,
    form: ConfirmationForm,
    status: int = 200,
    *,
    problems: dict[str, str] | None = None,
    has_moved: bool = False,
) -> web.Response:
    if selection.errors:
        return await view.render("jobs/confirmation_invalid.html", 422, back=_back_path(view, selection))
    workspace_id = view.workspace.workspace_id
    async with view.console.reading() as connection:
        bulk_count = await count_selection(connection, workspace_id, selection, None if has_moved else form.counted_at)
        examples = await read_examples(connection, workspace_id, selection) if bulk_count.count else []
        names = await read_record_names(connection, workspace_id, selection.filters)
    shown = _shown(view, selection, form, bulk_count, examples, names)
    return await view.render("jobs/confirmation.html", status, has_moved=has_moved, problems=problems or {}, **shown)


def _shown(
    view: PageView,
    selection: BulkSelection,
    form: ConfirmationForm,
    bulk_count: BulkCount,
    examples: list[BulkExample],
    names: dict[str, str],
) -> dict[str, Any]:
    kind, count = selection.kind, bulk_count.count
    return {
        "selection": selection,
        "form": form,
        "found": bulk_count,
        "examples": examples,
        "sees_persons": view.permits(Permission.SEE_PERSONS),
        "title": job_words.job_title(view, kind, count),
        "button": job_words.job_button(view, kind, count),
        "effect": job_words.job_effect(view, kind, has_changes=bool(selection.changes)),
        "sentence": job_words.filter_sentence(view, kind, selection.filters, names),
        "changes": job_words.change_sentences(view, selection.changes or ()),
        "forecast": rate_forecast(view, form, count),
        "asks_number": selection.needs_typed_count(count),
        "has_automations": kind in KINDS_WITH_AUTOMATIONS,
        "action": _confirmation_path(view, selection),
        "back": _back_path(view, selection),
    }


def rate_forecast(view: PageView, form: ConfirmationForm, count: int) -> str:
    """Return how long the job takes at the rate of the form."""
    try:
        return job_words.pace_forecast(view, count, form.rate_number)
    except ValueError:
        return ""


def _confirmation_path(view: PageView, selection: BulkSelection) -> str:
    return f"{view.path('jobs/confirm')}?{selection.query_string()}"


def _back_path(view: PageView, selection: BulkSelection) -> str:
    """Return the list that the reader came from, with its filter."""
    if selection.kind == "deliveries":  # which have a list on the page of their webhook only
        subscription_id = selection.filters.get("subscription_id")
        return view.path(f"webhooks/{subscription_id}" if subscription_id else "jobs")
    filters = {name: value for name, value in selection.filters.items() if name != "ids"}
    return view.path("submissions", **filter_values(selection.kind, filters))
