"""`/api/v1/webhooks`: subscriptions to events. The signing secret is only shown when it is created."""

import os
from base64 import b64encode
from datetime import timedelta

from aiohttp import web
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import SETTINGS_KEY, driver_connection, transaction_cipher, writing
from services.api.crud import RecordDict, Resource, delete_record, list_records, show_record
from services.api.record_limits import expect_below_limit
from services.api.record_responses import created_response, record_response
from services.api.request_parsing import body_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.webhooks import NewWebhookRecord, WebhookFields, WebhookRecord
from shared.integrations.webhook_keys import WHSEC_PREFIX
from shared.models import WebhookSubscription
from shared.outbound.address_policy import AddressPolicy
from shared.outbound.deliveries import subscription_endpoint
from shared.outbound.receivers import allow_attempt, cancel_deliveries
from shared.platform.errors import FieldErrors
from shared.platform.validation.messages import ERROR_MESSAGES
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.service_app.authorization import requires_scope

WEBHOOK_RESOURCE = Resource(WebhookSubscription, WebhookRecord)
WEBHOOK_SECRET_BYTES = 32
PRIVATE_ADDRESS_MESSAGE = (
    "The url field must not name a private address: nothing is sent there unless LEADHUB_ALLOWED_TARGETS has it."
)
OLD_SECRET_LIFETIME = timedelta(hours=24)  # in which the old secret signs as well


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
    more is a conflict: 409.
    """
    workspace, most = workspace_of(request), request.app[SETTINGS_KEY].max_subscriptions
    fields, secret = await _read_webhook_body(request), _new_secret()

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        await expect_below_limit(
            connection, workspace, WEBHOOK_RESOURCE, "webhook subscriptions", most, "LEADHUB_MAX_SUBSCRIPTIONS"
        )
        sealed = (await transaction_cipher(request, connection)).encrypt(secret)
        return await WEBHOOK_RESOURCE.insert(connection, workspace, {**fields, "secret": sealed})

    made = await writing(request, create_in_transaction)
    return created_response(request, {**made, "secret": secret}, "/api/v1/webhooks")


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
    if fields.get("is_active"):
        fields |= {"disabled_reason": None, "disabled_at": None}

    async def update_in_transaction(connection: AsyncConnection) -> RecordDict:
        if "url" in fields or fields.get("is_active"):
            await allow_attempt(await driver_connection(connection), workspace, subscription_endpoint(id_))
        return await WEBHOOK_RESOURCE.update(connection, workspace, id_, fields)

    return record_response(request, await writing(request, update_in_transaction))


@requires_scope("write:integrations")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a webhook subscription. Its pending messages are not sent."""
    return await delete_record(request, _delete_webhook)


@requires_scope("write:integrations")
@responds(NewWebhookRecord)
async def rotate_secret(request: web.Request) -> web.Response:
    """Rotate the secret of a webhook subscription. For 24 hours the old secret signs as well."""
    workspace, id_, secret = workspace_of(request), path_id(request), _new_secret()

    async def rotate_secret_in_transaction(connection: AsyncConnection) -> RecordDict:
        await allow_attempt(await driver_connection(connection), workspace, subscription_endpoint(id_))
        await WEBHOOK_RESOURCE.find_for_update(connection, workspace, id_)
        keys = {
            "secret": (await transaction_cipher(request, connection)).encrypt(secret),
            "old_secret": WebhookSubscription.secret,
            "old_secret_until": func.now() + OLD_SECRET_LIFETIME,
        }
        return await WEBHOOK_RESOURCE.update(connection, workspace, id_, keys)

    return record_response(request, {**await writing(request, rotate_secret_in_transaction), "secret": secret})


async def _delete_webhook(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
    await cancel_deliveries(await driver_connection(connection), workspace_id, "subscription", id_)
    await WEBHOOK_RESOURCE.delete(connection, workspace_id, id_)


def _url_errors(request: web.Request, fields: RecordDict) -> FieldErrors:
    """Return errors for a blocked address. Most are only found when the name is resolved."""
    policy = AddressPolicy.from_text(request.app[SETTINGS_KEY].allowed_targets)
    try:
        return {"url": [PRIVATE_ADDRESS_MESSAGE]} if "url" in fields and policy.refuses_url(fields["url"]) else {}
    except ValueError:
        return {"url": [ERROR_MESSAGES["url"].format(field="url")]}


def _new_secret() -> str:
    return WHSEC_PREFIX + b64encode(os.urandom(WEBHOOK_SECRET_BYTES)).decode()


async def _read_webhook_body(request: web.Request) -> RecordDict:
    """Return the fields of the body, each event once. Raises ValidationFailed."""
    fields, errors = await body_and_errors(request)
    raise_if_invalid(_url_errors(request, fields) | errors)
    if "events" in fields:
        fields["events"] = list(dict.fromkeys(fields["events"]))
    return dict(fields)
