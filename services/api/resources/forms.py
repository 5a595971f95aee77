"""`/api/v1/forms`: the definitions of forms. Submissions go to the gateway, like every lead."""

import secrets

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.pages import page_of, paged, read_page
from services.api.placing import placed
from services.api.received import page_of_submissions
from services.api.records import Noun, Record, unknown_lead
from services.api.requests import check, json_of, query_and_errors, workspace_of
from services.api.shapes.forms import FormRecord, FormSent
from services.api.shapes.submissions import FormSubmissionQuery, SubmissionRecord
from services.api.state import listing, raw, reading, writing
from shared.errors import Fields
from shared.forms import book
from shared.forms.definition import FormSettings, complete_fields, complete_settings, contradictions, merge_settings
from shared.leads import references
from shared.models import Form, folded_count
from shared.validation import Shape
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import asks, description, gives, takes
from shared.web.paths import id_in

SETTINGS = Shape(FormSettings)
RANDOM = 12  # bytes of a public id
EXAMPLE = {
    "name": "Contact",
    "fields": [
        {"key": "email", "label": "Email", "type": "email", "required": True, "maps_to": "email"},
        {"key": "message", "label": "Message", "type": "textarea", "maps_to": "notes"},
    ],
}


FORMS = Noun(Form, FormRecord, {"submissions_count": folded_count("form", Form.workspace_id, Form.id)})


@needs("read:forms")
@gives(FormRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the forms, newest first."""
    page = page_of(request)
    async with listing(request) as connection:
        forms, total = await FORMS.page(connection, workspace_of(request), page)
    return answer(paged(request, [_shown(form) for form in forms], page, total))


@needs("write:forms")
@takes(FormSent, required=("name",), example=EXAMPLE)
@gives(FormRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a form. Omitted members of its fields and settings have their defaults."""
    workspace = workspace_of(request)
    sent, errors = await _sent(request)

    async def create_in_transaction(connection: AsyncConnection) -> Record:
        changed = await _changed(connection, workspace, {"settings": {}}, {"settings": {}, **sent}, errors)
        public_id = secrets.token_urlsafe(RANDOM)
        form = await FORMS.insert(connection, workspace, {"fields": [], **changed, "public_id": public_id})
        await book.tell(await raw(connection))  # a cache may hold its id as unknown
        return form

    form = await writing(request, create_in_transaction)
    _forget(request, form["id"])
    return answer({"data": _shown(form)}, 201, {"Location": f"/api/v1/forms/{form['id']}"})


@needs("read:forms")
@gives(FormRecord)
async def show(request: web.Request) -> web.Response:
    """Show a form."""
    async with reading(request) as connection:
        return answer({"data": _shown(await FORMS.find(connection, workspace_of(request), id_in(request)))})


@needs("write:forms")
@takes(FormSent, example={"settings": {"success_message": "Thank you!"}})
@gives(FormRecord)
async def update(request: web.Request) -> web.Response:
    """Change a form. Fields are replaced as a whole, settings one by one: null sets one back to its default."""
    workspace, id_ = workspace_of(request), id_in(request)
    sent, errors = await _sent(request)

    async def update_in_transaction(connection: AsyncConnection) -> Record:
        await references.hold(await raw(connection), [workspace])
        stored = await FORMS.find_for_update(connection, workspace, id_)
        changed = await _changed(connection, workspace, stored, sent, errors)
        form = await FORMS.update(connection, workspace, id_, changed)
        await book.tell(await raw(connection))
        return form

    form = await writing(request, update_in_transaction)
    _forget(request, id_)
    return answer({"data": _shown(form)})


@needs("delete:forms")
@gives(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a form. Its submissions and leads stay."""
    id_ = id_in(request)

    async def delete_in_transaction(connection: AsyncConnection) -> None:
        await FORMS.delete(connection, workspace_of(request), id_)
        await book.tell(await raw(connection))

    await writing(request, delete_in_transaction)
    _forget(request, id_)
    return web.Response(status=204)


@needs("read:forms")
@asks(FormSubmissionQuery)
@gives(SubmissionRecord, listed=True)
async def submissions(request: web.Request) -> web.Response:
    """List a form's submissions, newest first, including pending ones (`accepted`)."""
    workspace, id_ = workspace_of(request), id_in(request)
    errors: Fields = {}
    page, asked = read_page(request, errors), query_and_errors(request, errors)
    async with listing(request) as connection:
        await FORMS.find(connection, workspace, id_)
        check(errors | await unknown_lead(connection, workspace, asked))
        channel = {"channel": f"form:{id_}"}
        found, total = await page_of_submissions(connection, workspace, page, {**asked, **channel})
    return answer(paged(request, found, page, total, "received_at"))


async def _sent(request: web.Request) -> tuple[Record, Fields]:
    """Return the valid fields of the body, and all errors of the others and between them."""
    body, shape = await json_of(request), description(request.match_info.handler).takes
    assert shape is not None  # noqa: S101
    sent, errors = shape.read(body)
    if "settings" not in sent and isinstance(body.get("settings"), dict):
        sent["settings"] = SETTINGS.read(body["settings"])[0]  # their ids are checked against the database
    for field, messages in contradictions(body.get("fields")).items():
        errors.setdefault(field, []).extend(messages)
    return sent, errors


async def _changed(
    connection: AsyncConnection, workspace_id: int, form: Record, sent: Record, errors: Fields
) -> Record:
    """Return the values to store. Raises ValidationFailed with all errors of the body."""
    changed, settings = dict(sent), sent.get("settings")
    if settings:
        settings, misplaced = await placed(connection, workspace_id, form["settings"], settings)
        errors = errors | misplaced
    check(errors)
    if "fields" in sent:
        changed["fields"] = complete_fields(sent["fields"])
    if "settings" in sent:
        changed["settings"] = merge_settings(form["settings"], settings)
    return changed


def _forget(request: web.Request, id_: int) -> None:
    """Remove the form from the cache of this process.

    With `up` the gateway runs here, and the notification of the change arrives a moment later. A client that submits
    the form right after the response would otherwise meet the old form.
    """
    if forms := request.app.get(book.BOOK):
        forms.forget((workspace_of(request), id_))


def _shown(form: Record) -> Record:
    return {**form, "settings": complete_settings(form["settings"])}
