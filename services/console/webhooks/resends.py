"""Sending deliveries again: one at once, or many as a job, which the page of the confirmation counts."""

from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.webhooks.changes import webhook_path
from services.console.webhooks.delivery_reads import read_delivery
from services.console.webhooks.webhook_page import read_place
from shared.auth.roles import Permission
from shared.outbound.resending import resend_one
from shared.outbound.subscriptions import SUBSCRIPTION_DISABLED_MESSAGE, find_subscription
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

STATES: Final = ("failed", "cancelled", "sent")  # of what can be sent again; both of the first two without one


@workspace_page(Permission.STEER_QUEUES)
async def choose(view: PageView) -> web.StreamResponse:
    """Lead to the confirmation of a job that sends deliveries again, from a time on that the reader typed."""
    id_, query = path_id(view.request), view.request.query
    async with view.console.reading() as connection:
        await find_subscription(connection, view.workspace.workspace_id, id_)
    since, state = query.get("since", "").strip(), query.get("which", "")
    moment = _typed_moment(view, since) if since else None
    if since and moment is None:
        view.redirect(f"{webhook_path(view, id_)}#again", view.translate("This is no time. Nothing was sent."))
    chosen = state if state in STATES else None
    after = moment.isoformat() if moment else None
    view.redirect(view.path("jobs/confirm", kind="deliveries", subscription_id=id_, state=chosen, created_after=after))


@workspace_page(Permission.STEER_QUEUES)
async def resend(view: PageView) -> web.StreamResponse:
    """Send one delivery again, whatever became of it."""
    id_, delivery_id = path_id(view.request), path_id(view.request, "delivery")
    workspace_id = view.workspace.workspace_id

    async def resend_in_transaction(connection: Connection) -> bool:
        subscription = await find_subscription(connection, workspace_id, id_)
        await read_delivery(connection, workspace_id, id_, delivery_id)
        if not subscription.is_active:
            raise Conflict(SUBSCRIPTION_DISABLED_MESSAGE)
        return await resend_one(connection, workspace_id, delivery_id)

    audit_details(view.request, object=("delivery", delivery_id))
    back = webhook_path(view, id_, "", **read_place(view).query, delivery=delivery_id)
    try:
        is_sent = await view.console.writing(resend_in_transaction)
    except Conflict as error:
        is_off = str(error) == SUBSCRIPTION_DISABLED_MESSAGE
        view.redirect(
            back,
            view.translate("Nothing was sent: the webhook is switched off.")
            if is_off
            else view.translate("Nothing was sent: what waited when it was switched off is still being cancelled."),
        )
    audit_details(view.request, count=int(is_sent))
    view.redirect(
        back,
        view.translate("The delivery is on its way again.")
        if is_sent
        else view.translate("Nothing was sent: it is being sent, or was tried too often."),
    )


def _typed_moment(view: PageView, text: str) -> datetime | None:
    """Return a time as an input sends it, in the reader's time zone; None if it is none."""
    try:
        moment = datetime.fromisoformat(text[:40])
        return (moment if moment.tzinfo else moment.replace(tzinfo=view.zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
