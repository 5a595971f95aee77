"""One subscription: how its receiver is, what was sent to it and what it answered; and the list of all beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from services.console.web.access import workspace_page
from services.console.web.live_updates import stream_snapshots
from services.console.web.page_view import PageView
from services.console.webhooks import words
from services.console.webhooks.attempt_view import shown_delivery
from services.console.webhooks.charts import answers_chart
from services.console.webhooks.delivery_reads import (
    LOOKED_AT,
    MAX_ID,
    DeliveryPage,
    OpenDelivery,
    read_deliveries,
    read_delivery,
)
from services.console.webhooks.expression_words import stored_problem_text
from services.console.webhooks.filter_choices import filter_words, read_filter_choices
from services.console.webhooks.reads import (
    COUNTED_WAITING,
    MEASURED_DELIVERIES,
    AnswerMinute,
    WebhookFigures,
    WebhookReport,
    count_waiting,
    read_figures,
    read_last_delivery,
    read_minutes,
    read_reports,
)
from services.console.webhooks.verification import VERIFICATION_LINES
from shared.auth.roles import Permission
from shared.outbound.subscription_fields import ALL_EVENTS, EVENT_TYPES
from shared.outbound.subscriptions import Subscription, find_subscription
from shared.platform.db.connections import Connection
from shared.platform.web.path_params import path_id, read_id

WEBHOOKS_PAGE: Final = "webhooks"
QUESTIONS: Final[Mapping[str, Permission]] = {
    "test": Permission.SET_UP,
    "secret": Permission.SET_UP,
    "delete": Permission.SET_UP,
    "cancel": Permission.STEER_QUEUES,
}


@dataclass(frozen=True)
class SentQuestion:
    """The dialogue that is open, what was typed into it, and a secret that is shown this once."""

    asked: str = ""
    form: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    secret: str = ""
    has_old_secret: bool = False


@dataclass(frozen=True)
class WebhookSnapshot:
    """What of a subscription changes by itself."""

    subscription: Subscription
    figures: WebhookFigures
    minutes: list[AnswerMinute]
    waiting: int
    page: DeliveryPage
    opened: OpenDelivery | None


@dataclass(frozen=True)
class Place:
    """The part of the deliveries that an address names: those of a state, older than one, and one that is open."""

    state: str = ""
    before: int = MAX_ID
    delivery: int | None = None

    @property
    def query(self) -> dict[str, object]:
        """The place as the query of an address, but for the delivery."""
        return {"state": self.state or None, "before": self.before if self.before < MAX_ID else None}


@workspace_page(Permission.SEE_RECORDS)
async def show_all(view: PageView) -> web.StreamResponse:
    """List the subscriptions, with the one beside them that most needs a look."""
    return await render_webhook(view, None)


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show a subscription. With `ask` a dialogue is open, with `delivery` what was asked and answered."""
    asked = view.request.query.get("ask", "")
    is_allowed = asked in QUESTIONS and view.permits(QUESTIONS[asked])
    return await render_webhook(view, path_id(view.request), question=SentQuestion(asked if is_allowed else ""))


@workspace_page(Permission.SEE_RECORDS)
async def live(view: PageView) -> web.StreamResponse:
    """Stream what of a subscription changes."""
    id_, place, workspace_id = path_id(view.request), read_place(view), view.workspace.workspace_id

    async def read() -> WebhookSnapshot:
        async with view.console.reading() as connection:
            return await read_snapshot(connection, workspace_id, id_, place)

    def render(live_view: PageView, snapshot: WebhookSnapshot) -> str:
        return live_view.render_text("webhooks/_live.html", **shown_webhook(live_view, snapshot, place))

    async with view.console.reading() as connection:
        await find_subscription(connection, workspace_id, id_)
    return await stream_snapshots(view, f"webhook {id_} {place}", read, render)


def read_place(view: PageView) -> Place:
    """Return the place in the address. Raises NotFound for an id that is none."""
    query = view.request.query
    state = query.get("state", "")
    return Place(
        state if state in words.STATE_FILTERS else "",
        read_id(query["before"]) if query.get("before") else MAX_ID,
        read_id(query["delivery"]) if query.get("delivery") else None,
    )


async def read_snapshot(connection: Connection, workspace_id: int, id_: int, place: Place) -> WebhookSnapshot:
    """Return a subscription with its figures and a page of its deliveries. Raises NotFound."""
    subscription = await find_subscription(connection, workspace_id, id_)
    waiting, _ = await count_waiting(connection, workspace_id, id_)
    return WebhookSnapshot(
        subscription,
        await read_figures(connection, workspace_id, id_),
        list(await read_minutes(connection, workspace_id, id_)),
        waiting,
        await read_deliveries(connection, workspace_id, id_, place.state or None, place.before),
        await read_delivery(connection, workspace_id, id_, place.delivery) if place.delivery else None,
    )


