"""Dead letters: a cause of failures, and what can be done about it."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from services.console.dead_letters.causes_page import CAUSE_STATES, render_list
from services.console.dead_letters.failed_rows import (
    ROWS_SHOWN,
    read_actor_name,
    read_failed_rows,
    read_tried,
)
from services.console.dead_letters.words import delivery_receiver, failed_step
from services.console.web.access import workspace_page
from services.console.web.cause_titles import common_message
from services.console.web.page_view import PageView
from services.console.web.payload_words import read_sender
from shared.auth.roles import Permission
from shared.operations.causes import CauseDict, change_cause, find_cause
from shared.operations.fingerprint import FailureKind
from shared.outbound.resending import reasons_not_resent, resend_deliveries
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.web.path_params import MAX_ID, path_id
from shared.service_app.audit import audit_details

IGNORE_HOURS = {"24": 24, "168": 168, "720": 720}
MAX_NOTE_LENGTH = 1000  # characters


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List the causes, or with `cause` show one of them, and with `ignore` the dialog to ignore it."""
    if "cause" in view.request.query:
        return await _render_cause(view, _positive_number(view.request.query["cause"]))
    return await render_list(view)


@workspace_page(Permission.STEER_QUEUES)
async def change(view: PageView) -> web.StreamResponse:
    """Mark a cause as fixed, ignore it, open it again, or change its note."""
    id_ = path_id(view.request)
    form = await view.read_fields()
    note = form["note"].replace("\0", "").strip()[:MAX_NOTE_LENGTH] if "note" in form else None
    changes: dict[str, Any] = {"note": note or None} if note is not None else {}
    state = form.get("state", "")
    if state in CAUSE_STATES:
        changes |= {"state": state, "ignored_until": None}
    if state == "ignored":
        until = _end_of_ignoring(view, form)
        if until is not None and until <= datetime.now(UTC):
            problem = view.translate("The end must be a time to come.")
            return await _render_cause(view, id_, 422, problem=problem, form=form)
        changes["ignored_until"] = until
    actor = f"user:{view.account.account_id}"
    changed = await view.console.writing(
        lambda connection: change_cause(connection, view.workspace.workspace_id, id_, changes, actor)
    )
    if changed is None:
        raise NotFound
    before, after = changed
    audit_details(
        view.request, action="cause.changed", object=("cause", id_), before=before, after=after, reason=after["note"]
    )
    view.redirect(view.path("dead-letters", cause=id_), _said_of_change(view, state))


@workspace_page(Permission.STEER_QUEUES)
async def resend(view: PageView) -> web.StreamResponse:
    """Send one delivery of a cause again."""
    id_, delivery = path_id(view.request), path_id(view.request, "delivery")
    workspace = view.workspace.workspace_id

    async def resend_one(connection: Connection) -> str | None:
        if await resend_deliveries(connection, workspace, [delivery]):
            return None
        return (await reasons_not_resent(connection, workspace, [delivery]))[delivery]

    reason = await view.console.writing(resend_one)
    audit_details(view.request, action="delivery.resent", object=("delivery", delivery), count=0 if reason else 1)
    back = view.path("dead-letters", cause=id_)
    if reason:
        view.redirect(back, view.translate("Nothing was sent. %(reason)s", reason=view.translate(reason)))
    view.redirect(back, view.translate("The delivery is on its way again."))


async def expect_cause(view: PageView, connection: Connection, cause_id: int) -> CauseDict:
    """Return a cause of the workspace. Raises NotFound."""
    cause = await find_cause(connection, view.workspace.workspace_id, cause_id)
    if cause is None:
        raise NotFound
    return cause


def _positive_number(text: str) -> int:
    """Return the id in a query parameter. Raises NotFound."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= MAX_ID):
        raise NotFound
    return int(text)


def _end_of_ignoring(view: PageView, form: Mapping[str, str]) -> datetime | None:
    """Return when a cause opens again, None for never. A time that cannot be read is one that is over."""
    hours = IGNORE_HOURS.get(form.get("until", ""))
    if hours:
        return datetime.now(UTC) + timedelta(hours=hours)
    if form.get("until") != "at":
        return None
    try:
        return datetime.fromisoformat(form.get("at", "")).replace(tzinfo=view.zone)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _said_of_change(view: PageView, state: str) -> str:
    sentences = {
        "open": view.translate("The cause is open again."),
        "fixed": view.translate("The cause is marked as fixed. It opens by itself if it comes back."),
        "ignored": view.translate("The cause is ignored."),
    }
    return sentences.get(state, view.translate("The note is kept."))


async def _render_cause(
    view: PageView, cause_id: int, status: int = 200, *, problem: str = "", form: Mapping[str, str] | None = None
) -> web.Response:
    workspace, query = view.workspace.workspace_id, view.request.query
    before = _positive_number(query["before"]) if "before" in query else None
    tried = _tried_id(query.get("tried"))
    async with view.console.reading() as connection:
        cause = await expect_cause(view, connection, cause_id)
        failed_rows = await read_failed_rows(connection, workspace, cause["kind"], cause_id, before)
        actor = await read_actor_name(connection, workspace, cause["changed_by"])
        outcome = await read_tried(connection, workspace, tried) if tried else None
    shown_rows = [_shown_row(view, cause["kind"], row) for row in failed_rows[:ROWS_SHOWN]]
    return await view.render(
        "dead_letters/cause.html",
        status,
        channel_names=await view.console.read_channel_names(view.workspace.workspace_id),
        cause=cause,
        rows=shown_rows,
        message=common_message([row["error"] for row in shown_rows]),
        older_than=failed_rows[ROWS_SHOWN - 1]["id"] if len(failed_rows) > ROWS_SHOWN else None,
        changed_by=actor,
        tried=outcome,
        asks_ignore="ignore" in query or bool(problem),
        problem=problem,
        form=form or {},
    )


def _tried_id(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


def _shown_row(view: PageView, kind: FailureKind, row: dict[str, Any]) -> dict[str, Any]:
    """Return what the page says about a failed row. What may quote a person is left out for those who see none."""
    shown = {**row, "error": row["error"] if view.permits(Permission.SEE_PERSONS) else None}
    if kind == "submission":
        shown["sender"] = read_sender(row["payload"]) if view.permits(Permission.SEE_PERSONS) else None
    elif kind == "delivery":
        shown["receiver"] = delivery_receiver(row["receiver"], urlsplit(row["url"]).hostname, row["endpoint"])
    else:
        shown["step_name"] = failed_step(row["steps"])
    return shown
