"""`/api/v1/deliveries`: outgoing messages with their attempts, and sending them again."""

from typing import Any

from aiohttp import web
from sqlalchemy import ColumnElement, and_, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.endpoints import let_try
from services.api.pages import paged, read_page
from services.api.records import Noun, Record, unknown_lead
from services.api.requests import body_of, check, query_and_errors, workspace_of
from services.api.shapes.deliveries import (
    AttemptRecord,
    DeliveryQuery,
    DeliveryRecord,
    DeliveryWithAttemptsRecord,
    ResendFields,
    ResentRecord,
    SubscriptionDeliveryQuery,
)
from services.api.state import listing, raw, reading, writing
from shared import cancelling
from shared.deliveries import subscription_endpoint
from shared.errors import Conflict, Fields, NotFound
from shared.models import Delivery, DeliveryAttempt, WebhookSubscription
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import asks, gives, takes
from shared.web.paths import id_in

_WAITS = and_(Delivery.state == "pending", Delivery.sending_since.is_(None))
DELIVERIES = Noun(Delivery, DeliveryRecord, {"next_attempt_at": case((_WAITS, Delivery.due_at))})
ATTEMPT = [getattr(DeliveryAttempt, name) for name in AttemptRecord.__annotations__]
DISABLED = "The subscription is disabled: set is_active to true first."
CANCELLING = (
    "What waited when the subscription was disabled is still being cancelled. Send the request again in a moment."
)

# The number of attempts has 15 bits. A number beyond them would make every claim of deliveries fail, in all workspaces.
_BEARS_MORE = Delivery.attempts < 32_000

# A resent message keeps its id and restarts its schedule. The sweeper finds it within a fraction of a second.
AGAIN: dict[str, Any] = {
    "state": "pending",
    "attempts_before": Delivery.attempts,
    "due_at": func.now(),
    "error": None,
    "finished_at": None,
}


@needs("read:integrations")
@asks(DeliveryQuery)
@gives(DeliveryRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the deliveries, newest first."""
    return await _list(request)


@needs("read:integrations")
@asks(SubscriptionDeliveryQuery)
@gives(DeliveryRecord, listed=True)
async def of_webhook(request: web.Request) -> web.Response:
    """List a webhook subscription's deliveries, newest first."""
    id_ = id_in(request)
    async with reading(request) as connection:
        await _subscription(connection, workspace_of(request), id_)
    return await _list(request, Delivery.subscription_id == id_)


@needs("read:integrations")
@gives(DeliveryWithAttemptsRecord)
async def show(request: web.Request) -> web.Response:
    """Show a delivery with all its attempts, oldest first."""
    workspace, id_ = workspace_of(request), id_in(request)
    of_it = (DeliveryAttempt.workspace_id == workspace, DeliveryAttempt.delivery_id == id_)
    async with reading(request) as connection:
        found = await DELIVERIES.find(connection, workspace, id_)
        rows = await connection.execute(select(*ATTEMPT).where(*of_it).order_by(DeliveryAttempt.number))
        return answer({"data": {**found, "history": [dict(row) for row in rows.mappings()]}})


@needs("write:integrations")
@gives(DeliveryRecord, other_statuses=(409,))
async def resend(request: web.Request) -> web.Response:
    """Send a delivery again, under the same id, whatever its state.

    A delivery that is being sent at the moment is left alone, and so is one that was tried 32,000 times. The receiver
    is tried at once, even after failures. While deliveries of a disabled subscription are still being cancelled, this
    is a conflict: the delivery would be cancelled as well.
    """
    workspace, id_ = workspace_of(request), id_in(request)

    async def resend_in_transaction(connection: AsyncConnection) -> Record:
        found = await DELIVERIES.find(connection, workspace, id_)
        await _must_be_settled(connection, workspace, found["subscription_id"])
        where = (Delivery.workspace_id == workspace, Delivery.id == id_, Delivery.sending_since.is_(None), _BEARS_MORE)
        again = update(Delivery).where(*where).values(AGAIN).returning(Delivery.endpoint)
        for endpoint in (await connection.execute(again)).scalars():
            await let_try(connection, workspace, endpoint)
        return await DELIVERIES.find(connection, workspace, id_)

    return answer({"data": await writing(request, resend_in_transaction)})


@needs("write:integrations")
@takes(ResendFields, required=("since",), example={"since": "2026-03-28"})
@gives(ResentRecord, other_statuses=(409,))
async def resend_failed(request: web.Request) -> web.Response:
    """Send the failed and cancelled deliveries of a webhook subscription again, from a given time on.

    It is a conflict while the subscription is disabled, or its pending deliveries are still being cancelled.
    """
    workspace, id_, fields = workspace_of(request), id_in(request), await body_of(request)

    async def resend_failed_in_transaction(connection: AsyncConnection) -> int:
        if not await _subscription(connection, workspace, id_):
            raise Conflict(DISABLED)
        await _must_be_settled(connection, workspace, id_)
        where = (
            Delivery.workspace_id == workspace,
            Delivery.subscription_id == id_,
            Delivery.state.in_(("failed", "cancelled")),
            Delivery.created_at >= fields["since"],
            _BEARS_MORE,
        )
        count = (await connection.execute(update(Delivery).where(*where).values(AGAIN))).rowcount
        await let_try(connection, workspace, subscription_endpoint(id_))
        return count

    return answer({"data": {"count": await writing(request, resend_failed_in_transaction)}})


async def _list(request: web.Request, *where: ColumnElement[bool]) -> web.Response:
    workspace, errors = workspace_of(request), Fields()
    page, asked = read_page(request, errors), query_and_errors(request, errors)
    async with listing(request) as connection:
        check(errors | await unknown_lead(connection, workspace, asked))
        found, total = await DELIVERIES.page(connection, workspace, page, *where, *_filters(asked))
    return answer(paged(request, found, page, total))


def _filters(query: Record) -> list[ColumnElement[bool]]:
    return [getattr(Delivery, name) == value for name, value in query.items()]


async def _must_be_settled(connection: AsyncConnection, workspace_id: int, subscription_id: int | None) -> None:
    """Raise Conflict while a cancellation is pending: messages that are sent again now would be cancelled too."""
    if subscription_id and await cancelling.is_cancelling(await raw(connection), workspace_id, subscription_id):
        raise Conflict(CANCELLING)


async def _subscription(connection: AsyncConnection, workspace_id: int, id_: int) -> bool:
    """Return whether the subscription is active. Raises NotFound."""
    where = (WebhookSubscription.workspace_id == workspace_id, WebhookSubscription.id == id_)
    found = (await connection.execute(select(WebhookSubscription.is_active).where(*where))).scalar_one_or_none()
    if found is None:
        raise NotFound
    return bool(found)
