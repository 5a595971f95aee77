"""`/api/v1/forms/{id}/draft` and `/versions`: changes that are not published yet, and what was published."""

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import SETTINGS_KEY, driver_connection, reading, writing
from services.api.crud import RecordDict
from services.api.record_responses import record_response
from services.api.request_parsing import optional_body_of, workspace_of
from services.api.resources.forms import FORM_RESOURCE, forget_form, read_form_body
from services.api.schemas.forms import FormDraftRecord, FormRecord, FormVersionRecord, PublishFields
from shared.forms import form_editing
from shared.forms.form_editing import form_record
from shared.forms.form_validation import DraftSent, read_draft_fields
from shared.platform.db.connections import Connection
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.service_app.authorization import API_KEY, requires_scope


@requires_scope("read:forms")
@responds(FormDraftRecord)
async def show_draft(request: web.Request) -> web.Response:
    """Show the draft of a form. Without a draft, this is the published form with the revision 0."""
    async with reading(request) as connection:
        database = await driver_connection(connection)
        found = await form_editing.find_draft(database, workspace_of(request), path_id(request))
        draft = await _with_mail_problem(request, database, found)
    return record_response(request, form_record(draft))


@requires_scope("write:forms")
@request_body(DraftSent, example={"settings": {"title": "Ask for prices"}, "revision": 0})
@responds(FormDraftRecord, other_statuses=(409,))
async def save_draft(request: web.Request) -> web.Response:
    """Save changes to the draft of a form. Visitors see them once the draft is published.

    Fields are replaced as a whole, settings one by one. They may contradict each other until the draft is published:
    `problems` says what stands in the way. A `revision` that is not that of the draft is a conflict.
    """
    workspace, id_, author = workspace_of(request), path_id(request), request[API_KEY].name
    fields, errors = await read_form_body(request, read_draft_fields)

    async def save_in_transaction(connection: AsyncConnection) -> RecordDict:
        database = await driver_connection(connection)
        draft = await form_editing.save_draft(database, workspace, id_, fields, errors, author)
        return await _with_mail_problem(request, database, draft)

    return record_response(request, form_record(await writing(request, save_in_transaction)))


@requires_scope("write:forms")
@responds(None, status=204)
async def discard_draft(request: web.Request) -> web.Response:
    """Throw the draft of a form away. The published form stays as it is."""
    workspace, id_ = workspace_of(request), path_id(request)

    async def discard_in_transaction(connection: AsyncConnection) -> None:
        await form_editing.discard_draft(await driver_connection(connection), workspace, id_)

    await writing(request, discard_in_transaction)
    return web.Response(status=204)


@requires_scope("write:forms")
@request_body(PublishFields, example={"revision": 3})
@responds(FormRecord, other_statuses=(409,))
async def publish(request: web.Request) -> web.Response:
    """Publish the draft of a form: visitors see it from now on, as a new version."""
    workspace, id_, author = workspace_of(request), path_id(request), request[API_KEY].name
    body = await optional_body_of(request)

    async def publish_in_transaction(connection: AsyncConnection) -> RecordDict:
        database = await driver_connection(connection)
        settings, revision = request.app[SETTINGS_KEY], body.get("revision")
        await form_editing.publish_draft(database, settings, workspace, id_, author, revision)
        return await FORM_RESOURCE.find(connection, workspace, id_)

    form = await writing(request, publish_in_transaction)
    forget_form(request, form)
    return record_response(request, form_record(form))


@requires_scope("read:forms")
@responds(list[FormVersionRecord])
async def versions(request: web.Request) -> web.Response:
    """List the published versions of a form, newest first, up to 200."""
    async with reading(request) as connection:
        database = await driver_connection(connection)
        found = await form_editing.list_versions(database, workspace_of(request), path_id(request))
    return record_response(request, found)


@requires_scope("write:forms")
@responds(FormDraftRecord)
async def restore(request: web.Request) -> web.Response:
    """Make a published version the draft of its form, in place of the present draft. Publish it to show it again."""
    workspace, id_, author = workspace_of(request), path_id(request), request[API_KEY].name
    version = path_id(request, "version")

    async def restore_in_transaction(connection: AsyncConnection) -> RecordDict:
        database = await driver_connection(connection)
        draft = await form_editing.restore_version(database, workspace, id_, version, author)
        return await _with_mail_problem(request, database, draft)

    return record_response(request, form_record(await writing(request, restore_in_transaction)))


async def _with_mail_problem(request: web.Request, database: Connection, draft: RecordDict) -> RecordDict:
    workspace, settings = workspace_of(request), request.app[SETTINGS_KEY]
    problem = await form_editing.find_mail_problem(database, settings, workspace, draft)
    return {**draft, "problems": draft["problems"] | problem}
