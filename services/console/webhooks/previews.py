"""What the filter and the mapping of a form would make of the last events. Nothing is stored or sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from aiohttp import web

from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.payload_text import PayloadLine
from services.console.webhooks.attempt_view import MAX_LINES, body_lines
from services.console.webhooks.editing import render_form, sent_fields
from services.console.webhooks.expression_words import expression_problems, problem_text
from shared.auth.roles import Permission
from shared.outbound.subscription_fields import ALL_EVENTS, EVENT_TYPES, with_expressions
from shared.outbound.subscriptions import find_subscription
from shared.platform.errors import RateLimited
from shared.platform.web.path_params import path_id
from shared.previews.preview_turns import PREVIEW_TURNS
from shared.previews.recent_messages import read_recent_messages
from shared.previews.subscription_preview import PREVIEWED_EVENTS, PreviewedBody, preview_subscription
from shared.service_app.audit import audit_as_continued

SHOWN_PROBLEMS: Final = 3


@dataclass(frozen=True)
class ShownBody:
    """A body beside the standard one, both as lines. `problem` says why the mapping gives none."""

    event: str
    occurred_at: datetime
    standard: list[PayloadLine]
    lines: list[PayloadLine]
    problem: str
    matches: bool


@dataclass(frozen=True)
class ShownPreview:
    """What became of the last events. `filter_problems` are the different reasons why a filter gives nothing."""

    checked: int
    matching: int
    failing: int
    is_complete: bool
    is_made_up: bool
    filter_problems: list[str]
    bodies: list[ShownBody]


@workspace_page(Permission.SET_UP)
async def preview_new(view: PageView) -> web.StreamResponse:
    """Show what a new subscription would send."""
    return await _preview(view, None)


@workspace_page(Permission.SET_UP)
async def preview_changed(view: PageView) -> web.StreamResponse:
    """Show what a changed subscription would send."""
    return await _preview(view, path_id(view.request))


async def _preview(view: PageView, id_: int | None) -> web.StreamResponse:
    form = sent_fields(await view.read_form())
    audit_as_continued(view.request)
    workspace_id = view.workspace.workspace_id
    subscription = None
    if id_ is not None:
        async with view.console.reading() as connection:
            subscription = await find_subscription(connection, workspace_id, id_)
    problems = expression_problems(view, form)
    if not form["events"]:
        problems["events"] = view.translate("Choose at least one event.")
    preview, status = None, 422
    if not problems:
        try:
            preview = await read_preview(view, form)
        except RateLimited:
            problems[""] = view.translate("Another preview is under way. Try again in a moment.")
            status = 429
    if view.request.headers.get("HX-Request"):
        html = view.render_text("webhooks/_preview_news.html", preview=preview, problems=problems)
        return web.Response(text=html, content_type="text/html", headers={"Cache-Control": "no-store"})
    return await render_form(view, subscription, form, problems, status, preview=preview)


async def read_preview(view: PageView, form: dict[str, Any]) -> ShownPreview:
    """Return what the last events of the chosen types would become."""
    fields = with_expressions(form)
    events = EVENT_TYPES if ALL_EVENTS in form["events"] else form["events"]
    filters = {name: value for name, value in (fields["filters"] or {}).items() if value is not None}
    workspace_id = view.workspace.workspace_id
    with PREVIEW_TURNS.hold(workspace_id):
        async with view.console.reading() as connection:
            recent = await read_recent_messages(connection, workspace_id, events, PREVIEWED_EVENTS)
        preview = await preview_subscription({**fields, "filters": filters}, recent.messages)
    problems = [problem_text(view, event.problem) for event in preview.events if event.problem]
    return ShownPreview(
        len(preview.events),
        preview.matching,
        preview.failing,
        preview.is_complete and not recent.is_cut,
        any(event.is_made_up for event in preview.events),
        list(dict.fromkeys(problems))[:SHOWN_PROBLEMS],
        [_shown_body(view, body) for body in preview.bodies],
    )


def _shown_body(view: PageView, body: PreviewedBody) -> ShownBody:
    hides_values = not view.permits(Permission.SEE_PERSONS)
    standard = body_lines(orjson.dumps(body.message), hides_values=hides_values)
    own = [] if body.problem else body_lines(orjson.dumps(body.body), hides_values=hides_values)
    return ShownBody(
        body.message["event"],
        datetime.fromisoformat(body.message["occurred_at"]),
        standard[:MAX_LINES],
        own[:MAX_LINES],
        problem_text(view, body.problem) if body.problem else "",
        body.matches,
    )
