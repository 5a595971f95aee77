"""`/api/v1/forms`: the definitions of forms. Submissions go to the gateway, like every lead."""

import secrets

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import driver_connection, listing, reading, writing
from services.api.crud import RecordDict, Resource, unknown_reference_errors
from services.api.pages import page_of, page_response, read_page
from services.api.request_parsing import json_of, query_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.forms import FormRecord, FormSent
from services.api.schemas.submissions import FormSubmissionQuery, SubmissionRecord
from services.api.submissions import page_of_submissions
from shared.errors import FieldErrors
from shared.forms import form_cache
from shared.forms.definition import (
    FormSettings,
    complete_fields,
    complete_settings,
    find_contradictions,
    merge_settings,
)
from shared.leads import reference_locks
from shared.leads.placement_settings import complete_placement
from shared.models import Form, folded_count
from shared.validation.schema import FieldsSchema
from shared.web.audit import audit_change, audit_details
from shared.web.authorization import requires_scope
from shared.web.openapi import operation_description, query_params, request_body, responds
from shared.web.path_params import path_id
from shared.web.responses import json_response

FORM_SETTINGS_SCHEMA = FieldsSchema(FormSettings)
PUBLIC_ID_BYTES = 12  # bytes of a public id
FORM_EXAMPLE = {
    "name": "Contact",
    "fields": [
        {"key": "email", "label": "Email", "type": "email", "required": True, "maps_to": "email"},
        {"key": "message", "label": "Message", "type": "textarea", "maps_to": "notes"},
    ],
}


FORM_RESOURCE = Resource(Form, FormRecord, {"submissions_count": folded_count("form", Form.workspace_id, Form.id)})


@requires_scope("read:forms")
@responds(FormRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the forms, newest first."""
    page = page_of(request)
    async with listing(request) as connection:
        forms, total = await FORM_RESOURCE.read_page(connection, workspace_of(request), page)
    return json_response(page_response(request, [_form_record(form) for form in forms], page, total))


@requires_scope("write:forms")
@request_body(FormSent, required=("name",), example=FORM_EXAMPLE)
@responds(FormRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a form. Omitted members of its fields and settings have their defaults."""
    workspace = workspace_of(request)
    sent, errors = await _read_form_body(request)

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        changed = await _form_values(connection, workspace, {"settings": {}}, {"settings": {}, **sent}, errors)
        public_id = secrets.token_urlsafe(PUBLIC_ID_BYTES)
        form = await FORM_RESOURCE.insert(connection, workspace, {"fields": [], **changed, "public_id": public_id})
        await form_cache.notify_changed(await driver_connection(connection))  # a cache may hold its id as unknown
        return form

    form = await writing(request, create_in_transaction)
    _invalidate_form(request, form["id"])
    return json_response({"data": _form_record(form)}, 201, {"Location": f"/api/v1/forms/{form['id']}"})


@requires_scope("read:forms")
@responds(FormRecord)
async def show(request: web.Request) -> web.Response:
    """Show a form."""
    async with reading(request) as connection:
        return json_response(
            {"data": _form_record(await FORM_RESOURCE.find(connection, workspace_of(request), path_id(request)))}
        )


@requires_scope("write:forms")
@request_body(FormSent, example={"settings": {"success_message": "Thank you!"}})
@responds(FormRecord)
async def update(request: web.Request) -> web.Response:
    """Change a form. Fields are replaced as a whole, settings one by one: null sets one back to its default."""
    workspace, id_ = workspace_of(request), path_id(request)
    sent, errors = await _read_form_body(request)

    async def update_in_transaction(connection: AsyncConnection) -> RecordDict:
        await reference_locks.lock_shared(await driver_connection(connection), [workspace])
        stored = await FORM_RESOURCE.find_for_update(connection, workspace, id_)
        audit_change(request, stored, sent)
        changed = await _form_values(connection, workspace, stored, sent, errors)
        form = await FORM_RESOURCE.update(connection, workspace, id_, changed)
        await form_cache.notify_changed(await driver_connection(connection))
        return form

    form = await writing(request, update_in_transaction)
    _invalidate_form(request, id_)
    return json_response({"data": _form_record(form)})


@requires_scope("delete:forms")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a form. Its submissions and leads stay."""
    id_ = path_id(request)

    async def delete_in_transaction(connection: AsyncConnection) -> None:
        await FORM_RESOURCE.delete(connection, workspace_of(request), id_)
        await form_cache.notify_changed(await driver_connection(connection))

    await writing(request, delete_in_transaction)
    _invalidate_form(request, id_)
    return web.Response(status=204)


@requires_scope("read:forms")
@query_params(FormSubmissionQuery)
@responds(SubmissionRecord, listed=True)
async def submissions(request: web.Request) -> web.Response:
    """List a form's submissions, newest first, including pending ones (`accepted`)."""
    workspace, id_ = workspace_of(request), path_id(request)
    errors: FieldErrors = {}
    page, asked = read_page(request, errors), query_and_errors(request, errors)
    async with listing(request) as connection:
        await FORM_RESOURCE.find(connection, workspace, id_)
        raise_if_invalid(errors | await unknown_reference_errors(connection, workspace, asked))
        channel = {"channel": f"form:{id_}"}
        found, total = await page_of_submissions(connection, workspace, page, {**asked, **channel})
    return json_response(page_response(request, found, page, total, "received_at"))


async def _read_form_body(request: web.Request) -> tuple[RecordDict, FieldErrors]:
    """Return the valid fields of the body, and all errors of the others and between them."""
    body, shape = await json_of(request), operation_description(request.match_info.handler).body_schema
    assert shape is not None  # noqa: S101
    sent, errors = shape.validate_fields(body)
    if "settings" not in sent and isinstance(body.get("settings"), dict):
        sent["settings"] = FORM_SETTINGS_SCHEMA.validate_fields(body["settings"])[
            0
        ]  # their ids are checked against the database
    for field, messages in find_contradictions(body.get("fields")).items():
        errors.setdefault(field, []).extend(messages)
    audit_details(request, after=sent)
    return sent, errors


async def _form_values(
    connection: AsyncConnection, workspace_id: int, form: RecordDict, sent: RecordDict, errors: FieldErrors
) -> RecordDict:
    """Return the values to store. Raises ValidationFailed with all errors of the body."""
    changed, settings = dict(sent), sent.get("settings")
    if settings:
        settings, misplaced = await complete_placement(
            await driver_connection(connection), workspace_id, form["settings"], settings
        )
        errors = errors | misplaced
    raise_if_invalid(errors)
    if "fields" in sent:
        changed["fields"] = complete_fields(sent["fields"])
    if "settings" in sent:
        changed["settings"] = merge_settings(form["settings"], settings)
    return changed


def _invalidate_form(request: web.Request, id_: int) -> None:
    """Remove the form from the cache of this process.

    With `up` the gateway runs here, and the notification of the change arrives a moment later. A client that submits
    the form right after the response would otherwise meet the old form.
    """
    if forms := request.app.get(form_cache.FORM_CACHE):
        forms.invalidate((workspace_of(request), id_))


def _form_record(form: RecordDict) -> RecordDict:
    return {**form, "settings": complete_settings(form["settings"])}