async def render_webhook(
    view: PageView, id_: int | None, status: int = 200, *, question: SentQuestion | None = None
) -> web.Response:
    """Return the page of a subscription, or of all of them: then the first of the list is shown beside it."""
    workspace_id, place = view.workspace.workspace_id, read_place(view) if id_ else Place()
    question = question or SentQuestion()
    async with view.console.reading() as connection:
        reports = await read_reports(connection, workspace_id)
        chosen = id_ or (reports[0].id if reports else None)
        snapshot = await read_snapshot(connection, workspace_id, chosen, place) if chosen else None
        narrowed = await _read_narrowed(connection, view, snapshot.subscription) if snapshot else []
        dialog_values = await _read_asked(connection, workspace_id, chosen, question.asked) if chosen else {}
    shown = shown_webhook(view, snapshot, place) if snapshot else {}
    return await view.render(
        "webhooks/list.html",
        status,
        reports=[_report_line(view, one, chosen) for one in reports],
        failing=sum(one.is_active and one.failures >= words.FAILING for one in reports),
        switched_off=sum(not one.is_active for one in reports),
        is_list=id_ is None,
        question=question,
        narrowed=narrowed,
        **dialog_values,
        **shown,
        has_one=snapshot is not None,
    )


def shown_webhook(view: PageView, snapshot: WebhookSnapshot, place: Place) -> dict[str, Any]:
    """Return what the live part and the head of a subscription show."""
    webhook, rows, opened = snapshot.subscription, list(snapshot.page.rows), snapshot.opened
    if opened and all(row.id != opened.row.id for row in rows):
        rows.insert(0, opened.row)
    may_set_up = view.permits(Permission.SET_UP)
    return {
        "webhook": webhook,
        "page_path": f"{WEBHOOKS_PAGE}/{webhook.id}",
        "name": words.receiver_name(webhook.url, webhook.description),
        "url": words.shown_url(view, webhook.url, is_whole=may_set_up),
        "events": [(event, words.event_name(view, event)) for event in webhook.events if event != ALL_EVENTS],
        "has_all_events": ALL_EVENTS in webhook.events,
        "filter_problem": stored_problem_text(view, webhook.filter_error) if webhook.filter_error else "",
        "off_reason": words.disabled_reason(view, webhook.disabled_reason) if not webhook.is_active else "",
        "has_old_secret": webhook.old_secret_until is not None and webhook.old_secret_until > view.formatting.now,
        "figures": snapshot.figures,
        "window": words.window_sentence(view, snapshot.figures, MEASURED_DELIVERIES),
        "is_slow": (snapshot.figures.p95 or 0) >= words.SLOW_MS,
        "waiting": snapshot.waiting,
        "is_waiting_cut": snapshot.waiting >= COUNTED_WAITING,
        "chart": answers_chart(view, snapshot.minutes),
        "has_chart": any(minute.p95 is not None or minute.failed for minute in snapshot.minutes),
        "failed_in_hour": sum(minute.failed for minute in snapshot.minutes),
        "place": place,
        "filters": [(key, view.translate(label)) for key, label in words.STATE_FILTERS.items()],
        "rows": [
            (row, words.delivery_state(view, row), words.person_name(row), words.event_name(view, row.event or ""))
            for row in rows
        ],
        "older_than": snapshot.page.older_than,
        "looked_at": LOOKED_AT if snapshot.page.is_end_of_look else 0,
        "opened": shown_delivery(view, opened, webhook.body_expression) if opened else None,
        "opened_row": opened.row if opened else None,
        "sees_persons": view.permits(Permission.SEE_PERSONS),
        "may_set_up": may_set_up,
        "verification": VERIFICATION_LINES,
        "may_steer": view.permits(Permission.STEER_QUEUES),
    }


async def _read_narrowed(connection: Connection, view: PageView, webhook: Subscription) -> list[tuple[str, str]]:
    """Return what a subscription is narrowed to, in words."""
    if not webhook.filters:
        return []
    return filter_words(view, webhook.filters, await read_filter_choices(connection, view.workspace.workspace_id))


async def _read_asked(connection: Connection, workspace_id: int, id_: int, asked: str) -> dict[str, Any]:
    """Return what a dialogue needs: the number of what waits, counted up to a bound, and up to which delivery."""
    if asked not in ("delete", "cancel"):
        return {"event_types": EVENT_TYPES}
    count, last_id = await count_waiting(connection, workspace_id, id_, most=COUNTED_WAITING + 1)
    is_cut = count > COUNTED_WAITING
    if is_cut:
        last_id = await read_last_delivery(connection, workspace_id, id_)
    return {"asked_count": min(count, COUNTED_WAITING), "asked_last": last_id, "is_asked_cut": is_cut}


def _report_line(view: PageView, report: WebhookReport, chosen: int | None) -> dict[str, Any]:
    return {
        "id": report.id,
        "name": words.receiver_name(report.url, report.description),
        "events": words.events_line(view, report.events),
        "state": words.receiver_state(view, report),
        "figure": words.list_figure(view, report),
        "last_at": report.last_at,
        "is_chosen": report.id == chosen,
    }
