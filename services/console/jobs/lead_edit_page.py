"""An edit or deletion of many leads: which ones, how many exactly, what changes, and the start of the job."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from services.console.jobs import words as job_words
from services.console.jobs.filters import MAX_NAMED_IDS
from services.console.jobs.lead_edit_words import EditForm, lead_change_sentences
from services.console.jobs.records import read_record_names
from services.console.leads.list_page import list_state
from services.console.leads.query import LeadListState, api_filters
from services.console.leads.reads import PAGE_SIZE, ListNames, read_list_names, read_records, read_suggestions
from services.console.leads.words import lead_name, status_words
from services.console.web.access import workspace_page
from services.console.web.confirmation_fields import parsed_moment, typed_digits
from services.console.web.page_view import PageView
from services.console.web.safe_redirect import local_path
from services.console.web.single_answer import answered_once
from shared.auth.roles import Permission
from shared.intake.change_author import ChangeAuthor
from shared.jobs.job_control import CountMoved, JobRequest, confirm_job, read_job
from shared.jobs.lead_targets import LEAD_KINDS, UNDO_FILTER, LeadJobKind, count_lead_targets, first_lead_targets
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound, ValidationFailed
from shared.platform.web.path_params import MAX_ID, path_id
from shared.service_app.audit import audit_details

LARGE_COUNT = 1000  # leads above which the number has to be typed; of a deletion it always has to be
EXAMPLE_LEADS = 3
MAX_REASON_LENGTH = 300  # characters
MAX_BACK_LENGTH = 2000  # characters of the address of a list
CLOCK_SQL = "SELECT clock_timestamp()"


@dataclass(frozen=True)
class LeadSelection:
    """The leads that are meant: those of a list, or those that were ticked. `back`: the list, with its place."""

    kind: LeadJobKind
    state: LeadListState
    ids: tuple[int, ...] = ()
    until: datetime | None = None  # only those that had been created by then
    back: str = ""

    def filters(self, view: PageView) -> dict[str, Any]:
        """Return the filter of the job."""
        if self.ids:
            return {"ids": list(self.ids)}
        values = api_filters(self.state.filters, view.workspace.user_id, view.formatting.now)
        if self.until:
            values["created_before"] = min(values.get("created_before", self.until), self.until)
        return values

    def path(self, view: PageView) -> str:
        """Return the address of the page that confirms it."""
        named = {"ids": ",".join(map(str, self.ids))} if self.ids else {}
        until = {"until": self.until.isoformat()} if self.until else {}
        back = {"back": self.back} if self.back else {}
        values = {"kind": self.kind, **self.state.values, **named, **until, **back}
        return f"{view.path('leads/bulk')}?{urlencode(values)}"


@dataclass(frozen=True)
class BulkForm:
    """What was sent: the changes, and the number that the reader saw and confirms."""

    edit: EditForm = field(default_factory=EditForm)
    reason: str = ""
    typed: str = ""
    confirmed: int = 0
    counted_at: datetime | None = None
    is_recount: bool = False


@workspace_page(Permission.BULK_LEADS)
async def show(view: PageView) -> web.StreamResponse:
    """Show which leads are meant, how many they are now, and what can be changed in them."""
    return await _render(view, _asked_selection(view), BulkForm())


@workspace_page(Permission.BULK_LEADS)
@answered_once
async def submit(view: PageView) -> web.StreamResponse:
    """Start the job for exactly the confirmed number of leads. If that moved, show both numbers and start nothing."""
    selection, form = _asked_selection(view), await _read_form(view)
    audit_details(view.request, action=f"bulk.{selection.kind}_leads", reason=form.reason or None, count=form.confirmed)
    if form.is_recount or selection.state.unreadable:
        return await _render(view, selection, form)
    async with view.console.reading() as connection:
        names = await read_list_names(connection, view.workspace.workspace_id)
    changes = form.edit.changes(view, names) if selection.kind == "edit" else []
    problems = _check_form(view, selection, form, has_changes=bool(changes))
    if problems:
        return await _render(view, selection, form, 422, problems=problems)
    request = JobRequest(selection.kind, selection.filters(view), None, form.reason or None, True, changes or None)  # type: ignore[arg-type]
    try:
        job_id = await start_lead_job(view, request, form.confirmed)
    except CountMoved:
        return await _render(view, selection, form, 409, has_moved=True)
    except ValidationFailed:
        return await _render(view, selection, form)
    audit_details(view.request, object=("job", job_id))
    view.console.forget_figures(view.workspace.workspace_id)
    if selection.ids and selection.kind == "edit" and form.confirmed <= PAGE_SIZE:
        sentence = view.translate_count("%(n)s lead is being edited.", "%(n)s leads are being edited.", form.confirmed)
        view.redirect(_list_path(view, selection), sentence, **_followed_job(view, job_id))
    sentence = view.translate("The job has started. Nothing that comes later is touched.")
    view.redirect(view.path(f"jobs/{job_id}"), sentence)


@workspace_page(Permission.BULK_LEADS)
async def undo(view: PageView) -> web.StreamResponse:
    """Take back what an edit changed, as far as it is still so."""
    job_id, workspace_id = path_id(view.request), view.workspace.workspace_id
    filters, back = {UNDO_FILTER: job_id}, _list_named(view, (await view.read_fields()).get("back", ""))
    async with view.console.reading() as connection:
        job = await read_job(connection, workspace_id, job_id)
        count = await count_lead_targets(connection, workspace_id, filters)
    if job["kind"] != "edit" or job["finished_at"] is None or not count:
        view.redirect(view.path(f"jobs/{job_id}"), view.translate("There is nothing to take back."))
    audit_details(view.request, action="bulk.edit_leads", object=("job", job_id), count=count)
    undo_id = await start_lead_job(view, JobRequest("edit", filters), count)
    view.console.forget_figures(workspace_id)
    sentence = view.translate("What is still as the edit left it is taken back.")
    if back:
        view.redirect(back, sentence, **_followed_job(view, undo_id))
    view.redirect(view.path(f"jobs/{undo_id}"), sentence)


async def start_lead_job(view: PageView, request: JobRequest, confirmed: int) -> int:
    """Return the id of a new job of the reader's. Raises CountMoved and ValidationFailed."""
    author = ChangeAuthor("user", view.account.account_id, view.account.name)
    workspace_id = view.workspace.workspace_id
    return await view.console.writing(
        lambda connection: confirm_job(connection, workspace_id, request, confirmed, author)
    )


