"""`/api/inbound/webhooks/{token}`: requests of providers, each in the provider's own format."""

import time
from functools import partial

from aiohttp import web

from services.gateway.context import GATEWAY_CONTEXT, Gateway
from services.gateway.inbound_request import read_request_body
from services.gateway.integration_counts import SWITCHED_OFF
from services.gateway.webhook_delivery import WebhookDelivery
from shared.auth.key_format import hash_key
from shared.intake.journal import Lane
from shared.integrations.catalogue import PROVIDERS_BY_TYPE
from shared.integrations.integration_cache import ReceivingIntegration
from shared.integrations.provider import Provider
from shared.integrations.webhook_exchange import SPLIT_ADVICE, CaseInsensitive, WebhookAnswer, WebhookRequest
from shared.platform.errors import MethodNotAllowed, NotFound, PayloadTooLarge, ServiceUnavailable
from shared.platform.web.client_address import base_url
from shared.platform.web.openapi import responds
from shared.platform.web.response_headers import LOG_FIELDS
from shared.service_app.authorization import public
from shared.service_app.middleware import RATE_LIMITER

DELIVERY_METHODS = ("POST", "PUT", "PATCH")
MAX_TOKEN_LENGTH = 100  # characters
UNREADABLE_CREDENTIALS_MESSAGE = "The credentials of this integration cannot be read just now. Send the request again."
RATE_LIMIT_MESSAGE = "This integration takes no more requests in this hour: its rate_limit setting is reached."
UNKNOWN_ADDRESS_MESSAGE = "There is no integration at this address."


@public
@responds(None, raw="text/plain", other_statuses=(403, 404, 405))
async def answer_handshake(request: web.Request) -> web.Response:
    """Answer a provider's handshake, by which it makes sure that the address is ours. 403 for a wrong verify token."""
    return await receive_webhook(request)


@public
@responds(None, raw="text/plain", other_statuses=(401, 403, 404, 405, 413, 429, 503))
async def receive_webhook(request: web.Request) -> web.Response:
    """Take a provider's request: verify it, store each of its leads once, and answer as the provider wants.

    The address is the `webhook_url` of an integration, and the format is that of the integration's type. Repeated and
    ignored events are acknowledged like new ones. A request whose signature is missing, wrong or too old gets 401 and
    is not stored. A body of more than 1,000 items gets 413, and none of them is stored.
    """
    gateway = request.app[GATEWAY_CONTEXT]
    integration = await _find_integration(gateway, request.match_info["token"])
    request[LOG_FIELDS] = {"workspace_id": integration.workspace_id, "integration_id": integration.id}
    provider = PROVIDERS_BY_TYPE[integration.type]
    if not integration.is_active:
        gateway.integration_counts.count(integration, SWITCHED_OFF)
        return _response(provider.answer)
    if limit := integration.settings["rate_limit"]:
        await request.app[RATE_LIMITER].hit(-integration.id, limit, RATE_LIMIT_MESSAGE)  # ids of keys are positive
    if integration.credentials is None:
        raise ServiceUnavailable(UNREADABLE_CREDENTIALS_MESSAGE, retry_after=60)
    webhook_request = await _read_webhook(request, gateway, provider)
    has_left = partial(_has_client_left, request)
    delivery = WebhookDelivery(gateway, integration, provider, integration.credentials, webhook_request, has_left)
    if provider.answer_handshake and provider.is_handshake(webhook_request):
        return _response(delivery.answer_handshake())
    if webhook_request.method not in provider.methods:
        raise MethodNotAllowed(headers={"Allow": ", ".join(provider.methods)})
    await gateway.webhook_turns.wait_turn(integration.id)
    await delivery.verify()
    items = await delivery.read_items()
    if items:
        await gateway.intake.submit_all(items, Lane.PROMPT)
        await gateway.webhook_turns.wait_turn(integration.id)  # a flush stores many at once
    request[LOG_FIELDS]["submissions"] = len(items)
    return _response(provider.answer)


async def _find_integration(gateway: Gateway, token: str) -> ReceivingIntegration:
    integration = await gateway.integrations.get(hash_key(token)) if len(token) <= MAX_TOKEN_LENGTH else None
    if integration is None or integration.type not in PROVIDERS_BY_TYPE:
        raise NotFound(UNKNOWN_ADDRESS_MESSAGE)
    return integration


async def _read_webhook(request: web.Request, gateway: Gateway, provider: Provider) -> WebhookRequest:
    settings = gateway.settings
    limit = settings.mail_body_limit if provider.receives_mail else settings.webhook_body_limit
    try:
        body = await read_request_body(request, limit)
    except PayloadTooLarge as error:
        raise PayloadTooLarge(f"{error} {SPLIT_ADVICE}") from None
    address = f"{base_url(request, gateway.settings)}{request.raw_path}"
    return WebhookRequest(request.method, address, CaseInsensitive(list(request.headers.items())), body, time.time())


def _has_client_left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _response(answer: WebhookAnswer) -> web.Response:
    # A handshake's text is the caller's: no browser may take it for a page.
    headers = {"X-Content-Type-Options": "nosniff"}
    return web.Response(status=answer.status, body=answer.body, content_type=answer.media_type, headers=headers)
