"""Fix a cause: changes to all its payloads, seen on three examples, tried on one, and then made by a job."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiMapping

from services.console.dead_letters.cause_page import expect_cause
from services.console.dead_letters.change_form import (
    CHANGE_OPS,
    ChangeForm,
    change_words,
    first_change_form,
    read_change_form,
)
from services.console.dead_letters.failed_rows import TriedSubmission, read_tried
from services.console.dead_letters.words import shown_example
from services.console.jobs.confirmation_page import (
    MAX_REASON_LENGTH,
    ConfirmationForm,
    confirm_selection,
    rate_forecast,
    read_confirmation,
)
from services.console.jobs.filters import BulkSelection
from services.console.jobs.records import count_selection
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.intake.change_author import ChangeAuthor
from shared.intake.payload_changes import PayloadChange, changed_payload
from shared.intake.replay import PayloadEdit, ReplayOptions, SubmissionRef, replay_submissions
from shared.jobs.job_targets import first_targets
from shared.jobs.preview import ReplayPreview, preview_references
from shared.operations.causes import CauseDict
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

EXAMPLES = 3
KEPT_OPTIONS = ("reason", "rate", "with_automations")  # which stay typed while rows are added and one is tried
TRY_SECONDS = 2.0  # seconds that the page waits for the verdict of the one that is tried
TRY_POLL_SECONDS = 0.1  # seconds between two looks at it


@dataclass(frozen=True)
class TryOutcome:
    """The submission that was replayed, if there was one, or why its payload could not be changed."""

    id: uuid.UUID | None
    problem: str = ""


@workspace_page(Permission.STEER_QUEUES)
async def show(view: PageView) -> web.StreamResponse:
    """Show the form of the changes with three examples of what they would do. Nothing is stored.

    A script is answered the examples alone, while somebody types.
    """
    id_, query = path_id(view.request), view.request.query
    form = read_change_form(query, query.get("add", ""), query.get("remove", ""))
    if "add" in query or "remove" in query:  # a reload must not do it again
        view.redirect(_fix_path(view, id_, form.as_query, query))
    if view.request.headers.get("HX-Request"):
        return await _render_examples(view, id_, form)
    return await _render(view, id_, form if "op" in query else first_change_form(), query)


async def _render(
    view: PageView, id_: int, form: ChangeForm, typed: Mapping[str, str], status: int = 200
) -> web.StreamResponse:
    """Render the page. `typed` holds the options of a replay as they were sent."""
    workspace = view.workspace.workspace_id
    async with view.console.reading() as connection:
        cause = await _expect_fixable(view, connection, id_)
        previews = await _preview(connection, workspace, id_, form) if form.is_valid else []
        tried = await _read_tried(connection, workspace, view.request.query.get("tried", ""))
        bulk_count = await count_selection(connection, workspace, _selection(id_, form))
    confirmation = _typed_confirmation(typed)
    return await view.render(
        "dead_letters/fix.html",
        status,
        is_refused=status != 200,
        form=confirmation,
        cause=cause,
        change_form=form,
        examples=[shown_example(preview) for preview in previews],
        tried=tried,
        ops=CHANGE_OPS,
        found=bulk_count,
        asks_number=_selection(id_, form).needs_typed_count(bulk_count.count),
        forecast=rate_forecast(view, confirmation, bulk_count.count),
        has_automations=True,
        problems={},
    )


async def _render_examples(view: PageView, id_: int, form: ChangeForm) -> web.Response:
    """Render what the changes would do, and the problems of their rows."""
    async with view.console.reading() as connection:
        await _expect_fixable(view, connection, id_)
        previews = await _preview(connection, view.workspace.workspace_id, id_, form) if form.is_valid else []
    examples = [shown_example(preview) for preview in previews]
    html = view.render_text("dead_letters/_fix_news.html", change_form=form, examples=examples)
    return web.Response(text=html, content_type="text/html", headers={"Cache-Control": "no-store"})


@workspace_page(Permission.STEER_QUEUES)
async def replay_all(view: PageView) -> web.StreamResponse:
    """Replay all submissions of a cause with the changes of the form, as a job, if their number is the one shown."""
    id_, fields = path_id(view.request), await view.read_form()
    form = read_change_form(fields, "", "")
    async with view.console.reading() as connection:
        await _expect_fixable(view, connection, id_)
    if not form.is_complete():
        return await _render(view, id_, form, fields, 422)
    return await confirm_selection(view, _selection(id_, form))


@workspace_page(Permission.STEER_QUEUES)
async def try_one(view: PageView) -> web.StreamResponse:
    """Replay the oldest submission of a cause for real, with the changes of the form if it has any."""
    id_, workspace = path_id(view.request), view.workspace.workspace_id
    fields = await view.read_form()
    form = read_change_form(fields, "", "")
    if not form.is_complete():
        return await _render(view, id_, form, fields, 422)
    typed = _typed_confirmation(fields)
    options = ReplayOptions(
        "dead",
        ChangeAuthor("user", view.account.account_id, view.account.name),
        typed.reason or None,
        typed.with_automations,
        _edit_of(form.changes),
    )
    outcome = await view.console.writing(lambda connection: _replay_first(connection, workspace, id_, options))
    audit_details(
        view.request,
        action="submission.replayed",
        object=("submission", outcome.id) if outcome.id else ("cause", id_),
        reason=typed.reason or None,
        filter={"cause": id_, "changes": [change_words(change) for change in form.changes]},
        count=1 if outcome.id and not outcome.problem else 0,
    )
    view.console.forget_figures(workspace)
    await _redirect_to_outcome(view, id_, outcome, fields if fields.get("back") == "fix" else None)


def _selection(cause_id: int, form: ChangeForm) -> BulkSelection:
    return BulkSelection("replay", {"cause": cause_id}, form.changes or None)


def _typed_confirmation(fields: Mapping[str, str]) -> ConfirmationForm:
    """Return the options that were typed, otherwise those that the page begins with."""
    typed = read_confirmation(fields)
    return typed if "rate" in fields else ConfirmationForm(reason=typed.reason)


async def _expect_fixable(view: PageView, connection: Connection, cause_id: int) -> CauseDict:
    """Return a cause of submissions. Raises NotFound."""
    cause = await expect_cause(view, connection, cause_id)
    if cause["kind"] != "submission":
        raise NotFound
    return cause


def _edit_of(changes: list[PayloadChange]) -> PayloadEdit | None:
    return (lambda payload: changed_payload(payload, changes)) if changes else None


async def _preview(connection: Connection, workspace_id: int, cause_id: int, form: ChangeForm) -> list[ReplayPreview]:
    targets = await first_targets(connection, "replay", workspace_id, {"cause": cause_id}, EXAMPLES)
    references = [SubmissionRef(id_, received_at) for id_, received_at in targets]
    return await preview_references(connection, workspace_id, references, _edit_of(form.changes))


async def _read_tried(connection: Connection, workspace_id: int, text: str) -> TriedSubmission | None:
    try:
        return await read_tried(connection, workspace_id, uuid.UUID(text))
    except ValueError:
        return None


async def _replay_first(connection: Connection, workspace_id: int, cause_id: int, options: ReplayOptions) -> TryOutcome:
    targets = await first_targets(connection, "replay", workspace_id, {"cause": cause_id}, 1)
    if not targets:
        return TryOutcome(None)
    reference = SubmissionRef(*targets[0])
    outcome = await replay_submissions(connection, workspace_id, [reference], options)
    return TryOutcome(reference.id, outcome.failed.get(reference.id, ""))


async def _redirect_to_outcome(
    view: PageView, cause_id: int, outcome: TryOutcome, fields: MultiMapping[str] | None
) -> NoReturn:
    """Lead back to the page that asked, with its form, which says what became of the one that was tried."""
    toast = None
    if outcome.id is None:
        toast = view.translate("No submission of this cause is dead any more.")
    elif outcome.problem:
        toast = view.translate("Nothing was replayed: the change does not fit. %(reason)s", reason=outcome.problem)
    else:
        await _wait_for_verdict(view, outcome.id)
    tried = outcome.id if outcome.id and not outcome.problem else None
    if fields is not None:
        rows = read_change_form(fields, "", "").as_query
        view.redirect(_fix_path(view, cause_id, rows, fields, tried), toast)
    view.redirect(view.path("dead-letters", cause=cause_id, tried=tried), toast)


def _fix_path(
    view: PageView, cause_id: int, rows: str, typed: Mapping[str, str], tried: uuid.UUID | None = None
) -> str:
    """Return the address of the form with its rows, and with the options that were typed."""
    options = urlencode({name: typed[name][:MAX_REASON_LENGTH] for name in KEPT_OPTIONS if name in typed})
    given = "&".join(filter(None, (rows, options, f"tried={tried}" if tried else "")))
    return view.path(f"dead-letters/{cause_id}/fix") + (f"?{given}" if given else "")


async def _wait_for_verdict(view: PageView, submission_id: uuid.UUID) -> None:
    """Wait a moment for the verdict. It is usually there before the page is."""
    deadline = time.monotonic() + TRY_SECONDS
    while time.monotonic() < deadline:
        async with view.console.reading() as connection:
            if not (await read_tried(connection, view.workspace.workspace_id, submission_id)).is_waiting:
                return
        await asyncio.sleep(TRY_POLL_SECONDS)