def _asked_selection(view: PageView) -> LeadSelection:
    """Return the selection of the address. Raises NotFound for an action that there is not."""
    query = view.request.query
    kind = next((kind for kind in LEAD_KINDS if kind == query.get("kind")), None)
    named = [text for part in query.getall("ids", []) for text in part.split(",")]
    ids = [int(text) for text in named if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_ID]
    if kind is None or ("ids" in query and not ids) or len(ids) > MAX_NAMED_IDS:
        raise NotFound
    until = parsed_moment(query.get("until", ""))
    return LeadSelection(kind, list_state(view), tuple(dict.fromkeys(ids)), until, _asked_back(view))


def _followed_job(view: PageView, job_id: int) -> dict[str, str]:
    """Return what the next page says of a job that has just begun. Its script waits for the end."""
    link, follow = view.path(f"jobs/{job_id}"), view.path(f"jobs/{job_id}/end")
    return {"link": link, "label": view.translate("Look, or undo it"), "follow": follow}


def _asked_back(view: PageView) -> str:
    return _list_named(view, view.request.query.get("back", ""))


def _list_named(view: PageView, wanted: str) -> str:
    """Return the list that an address names, with its place in it; nothing if it names another page."""
    is_list = len(wanted) <= MAX_BACK_LENGTH and urlsplit(local_path(wanted)).path == view.path("leads")
    return wanted if is_list else ""


async def _read_form(view: PageView) -> BulkForm:
    fields = await view.read_fields()
    choices = {name: fields.get(name, "").strip()[:2000] for name in EditForm.__dataclass_fields__}
    confirmed = typed_digits(fields.get("confirmed", ""))[:18]
    return BulkForm(
        EditForm(**choices),
        " ".join(fields.get("reason", "").replace("\0", "").split())[:MAX_REASON_LENGTH],
        fields.get("typed", "").strip()[:40],
        int(confirmed or 0),
        parsed_moment(fields.get("counted_at", "")),
        "recount" in fields,
    )


