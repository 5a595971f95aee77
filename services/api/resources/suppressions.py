"""`/api/v1/suppressions`: the addresses that get no more mail as leads; and the page on which one puts itself there."""

from aiohttp import web
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.pages import page_of, paged
from services.api.records import Noun
from services.api.requests import body_of, workspace_of
from services.api.shapes.deliveries import SuppressionFields, SuppressionRecord
from services.api.state import VAULT, listing, raw, reading, writing
from shared import unsubscribing
from shared.errors import ValidationFailed
from shared.leads.contact import Invalid, normalise_email
from shared.models import Suppression
from shared.unsubscribing import Unsubscriber
from shared.validation import MESSAGES
from shared.web.access import needs, public
from shared.web.answers import answer
from shared.web.describe import gives, takes
from shared.web.paths import id_in

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
    page = page_of(request)
    async with listing(request) as connection:
        found, total = await SUPPRESSIONS.page(connection, workspace_of(request), page)
    return answer(paged(request, found, page, total))


@needs("write:integrations")
@takes(SuppressionFields, required=("email",), example={"email": "no-mail@example.com"})
@gives(SuppressionRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Send an address no more mail, whichever lead it belongs to."""
    workspace, fields = workspace_of(request), await body_of(request)
    try:
        row = {"email": normalise_email(fields["email"]), "reason": "manual"}
        made = await writing(request, lambda connection: SUPPRESSIONS.insert(connection, workspace, row))
    except Invalid as error:
        raise ValidationFailed({"email": [MESSAGES["email"].format(field="email")]}) from error
    except IntegrityError as error:
        raise ValidationFailed(TAKEN) from error
    return answer({"data": made}, 201, {"Location": f"/api/v1/suppressions/{made['id']}"})


@needs("write:integrations")
@gives(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Let an address get mail again."""
    id_ = id_in(request)
    await writing(request, lambda connection: SUPPRESSIONS.delete(connection, workspace_of(request), id_))
    return web.Response(status=204)


@public
@gives(None, raw="text/html")
async def ask(request: web.Request) -> web.Response:
    """Show the page of a mail's link to unsubscribe. It changes nothing: mail scanners follow every link."""
    return _page(ASK) if await _known(request) else _page(UNKNOWN, 404)


@public
@gives(None, raw="text/html")
async def unsubscribe(request: web.Request) -> web.Response:
    """Unsubscribe: by the button of that page, or in one click by a mail program (RFC 8058)."""
    known = await _known(request)
    if known is None:
        return _page(UNKNOWN, 404)

    async def work(connection: AsyncConnection) -> None:
        row = {"workspace_id": known.workspace_id, "email": known.email, "reason": "unsubscribed"}
        await connection.execute(insert(Suppression).values(row).on_conflict_do_nothing())

    await writing(request, work)
    return _page(DONE)


async def _known(request: web.Request) -> Unsubscriber | None:
    async with reading(request) as connection:
        return await unsubscribing.read(await raw(connection), request.app[VAULT], request.match_info["token"])


def _page(html: str, status: int = 200) -> web.Response:
    return web.Response(text=html, status=status, content_type="text/html", headers=HEADERS)
