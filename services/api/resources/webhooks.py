"""`/api/v1/webhooks`: subscriptions to events. The signing secret is only shown when it is created."""

import os
from base64 import b64encode
from datetime import timedelta

from aiohttp import web
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.bounds import expect_room
from services.api.endpoints import cancel, let_try
from services.api.records import Noun, Record, created_record, delete_record, list_records, show_record
from services.api.requests import body_and_errors, check, workspace_of
from services.api.shapes.webhooks import NewWebhookRecord, WebhookFields, WebhookRecord
from services.api.state import SETTINGS, VAULT, writing
from shared.deliveries import subscription_endpoint
from shared.errors import Fields
from shared.guard import Policy
from shared.integrations.credentials import WHSEC
from shared.models import WebhookSubscription
from shared.validation import MESSAGES
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import gives, takes
from shared.web.paths import id_in

WEBHOOKS = Noun(WebhookSubscription, WebhookRecord)
SECRET_BYTES = 32
PRIVATE = "The url field must not name a private address: nothing is sent there unless LEADHUB_ALLOWED_TARGETS has it."
OVERLAP = timedelta(hours=24)  # in which the old secret signs as well


@needs("read:integrations")
@gives(WebhookRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the webhook subscriptions, newest first."""
    return await list_records(request, WEBHOOKS)


@needs("write:integrations")
@takes(
    WebhookFields, required=("url", "events"), example={"url": "https://example.com/hook", "events": ["lead.created"]}
)
@gives(NewWebhookRecord, status=201, other_statuses=(409,))
async def create(request: web.Request) -> web.Response:
    """Subscribe an address to events. The signing secret is in `secret`, only in this response.

    A workspace may have 100 subscriptions, unless its operator sets another number (`LEADHUB_MAX_SUBSCRIPTIONS`). One
    more is a conflict: 409.
    """
    workspace, most = workspace_of(request), request.app[SETTINGS].max_subscriptions
    fields, secret = await _sent(request), _new_secret()

    async def create_in_transaction(connection: AsyncConnection) -> Record:
        await expect_room(connection, workspace, WEBHOOKS, "webhook subscriptions", most, "LEADHUB_MAX_SUBSCRIPTIONS")
        sealed = request.app[VAULT].encrypt(secret)
        return await WEBHOOKS.insert(connection, workspace, {**fields, "secret": sealed})

    made = await writing(request, create_in_transaction)
    return created_record({**made, "secret": secret}, "/api/v1/webhooks")


@needs("read:integrations")
@gives(WebhookRecord)
async def show(request: web.Request) -> web.Response:
    """Show a webhook subscription, without its secret."""
    return await show_record(request, WEBHOOKS)


@needs("write:integrations")
@takes(WebhookFields, example={"events": ["lead.created", "lead.updated"]})
@gives(WebhookRecord)
async def update(request: web.Request) -> web.Response:
    """Change a webhook subscription. Activating it clears the reason for which it was disabled.

    With a new address, or when activated, it is tried at once, even after failures.
    """
    workspace, id_, fields = workspace_of(request), id_in(request), await _sent(request)
    if fields.get("is_active"):
        fields |= {"disabled_reason": None, "disabled_at": None}

    async def update_in_transaction(connection: AsyncConnection) -> Record:
        if "url" in fields or fields.get("is_active"):
            await let_try(connection, workspace, subscription_endpoint(id_))
        return await WEBHOOKS.update(connection, workspace, id_, fields)

    return answer({"data": await writing(request, update_in_transaction)})


@needs("write:integrations")
@gives(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a webhook subscription. Its pending messages are not sent."""
    return await delete_record(request, _delete_webhook)


@needs("write:integrations")
@gives(NewWebhookRecord)
async def rotate_secret(request: web.Request) -> web.Response:
    """Rotate the secret of a webhook subscription. For 24 hours the old secret signs as well."""
    workspace, id_, secret = workspace_of(request), id_in(request), _new_secret()

    async def rotate_secret_in_transaction(connection: AsyncConnection) -> Record:
        await let_try(connection, workspace, subscription_endpoint(id_))
        await WEBHOOKS.find_for_update(connection, workspace, id_)
        keys = {
            "secret": request.app[VAULT].encrypt(secret),
            "old_secret": WebhookSubscription.secret,
            "old_secret_until": func.now() + OVERLAP,
        }
        return await WEBHOOKS.update(connection, workspace, id_, keys)

    return answer({"data": {**await writing(request, rotate_secret_in_transaction), "secret": secret}})


async def _delete_webhook(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
    await cancel(connection, workspace_id, "subscription", id_)
    await WEBHOOKS.delete(connection, workspace_id, id_)


def _url_errors(request: web.Request, fields: Record) -> Fields:
    """Return errors for a blocked address. Most are only found when the name is resolved."""
    policy = Policy.read(request.app[SETTINGS].allowed_targets)
    try:
        return {"url": [PRIVATE]} if "url" in fields and policy.refuses(fields["url"]) else {}
    except ValueError:
        return {"url": [MESSAGES["url"].format(field="url")]}


def _new_secret() -> str:
    return WHSEC + b64encode(os.urandom(SECRET_BYTES)).decode()


async def _sent(request: web.Request) -> Record:
    """Return the fields of the body, each event once. Raises ValidationFailed."""
    fields, errors = await body_and_errors(request)
    check(_url_errors(request, fields) | errors)
    if "events" in fields:
        fields["events"] = list(dict.fromkeys(fields["events"]))
    return dict(fields)