def _check_form(view: PageView, selection: LeadSelection, form: BulkForm, *, has_changes: bool) -> dict[str, str]:
    """Return what is wrong with what was sent, by field."""
    problems = {}
    if selection.kind == "edit" and not has_changes:
        problems["edit"] = view.translate("Choose what is to be changed.")
    if _needs_number(selection, form.confirmed) and typed_digits(form.typed) != str(form.confirmed):
        problems["typed"] = view.translate("Type %(n)s to go on.", n=view.formatting.number(form.confirmed))
    if form.confirmed < 1:
        problems["confirmed"] = view.translate("Nothing was confirmed.")
    return problems


async def _render(
    view: PageView,
    selection: LeadSelection,
    form: BulkForm,
    status: int = 200,
    *,
    problems: Mapping[str, str] | None = None,
    has_moved: bool = False,
) -> web.Response:
    workspace_id, filters = view.workspace.workspace_id, selection.filters(view)
    try:
        if selection.state.unreadable:
            raise ValidationFailed({})
        async with view.console.reading() as connection:
            shown = await _read_shown(view, connection, selection, form, has_moved=has_moved)
            names = await read_list_names(connection, workspace_id)
            suggestions = await read_suggestions(connection, workspace_id)
            called = await read_record_names(connection, workspace_id, filters)
    except ValidationFailed:
        return await view.render("jobs/confirmation_invalid.html", 422, back=view.path("leads"))
    return await view.render(
        "jobs/lead_edit.html",
        409 if shown["moved"] else status,
        selection=selection,
        form=form,
        problems=problems or {},
        names=names,
        suggestions=suggestions,
        statuses=list(status_words(view).items()),
        sentence=job_words.filter_sentence(view, selection.kind, filters, called),
        changes=_change_sentences(view, form, names),
        title=job_words.job_title(view, selection.kind, shown["count"]),
        effect=job_words.job_effect(view, selection.kind),
        button=job_words.job_button(view, selection.kind, shown["count"]),
        action=selection.path(view),
        back=_list_path(view, selection),
        **shown,
    )


async def _read_shown(
    view: PageView, connection: Connection, selection: LeadSelection, form: BulkForm, *, has_moved: bool
) -> dict[str, Any]:
    """Return the number now, the number that was seen if it moved, and the names of some leads."""
    workspace_id, filters = view.workspace.workspace_id, selection.filters(view)
    row = await (await connection.execute(CLOCK_SQL)).fetchone()
    count = await count_lead_targets(connection, workspace_id, filters)
    ids = await first_lead_targets(connection, workspace_id, filters, EXAMPLE_LEADS) if count else []
    moved = has_moved or bool(form.confirmed and not form.is_recount and form.confirmed != count)
    seen = earlier = None
    if moved and form.counted_at and not selection.ids:
        earlier = replace(selection, until=form.counted_at)
        seen = await count_lead_targets(connection, workspace_id, earlier.filters(view))
    return {
        "count": count,
        "counted_at": row[0] if row else view.formatting.now,
        "examples": [lead_name(view, record) for record in await read_records(connection, workspace_id, ids)],
        "moved": form.confirmed if moved else None,
        "seen": seen if seen not in (None, 0, count) else None,
        "earlier_path": earlier.path(view) if earlier else None,
        "asks_number": _needs_number(selection, count),
    }


def _list_path(view: PageView, selection: LeadSelection) -> str:
    """Return the list that the reader came from."""
    if selection.back:
        return selection.back
    return view.path("leads", **(selection.state.values or {"view": "all"}))


def _change_sentences(view: PageView, form: BulkForm, names: ListNames) -> list[Any]:
    return lead_change_sentences(view, form.edit.changes(view, names))


def _needs_number(selection: LeadSelection, count: int) -> bool:
    return count > LARGE_COUNT or (selection.kind == "delete" and count > 1)
