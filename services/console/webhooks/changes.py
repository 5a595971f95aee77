"""What can be done with a subscription: switch it, renew its secret, try it, cancel what waits, delete it."""

from aiohttp import web

from services.console.web.access import workspace_page
from services.console.web.confirmation_fields import typed_digits
from services.console.web.page_view import PageView
from services.console.webhooks.delivery_reads import MAX_ID
from services.console.webhooks.reads import COUNTED_WAITING, count_waiting
from services.console.webhooks.webhook_page import WEBHOOKS_PAGE, SentQuestion, render_webhook
from shared.auth.roles import Permission
from shared.outbound import subscriptions
from shared.outbound.subscription_fields import EVENT_TYPES
from shared.outbound.subscriptions import DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS, Subscription
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

MAX_COUNT_DIGITS = 18


class MoreWaits(Exception):
    """More deliveries wait than the question said."""


@workspace_page(Permission.SET_UP)
async def switch(view: PageView) -> web.StreamResponse:
    """Switch a subscription on or off."""
    is_on, id_ = (await view.read_fields()).get("on", "") == "1", path_id(view.request)
    stored = await _found(view, id_)
    audit_details(
        view.request,
        object=("webhook", id_),
        before={"is_active": stored.is_active},
        after={"is_active": is_on},
    )
    workspace_id = view.workspace.workspace_id
    await view.console.writing(
        lambda connection: subscriptions.change_subscription(connection, workspace_id, id_, {"is_active": is_on})
    )
    said = view.translate("Events are sent from now on.") if is_on else view.translate("Nothing is sent there now.")
    view.redirect(webhook_path(view, id_), said)


@workspace_page(Permission.SET_UP)
async def rotate(view: PageView) -> web.StreamResponse:
    """Give a subscription another secret, which is shown in this answer and never again."""
    form, id_ = await view.read_fields(), path_id(view.request)
    await _found(view, id_)
    hours = _overlap_hours(form.get("hours", ""))
    audit_details(view.request, object=("webhook", id_), after={"overlap_hours": hours})
    if hours is None:
        problem = view.translate("A whole number from 0 to %(n)s.", n=MAX_OVERLAP_HOURS)
        return await render_webhook(view, id_, 422, question=SentQuestion("secret", form, {"hours": problem}))
    workspace_id, cipher = view.workspace.workspace_id, view.console.cipher
    secret = await view.console.writing(
        lambda connection: subscriptions.rotate_secret(connection, cipher, workspace_id, id_, hours)
    )
    return await render_webhook(view, id_, question=SentQuestion(secret=secret, has_old_secret=hours > 0))


@workspace_page(Permission.SET_UP)
async def send_test(view: PageView) -> web.StreamResponse:
    """Send an event of a made-up lead, and show what becomes of it."""
    form, id_ = await view.read_fields(), path_id(view.request)
    event = form.get("event", "")
    wanted = event if event in EVENT_TYPES else None
    audit_details(view.request, object=("webhook", id_), after={"event": wanted})
    workspace_id = view.workspace.workspace_id
    try:
        delivery_id = await view.console.writing(
            lambda connection: subscriptions.send_test_event(connection, workspace_id, id_, wanted)
        )
    except Conflict:
        view.redirect(webhook_path(view, id_), view.translate("It is switched off: switch it on to try it."))
    view.redirect(webhook_path(view, id_, delivery=delivery_id), view.translate("The test event is on its way."))


@workspace_page(Permission.STEER_QUEUES)
async def cancel(view: PageView) -> web.StreamResponse:
    """Cancel what waited when the page was shown, unless more waits up to there than was confirmed."""
    form, id_ = await view.read_fields(), path_id(view.request)
    await _found(view, id_)
    audit_details(view.request, object=("webhook", id_))
    if problem := _count_problem(view, form):
        return await render_webhook(view, id_, 422, question=SentQuestion("cancel", form, {"typed": problem}))
    workspace_id, last = view.workspace.workspace_id, min(int(typed_digits(form.get("last", ""))[:20] or 0), MAX_ID)

    async def work(connection: Connection) -> None:
        audit_details(view.request, count=await _expect_confirmed(connection, view, id_, form, last))
        await subscriptions.cancel_waiting(connection, workspace_id, id_, last)

    try:
        await view.console.writing(work)
    except MoreWaits:
        return await _ask_again(view, id_, "cancel", form)
    view.redirect(
        webhook_path(view, id_), view.translate("What waited is cancelled. What is being sent ends by itself.")
    )


@workspace_page(Permission.SET_UP)
async def delete(view: PageView) -> web.StreamResponse:
    """Delete a subscription whose number of waiting deliveries was typed, unless more wait by now."""
    form, id_ = await view.read_fields(), path_id(view.request)
    stored = await _found(view, id_)
    audit_details(view.request, object=("webhook", id_), before={"url": stored.url, "events": stored.events})
    if problem := _count_problem(view, form):
        return await render_webhook(view, id_, 422, question=SentQuestion("delete", form, {"typed": problem}))

    async def work(connection: Connection) -> None:
        audit_details(view.request, count=await _expect_confirmed(connection, view, id_, form))
        await subscriptions.delete_subscription(connection, view.workspace.workspace_id, id_)

    try:
        await view.console.writing(work)
    except MoreWaits:
        return await _ask_again(view, id_, "delete", form)
    view.redirect(view.path(WEBHOOKS_PAGE), view.translate("The webhook is deleted. Nothing more is sent there."))


def webhook_path(view: PageView, id_: int, below: str = "", **query: object) -> str:
    """Return the address of a subscription's page."""
    return view.path(f"{WEBHOOKS_PAGE}/{id_}{f'/{below}' if below else ''}", **query)


async def _found(view: PageView, id_: int) -> Subscription:
    async with view.console.reading() as connection:
        return await subscriptions.find_subscription(connection, view.workspace.workspace_id, id_)


def _overlap_hours(text: str) -> int | None:
    digits = typed_digits(text)
    if not text.strip():
        return DEFAULT_OVERLAP_HOURS
    if digits != text.strip() or len(digits) > 4 or int(digits) > MAX_OVERLAP_HOURS:
        return None
    return int(digits)


def _number(text: str) -> int:
    return int(typed_digits(text)[:MAX_COUNT_DIGITS] or 0)


def _count_problem(view: PageView, form: dict[str, str]) -> str:
    """Return what is wrong with the number that was typed. Nothing is typed where nothing waits."""
    confirmed = _number(form.get("confirmed", ""))
    if confirmed and typed_digits(form.get("typed", "")) != str(confirmed):
        return view.translate("Type %(n)s to go on.", n=view.formatting.number(confirmed))
    return ""


async def _expect_confirmed(
    connection: Connection, view: PageView, id_: int, form: dict[str, str], last: int = MAX_ID
) -> int:
    """Return how many deliveries up to `last` wait, as far as they are counted.

    Raises MoreWaits if the reader was told of fewer. Who confirmed `COUNTED_WAITING` was told that there may be more.
    """
    confirmed = min(_number(form.get("confirmed", "")), COUNTED_WAITING)
    waiting, _ = await count_waiting(connection, view.workspace.workspace_id, id_, most=confirmed + 1, last=last)
    if waiting > confirmed and confirmed < COUNTED_WAITING:
        raise MoreWaits
    return min(waiting, confirmed)


async def _ask_again(view: PageView, id_: int, asked: str, form: dict[str, str]) -> web.Response:
    problem = view.translate("Deliveries wait by now. Look at their number again.")
    return await render_webhook(view, id_, 422, question=SentQuestion(asked, form, {"typed": problem}))
