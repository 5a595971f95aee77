"""`/api/v1/webhooks`: subscriptions to events. The signing secret is only shown when it is created."""

from typing import Any

from aiohttp import web
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import CIPHER_KEY, SETTINGS_KEY, driver_connection, writing
from services.api.crud import RecordDict, Resource, delete_record, list_records, show_record
from services.api.record_responses import created_response, record_response
from services.api.request_parsing import body_and_errors, optional_body_of, workspace_of
from services.api.resources.deliveries import DELIVERY_RESOURCE
from services.api.schemas.deliveries import DeliveryRecord
from services.api.schemas.webhooks import NewWebhookRecord, RotationFields, SampleEventFields, WebhookRecord
from shared.models import SubscriptionState, WebhookSubscription
from shared.outbound import subscriptions
from shared.outbound.subscription_fields import WebhookFields, checked_fields
from shared.outbound.subscriptions import DEFAULT_OVERLAP_HOURS
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.service_app.authorization import requires_scope


def _state_column(column: Any) -> ColumnElement[Any]:
    """Return a subquery for what the workers noted of a subscription."""
    of_subscription = (
        SubscriptionState.workspace_id == WebhookSubscription.workspace_id,
        SubscriptionState.subscription_id == WebhookSubscription.id,
    )
    return select(column).where(*of_subscription).scalar_subquery()


WEBHOOK_RESOURCE = Resource(
    WebhookSubscription,
    WebhookRecord,
    {
        "filter_failures": func.coalesce(_state_column(SubscriptionState.filter_failures), 0),
        "filter_error": _state_column(SubscriptionState.filter_error),
        "filter_failed_at": _state_column(SubscriptionState.filter_failed_at),
    },
)


@requires_scope("read:integrations")
@responds(WebhookRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the webhook subscriptions, newest first."""
    return await list_records(request, WEBHOOK_RESOURCE)


@requires_scope("write:integrations")
@request_body(
    WebhookFields, required=("url", "events"), example={"url": "https://example.com/hook", "events": ["lead.created"]}
)
@responds(NewWebhookRecord, status=201, other_statuses=(409,))
async def create(request: web.Request) -> web.Response:
    """Subscribe an address to events. The signing secret is in `secret`, only in this response.

    A workspace may have 100 subscriptions, unless its operator sets another number (`LEADHUB_MAX_SUBSCRIPTIONS`). One
    more is a conflict: 409. At most 20 of them have a `filter_expression`.
    """
    workspace, most = workspace_of(request), request.app[SETTINGS_KEY].max_subscriptions
    fields = await _read_webhook_body(request)

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        database = await driver_connection(connection)
        made = await subscriptions.create_subscription(database, request.app[CIPHER_KEY], workspace, fields, most)
        return {**await WEBHOOK_RESOURCE.find(connection, workspace, made.id), "secret": made.secret}

    return created_response(request, await writing(request, create_in_transaction), "/api/v1/webhooks")


@requires_scope("read:integrations")
@responds(WebhookRecord)
async def show(request: web.Request) -> web.Response:
    """Show a webhook subscription, without its secret."""
    return await show_record(request, WEBHOOK_RESOURCE)


@requires_scope("write:integrations")
@request_body(WebhookFields, example={"events": ["lead.created", "lead.updated"]})
@responds(WebhookRecord)
async def update(request: web.Request) -> web.Response:
    """Change a webhook subscription. Activating it clears the reason for which it was disabled.

    With a new address, or when activated, it is tried at once, even after failures.
    """
    workspace, id_, fields = workspace_of(request), path_id(request), await _read_webhook_body(request)

    async def update_in_transaction(connection: AsyncConnection) -> RecordDict:
        await subscriptions.change_subscription(await driver_connection(connection), workspace, id_, fields)
        return await WEBHOOK_RESOURCE.find(connection, workspace, id_)

    return record_response(request, await writing(request, update_in_transaction))


@requires_scope("write:integrations")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a webhook subscription. Its pending messages are not sent."""
    return await delete_record(request, _delete_webhook)


@requires_scope("write:integrations")
@request_body(RotationFields, example={"overlap_hours": 24})
@responds(NewWebhookRecord)
async def rotate_secret(request: web.Request) -> web.Response:
    """Rotate the secret of a webhook subscription. For 24 hours, or `overlap_hours`, the old secret signs as well."""
    workspace, id_, fields = workspace_of(request), path_id(request), await optional_body_of(request)
    hours = fields.get("overlap_hours", DEFAULT_OVERLAP_HOURS)

    async def rotate_secret_in_transaction(connection: AsyncConnection) -> RecordDict:
        database = await driver_connection(connection)
        secret = await subscriptions.rotate_secret(database, request.app[CIPHER_KEY], workspace, id_, hours)
        return {**await WEBHOOK_RESOURCE.find(connection, workspace, id_), "secret": secret}

    return record_response(request, await writing(request, rotate_secret_in_transaction))


@requires_scope("write:integrations")
@request_body(SampleEventFields, example={"event": "lead.created"})
@responds(DeliveryRecord, status=202, other_statuses=(409,))
async def send_test(request: web.Request) -> web.Response:
    """Send a subscription an event of a made-up lead, with `"test": true` in it. Answers the delivery.

    It is a conflict while the subscription is disabled.
    """
    workspace, id_, fields = workspace_of(request), path_id(request), await optional_body_of(request)

    async def send_in_transaction(connection: AsyncConnection) -> RecordDict:
        database = await driver_connection(connection)
        delivery_id = await subscriptions.send_test_event(database, workspace, id_, fields.get("event"))
        return await DELIVERY_RESOURCE.find(connection, workspace, delivery_id)

    return record_response(request, await writing(request, send_in_transaction), 202)


async def _delete_webhook(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
    await subscriptions.delete_subscription(await driver_connection(connection), workspace_id, id_)


async def _read_webhook_body(request: web.Request) -> RecordDict:
    """Return the fields of the body, each event once. Raises ValidationFailed."""
    fields, errors = await body_and_errors(request)
    return checked_fields(fields, errors, request.app[SETTINGS_KEY].allowed_targets)
