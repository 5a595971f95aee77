"""`/api/v1/suppressions`: addresses that get no mail, and the page on which people unsubscribe."""

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.bulk_jobs import author_of
from services.api.context import CIPHER_KEY, driver_connection, reading, write_driver, writing
from services.api.crud import RecordDict, Resource, list_records
from services.api.record_responses import created_response
from services.api.request_parsing import body_of, workspace_of
from services.api.schemas.deliveries import SuppressionFields, SuppressionRecord
from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from shared.models import Suppression
from shared.outbound import unsubscribe_links
from shared.outbound.suppressions import delete_suppression, suppress_addresses
from shared.outbound.unsubscribe_links import UnsubscribeTarget
from shared.platform.errors import ValidationFailed
from shared.platform.validation.messages import ERROR_MESSAGES
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.service_app.authorization import public, requires_scope

SUPPRESSION_RESOURCE = Resource(Suppression, SuppressionRecord)
EMAIL_TAKEN_ERRORS = {"email": ["The email has already been taken."]}

UNSUBSCRIBE_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Unsubscribe</title>
<body style="font: 1.1em/1.5 sans-serif; max-width: 30em; margin: 15vh auto; padding: 0 1em">{}</body></html>
"""
CONFIRMATION_PAGE = UNSUBSCRIBE_PAGE.format(
    '<p>Do you want to get no more of these mails?</p><form method="post"><button>Unsubscribe</button></form>'
)
UNSUBSCRIBED_PAGE = UNSUBSCRIBE_PAGE.format("<p>You will get no more of these mails.</p>")
INVALID_LINK_PAGE = UNSUBSCRIBE_PAGE.format("<p>This link is not valid.</p>")
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


@requires_scope("read:integrations")
@responds(SuppressionRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the addresses that get no mail, newest first."""
    return await list_records(request, SUPPRESSION_RESOURCE)


@requires_scope("write:integrations")
@request_body(
    SuppressionFields, required=("email",), example={"email": "no-mail@example.com", "note": "Asked by phone"}
)
@responds(SuppressionRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Suppress an address: it gets no more mail, whichever lead it belongs to."""
    workspace, fields = workspace_of(request), await body_of(request)
    try:
        email = normalise_email(fields["email"])
    except InvalidContact as error:
        raise ValidationFailed({"email": [ERROR_MESSAGES["email"].format(field="email")]}) from error

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        database, author = await driver_connection(connection), author_of(request)
        ids = await suppress_addresses(database, workspace, [email], "manual", note=fields.get("note"), author=author)
        if not ids:
            raise ValidationFailed(EMAIL_TAKEN_ERRORS)
        return await SUPPRESSION_RESOURCE.find(connection, workspace, ids[0])

    return created_response(request, await writing(request, create_in_transaction), "/api/v1/suppressions")


@requires_scope("write:integrations")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Remove an address from the list: it gets mail again."""
    workspace, id_ = workspace_of(request), path_id(request)
    await write_driver(request, lambda connection: delete_suppression(connection, workspace, id_))
    return web.Response(status=204)


@public
@responds(None, raw="text/html")
async def ask(request: web.Request) -> web.Response:
    """Show the page behind the unsubscribe link of a mail. It changes nothing: mail scanners follow every link."""
    return (
        _html_response(CONFIRMATION_PAGE) if await _is_known_token(request) else _html_response(INVALID_LINK_PAGE, 404)
    )


@public
@responds(None, raw="text/html")
async def unsubscribe(request: web.Request) -> web.Response:
    """Unsubscribe, by the button of that page or in one click by a mail program (RFC 8058)."""
    known = await _is_known_token(request)
    if known is None:
        return _html_response(INVALID_LINK_PAGE, 404)
    await write_driver(
        request,
        lambda connection: suppress_addresses(connection, known.workspace_id, [known.email], "unsubscribed"),
    )
    return _html_response(UNSUBSCRIBED_PAGE)


async def _is_known_token(request: web.Request) -> UnsubscribeTarget | None:
    async with reading(request) as connection:
        return await unsubscribe_links.read_token(
            await driver_connection(connection), request.app[CIPHER_KEY], request.match_info["token"]
        )


def _html_response(html: str, status: int = 200) -> web.Response:
    return web.Response(text=html, status=status, content_type="text/html", headers=PAGE_HEADERS)
