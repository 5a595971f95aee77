"""Quarantine: what looks like spam, with its score and reasons, to be released or kept out."""

import re
import uuid
from datetime import datetime
from typing import Any, NoReturn

from aiohttp import web

from services.console.quarantine.reads import HELD_PER_PAGE, HeldPlace, read_filter_choices, read_held_page
from services.console.quarantine.spam_words import REASON_TITLES
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.intake.change_author import ChangeAuthor
from shared.intake.replay import (
    FoundReference,
    ReplayOptions,
    find_reference,
    reject_submissions,
    replay_submissions,
)
from shared.jobs.job_targets import count_targets
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.web.path_params import path_uuid
from shared.service_app.audit import audit_details

HELD_TAB, WAITING_TAB, REJECTED_TAB = "held", "waiting", "rejected"
TAB_FILTERS: dict[str, dict[str, bool]] = {
    HELD_TAB: {"rejected": False, "unconfirmed": False},
    WAITING_TAB: {"unconfirmed": True},
    REJECTED_TAB: {"rejected": True},
}
CHANNEL_PATTERN = re.compile(r"(form|integration):\d+")
PLACE_SEPARATOR = "~"
MAX_SOURCE_LENGTH = 255  # characters
BULK_KINDS = ("release", "reject")


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List what is held, or in tabs of their own who has to confirm the address, and what was marked as spam."""
    workspace, tab, own_filters = view.workspace.workspace_id, _asked_tab(view), _asked_filters(view)
    filters = {**TAB_FILTERS[tab], **own_filters}
    async with view.console.reading() as connection:
        held_rows = await read_held_page(connection, workspace, filters, _asked_place(view))
        counts = {
            name: await count_targets(connection, "release", workspace, {**of_tab, **own_filters})
            for name, of_tab in TAB_FILTERS.items()
        }
        choices = await read_filter_choices(connection, workspace)
    names = await view.console.read_channel_names(workspace)
    last = held_rows[HELD_PER_PAGE - 1] if len(held_rows) > HELD_PER_PAGE else None
    return await view.render(
        "quarantine/quarantine.html",
        rows=held_rows[:HELD_PER_PAGE],
        counts_by_tab=counts,
        tab=tab,
        asked=_asked_query(view),
        choices=choices,
        channel_names=names,
        named_sources=lambda sources: [(source, names.get(source, source)) for source in sources],
        titled_reasons=lambda codes: [(code, view.translate_choice(REASON_TITLES, code)) for code in codes],
        older_than=f"{last.received_at.isoformat()}{PLACE_SEPARATOR}{last.id}" if last else None,
        is_first_page="older_than" not in view.request.query,
        bulk_filter={"state": "quarantined", **{name: _query_text(value) for name, value in filters.items()}},
    )


@workspace_page(Permission.STEER_QUEUES)
async def release(view: PageView) -> web.StreamResponse:
    """Let a held submission go on as if it had come now, also one that was rejected."""
    workspace, wanted = view.workspace.workspace_id, path_uuid(view.request)
    options = ReplayOptions("quarantined", ChangeAuthor("user", view.account.account_id, view.account.name))

    async def release_one(connection: Connection) -> bool:
        found = await _expect_reference(connection, workspace, wanted)
        return bool((await replay_submissions(connection, workspace, [found.reference], options)).taken)

    is_taken = await view.console.writing(release_one)
    audit_details(view.request, action="submission.released", object=("submission", wanted), count=1 if is_taken else 0)
    _go_back(view, view.translate("It is released and becomes a lead.") if is_taken else "")


@workspace_page(Permission.STEER_QUEUES)
async def reject(view: PageView) -> web.StreamResponse:
    """Mark a held submission as spam. It can still be released."""
    workspace, wanted = view.workspace.workspace_id, path_uuid(view.request)

    async def reject_one(connection: Connection) -> bool:
        found = await _expect_reference(connection, workspace, wanted)
        return bool(await reject_submissions(connection, workspace, [found.reference]))

    is_taken = await view.console.writing(reject_one)
    audit_details(view.request, action="submission.rejected", object=("submission", wanted), count=1 if is_taken else 0)
    _go_back(view, view.translate("It is marked as spam. It can still be released.") if is_taken else "")


@workspace_page(Permission.STEER_QUEUES)
async def confirm_selected(view: PageView) -> web.StreamResponse:
    """Lead from the selected rows to the confirmation of what is done with them."""
    query = view.request.query
    kind = query.get("kind", "")
    ids = [id_ for id_ in map(_as_uuid, query.getall("ids", [])[:HELD_PER_PAGE]) if id_]
    if kind not in BULK_KINDS or not ids:
        view.redirect(view.path("quarantine"), view.translate("Select some rows first."))
    filters = _query_text("tab" in query and query["tab"] == REJECTED_TAB)
    joined = ",".join(map(str, ids))
    view.redirect(view.path("jobs/confirm", kind=kind, state="quarantined", rejected=filters, ids=joined))


async def _expect_reference(connection: Connection, workspace_id: int, wanted: uuid.UUID) -> FoundReference:
    submission = await find_reference(connection, workspace_id, wanted)
    if submission is None:
        raise NotFound
    return submission


def _go_back(view: PageView, sentence: str) -> NoReturn:
    """Lead back to the list that the reader came from. `sentence` is empty if nothing was done."""
    view.console.forget_figures(view.workspace.workspace_id)
    sentence = sentence or view.translate("Nothing was changed: it is not held any more.")
    tab = _asked_tab(view)
    view.redirect(view.path("quarantine", tab=None if tab == HELD_TAB else tab, **_asked_query(view)), sentence)


def _asked_tab(view: PageView) -> str:
    asked = view.request.query.get("tab", "")
    return asked if asked in TAB_FILTERS else HELD_TAB


def _asked_query(view: PageView) -> dict[str, str]:
    """Return the chosen filters as addresses repeat them."""
    texts = {name: view.request.query.get(name, "").strip()[:MAX_SOURCE_LENGTH] for name in ("source", "reason")}
    return {name: text for name, text in texts.items() if text}


def _asked_filters(view: PageView) -> dict[str, Any]:
    """Return the chosen filters. What came without a source is chosen by its channel."""
    query, filters = _asked_query(view), dict[str, Any]()
    if source := query.get("source"):
        filters["channel" if CHANNEL_PATTERN.fullmatch(source) else "source"] = source
    if reason := query.get("reason"):
        filters["spam_reason"] = reason
    return filters


def _asked_place(view: PageView) -> HeldPlace | None:
    """Return the last row of the page before. A place that cannot be read is the beginning."""
    at, _, id_ = view.request.query.get("older_than", "").partition(PLACE_SEPARATOR)
    uuid_ = _as_uuid(id_)
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (moment, uuid_) if uuid_ and moment.tzinfo else None


def _as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _query_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
