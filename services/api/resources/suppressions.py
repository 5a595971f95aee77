"""`/api/v1/suppressions`: addresses that get no mail, and the page on which people unsubscribe."""

from aiohttp import web
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.records import Noun, created_record, delete_record, list_records, write_unique
from services.api.requests import body_of, workspace_of
from services.api.shapes.deliveries import SuppressionFields, SuppressionRecord
from services.api.state import VAULT, raw, reading, writing
from shared import unsubscribing
from shared.errors import ValidationFailed
from shared.leads.contact import Invalid, normalise_email
from shared.models import Suppression
from shared.unsubscribing import Unsubscriber
from shared.validation import MESSAGES
from shared.web.access import needs, public
from shared.web.describe import gives, takes

SUPPRESSIONS = Noun(Suppression, SuppressionRecord)
TAKEN = {"email": ["The email has already been taken."]}

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Unsubscribe</title>
<body style="font: 1.1em/1.5 sans-serif; max-width: 30em; margin: 15vh auto; padding: 0 1em">{}</body></html>
"""
ASK = PAGE.format(
    '<p>Do you want to get no more of these mails?</p><form method="post"><button>Unsubscribe</button></form>'
)
DONE = PAGE.format("<p>You will get no more of these mails.</p>")
UNKNOWN = PAGE.format("<p>This link is not valid.</p>")
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


@needs("read:integrations")
@gives(SuppressionRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the addresses that get no mail, newest first."""
    return await list_records(request, SUPPRESSIONS)


@needs("write:integrations")
@takes(SuppressionFields, required=("email",), example={"email": "no-mail@example.com"})
@gives(SuppressionRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Suppress an address: it gets no more mail, whichever lead it belongs to."""
    workspace, fields = workspace_of(request), await body_of(request)
    try:
        row = {"email": normalise_email(fields["email"]), "reason": "manual"}
    except Invalid as error:
        raise ValidationFailed({"email": [MESSAGES["email"].format(field="email")]}) from error
    made = await write_unique(request, TAKEN, lambda connection: SUPPRESSIONS.insert(connection, workspace, row))
    return created_record(made, "/api/v1/suppressions")


@needs("write:integrations")
@gives(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Remove an address from the list: it gets mail again."""
    return await delete_record(request, SUPPRESSIONS.delete)


@public
@gives(None, raw="text/html")
async def ask(request: web.Request) -> web.Response:
    """Show the page behind the unsubscribe link of a mail. It changes nothing: mail scanners follow every link."""
    return _page(ASK) if await _known(request) else _page(UNKNOWN, 404)


@public
@gives(None, raw="text/html")
async def unsubscribe(request: web.Request) -> web.Response:
    """Unsubscribe, by the button of that page or in one click by a mail program (RFC 8058)."""
    known = await _known(request)
    if known is None:
        return _page(UNKNOWN, 404)

    async def unsubscribe_in_transaction(connection: AsyncConnection) -> None:
        row = {"workspace_id": known.workspace_id, "email": known.email, "reason": "unsubscribed"}
        await connection.execute(insert(Suppression).values(row).on_conflict_do_nothing())

    await writing(request, unsubscribe_in_transaction)
    return _page(DONE)


async def _known(request: web.Request) -> Unsubscriber | None:
    async with reading(request) as connection:
        return await unsubscribing.read(await raw(connection), request.app[VAULT], request.match_info["token"])


def _page(html: str, status: int = 200) -> web.Response:
    return web.Response(text=html, status=status, content_type="text/html", headers=HEADERS)
