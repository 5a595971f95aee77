"""`/api/v1/deliveries`: outgoing messages with their attempts, and sending them again."""

from typing import Any

from aiohttp import web
from sqlalchemy import ColumnElement, and_, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.bulk_jobs import count_or_confirm
from services.api.context import driver_connection, listing, reading, writing
from services.api.crud import RecordDict, Resource, unknown_reference_errors
from services.api.pages import page_response, read_page
from services.api.record_responses import record_response
from services.api.request_parsing import body_of, query_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.deliveries import (
    AttemptRecord,
    DeliveryQuery,
    DeliveryRecord,
    DeliveryWithAttemptsRecord,
    ResendFields,
    ResentRecord,
    SubscriptionDeliveryQuery,
)
from services.api.schemas.jobs import BulkCountRecord, BulkResendFields, JobRecord
from shared.models import Delivery, DeliveryAttempt, WebhookSubscription
from shared.outbound.deliveries import subscription_endpoint
from shared.outbound.delivery_filters import delivery_conditions
from shared.outbound.receivers import allow_attempt
from shared.outbound.resending import MAX_DELIVERY_ATTEMPTS, expect_no_cancellation, resend_one
from shared.outbound.subscriptions import SUBSCRIPTION_DISABLED_MESSAGE
from shared.platform.errors import Conflict, FieldErrors, NotFound
from shared.platform.web.openapi import query_params, request_body, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope

_IS_WAITING = and_(Delivery.state == "pending", Delivery.sending_since.is_(None))
DELIVERY_RESOURCE = Resource(Delivery, DeliveryRecord, {"next_attempt_at": case((_IS_WAITING, Delivery.due_at))})
ATTEMPT_COLUMNS = [getattr(DeliveryAttempt, name) for name in AttemptRecord.__annotations__]

# The number of attempts has 15 bits. A number beyond them would make every claim of deliveries fail, in all workspaces.
_CAN_RETRY = Delivery.attempts < MAX_DELIVERY_ATTEMPTS

# A resent message keeps its id and restarts its schedule. The sweeper finds it within a fraction of a second.
RESEND_VALUES: dict[str, Any] = {
    "state": "pending",
    "attempts_before": Delivery.attempts,
    "due_at": func.now(),
    "error": None,
    "finished_at": None,
    "cause_id": None,
}


@requires_scope("read:integrations")
@query_params(DeliveryQuery)
@responds(DeliveryRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the deliveries, newest first."""
    return await _list_deliveries(request)


@requires_scope("read:integrations")
@query_params(SubscriptionDeliveryQuery)
@responds(DeliveryRecord, listed=True)
async def of_webhook(request: web.Request) -> web.Response:
    """List a webhook subscription's deliveries, newest first."""
    id_ = path_id(request)
    async with reading(request) as connection:
        await _is_subscription_active(connection, workspace_of(request), id_)
    return await _list_deliveries(request, Delivery.subscription_id == id_)


@requires_scope("read:integrations")
@responds(DeliveryWithAttemptsRecord)
async def show(request: web.Request) -> web.Response:
    """Show a delivery with all its attempts, oldest first."""
    workspace, id_ = workspace_of(request), path_id(request)
    of_it = (DeliveryAttempt.workspace_id == workspace, DeliveryAttempt.delivery_id == id_)
    async with reading(request) as connection:
        found = await DELIVERY_RESOURCE.find(connection, workspace, id_)
        rows = await connection.execute(select(*ATTEMPT_COLUMNS).where(*of_it).order_by(DeliveryAttempt.number))
        return record_response(request, {**found, "history": [dict(row) for row in rows.mappings()]})


@requires_scope("write:integrations")
@responds(DeliveryRecord, other_statuses=(409,))
async def resend(request: web.Request) -> web.Response:
    """Send a delivery again, under the same id, whatever its state.

    A delivery that is being sent at the moment is left alone, and so is one that was tried 32,000 times. The receiver
    is tried at once, even after failures. While deliveries of a disabled subscription are still being cancelled, this
    is a conflict: the delivery would be cancelled as well.
    """
    workspace, id_ = workspace_of(request), path_id(request)

    async def resend_in_transaction(connection: AsyncConnection) -> RecordDict:
        await resend_one(await driver_connection(connection), workspace, id_)
        return await DELIVERY_RESOURCE.find(connection, workspace, id_)

    return record_response(request, await writing(request, resend_in_transaction))


@requires_scope("write:integrations")
@request_body(BulkResendFields, required=("filter",), example={"filter": {"state": "failed"}})
@responds(BulkCountRecord, other_statuses=(202, 409), schemas_by_status={202: JobRecord})
async def resend_all(request: web.Request) -> web.Response:
    """Count the deliveries that match, and with `confirm` and `as_of` send them again as a job.

    Without `state` these are the failed and cancelled ones. The job takes what matched at `as_of` and matches still.
    Without `as_of` another number is a conflict, which names it. What belongs to a disabled subscription is skipped.
    """
    return await count_or_confirm(request, "deliveries", await body_of(request))


@requires_scope("write:integrations")
@request_body(ResendFields, required=("since",), example={"since": "2026-03-28"})
@responds(ResentRecord, other_statuses=(409,))
async def resend_failed(request: web.Request) -> web.Response:
    """Send the failed and cancelled deliveries of a webhook subscription again, from a given time on.

    It is a conflict while the subscription is disabled, or its pending deliveries are still being cancelled.
    """
    workspace, id_, fields = workspace_of(request), path_id(request), await body_of(request)

    async def resend_failed_in_transaction(connection: AsyncConnection) -> int:
        if not await _is_subscription_active(connection, workspace, id_):
            raise Conflict(SUBSCRIPTION_DISABLED_MESSAGE)
        await expect_no_cancellation(await driver_connection(connection), workspace, id_)
        where = (
            Delivery.workspace_id == workspace,
            Delivery.subscription_id == id_,
            Delivery.state.in_(("failed", "cancelled")),
            Delivery.created_at >= fields["since"],
            _CAN_RETRY,
        )
        count = (await connection.execute(update(Delivery).where(*where).values(RESEND_VALUES))).rowcount
        await allow_attempt(await driver_connection(connection), workspace, subscription_endpoint(id_))
        return count

    return record_response(request, {"count": await writing(request, resend_failed_in_transaction)})


async def _list_deliveries(request: web.Request, *where: ColumnElement[bool]) -> web.Response:
    workspace, errors = workspace_of(request), FieldErrors()
    page, query = read_page(request, errors), query_and_errors(request, errors)
    async with listing(request) as connection:
        raise_if_invalid(errors | await unknown_reference_errors(connection, workspace, query))
        deliveries, total = await DELIVERY_RESOURCE.read_page(
            connection, workspace, page, *where, *delivery_conditions(query)
        )
    return json_response(page_response(request, deliveries, page, total))


async def _is_subscription_active(connection: AsyncConnection, workspace_id: int, id_: int) -> bool:
    """Return whether the subscription is active. Raises NotFound."""
    where = (WebhookSubscription.workspace_id == workspace_id, WebhookSubscription.id == id_)
    is_active = (await connection.execute(select(WebhookSubscription.is_active).where(*where))).scalar_one_or_none()
    if is_active is None:
        raise NotFound
    return bool(is_active)
