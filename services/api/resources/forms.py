"""`/api/v1/forms`: the definitions of forms. Submissions go to the gateway, like every lead."""

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import SETTINGS_KEY, driver_connection, listing, reading, writing
from services.api.crud import RecordDict, Resource, unknown_reference_errors
from services.api.pages import page_of, page_response, read_page
from services.api.record_responses import record_response
from services.api.request_parsing import json_of, query_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.forms import FormRecord
from services.api.schemas.submissions import FormSubmissionQuery, SubmissionRecord
from services.api.submissions import page_of_submissions
from shared.forms import form_cache, form_editing
from shared.forms.form_editing import form_record
from shared.forms.form_validation import FormSent, read_form_fields
from shared.models import Form, folded_count
from shared.platform.errors import FieldErrors
from shared.platform.validation.schema import FieldsSchema
from shared.platform.web.openapi import operation_description, query_params, request_body, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response
from shared.service_app.audit import audit_change, audit_details
from shared.service_app.authorization import API_KEY, requires_scope

FieldsReader = Callable[[Mapping[str, Any], FieldsSchema], tuple[RecordDict, FieldErrors]]

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
    return json_response(page_response(request, [form_record(form) for form in forms], page, total))


@requires_scope("write:forms")
@request_body(FormSent, required=("name",), example=FORM_EXAMPLE)
@responds(FormRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a form. It is published at once. Omitted members of its fields and settings have their defaults."""
    workspace, author = workspace_of(request), request[API_KEY].name
    fields, errors = await read_form_body(request, read_form_fields)

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        database, settings = await driver_connection(connection), request.app[SETTINGS_KEY]
        form = await form_editing.create_form(database, settings, workspace, fields, errors, author)
        return await FORM_RESOURCE.find(connection, workspace, form["id"])

    form = await writing(request, create_in_transaction)
    forget_form(request, form)
    return record_response(request, form_record(form), 201, {"Location": f"/api/v1/forms/{form['id']}"})


@requires_scope("read:forms")
@responds(FormRecord)
async def show(request: web.Request) -> web.Response:
    """Show a form, as it is published."""
    async with reading(request) as connection:
        form = await FORM_RESOURCE.find(connection, workspace_of(request), path_id(request))
    return record_response(request, form_record(form))


@requires_scope("write:forms")
@request_body(FormSent, example={"settings": {"success_message": "Thank you!"}})
@responds(FormRecord)
async def update(request: web.Request) -> web.Response:
    """Change a form; the change is published at once.

    Fields are replaced as a whole, settings one by one: null sets one back to its default.
    """
    workspace, id_, author = workspace_of(request), path_id(request), request[API_KEY].name
    fields, errors = await read_form_body(request, read_form_fields)

    async def update_in_transaction(connection: AsyncConnection) -> RecordDict:
        database = await driver_connection(connection)
        stored = await form_editing.lock_form(database, workspace, id_)
        audit_change(request, stored, fields)
        await form_editing.change_form(database, request.app[SETTINGS_KEY], workspace, stored, fields, errors, author)
        return await FORM_RESOURCE.find(connection, workspace, id_)

    form = await writing(request, update_in_transaction)
    forget_form(request, form)
    return record_response(request, form_record(form))


@requires_scope("delete:forms")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a form. Its submissions and leads stay."""
    workspace, id_ = workspace_of(request), path_id(request)

    async def delete_in_transaction(connection: AsyncConnection) -> RecordDict:
        form = await FORM_RESOURCE.find(connection, workspace, id_)
        await form_editing.delete_form(await driver_connection(connection), workspace, id_)
        return form

    forget_form(request, await writing(request, delete_in_transaction))
    return web.Response(status=204)


@requires_scope("read:forms")
@query_params(FormSubmissionQuery)
@responds(SubmissionRecord, listed=True)
async def submissions(request: web.Request) -> web.Response:
    """List a form's submissions, newest first, including pending ones (`accepted`)."""
    workspace, id_ = workspace_of(request), path_id(request)
    errors: FieldErrors = {}
    page, query = read_page(request, errors), query_and_errors(request, errors)
    async with listing(request) as connection:
        await FORM_RESOURCE.find(connection, workspace, id_)
        raise_if_invalid(errors | await unknown_reference_errors(connection, workspace, query))
        channel = {"channel": f"form:{id_}"}
        found, total = await page_of_submissions(connection, workspace, page, {**query, **channel})
    return json_response(page_response(request, found, page, total, "received_at"))


async def read_form_body(request: web.Request, read_fields: FieldsReader) -> tuple[RecordDict, FieldErrors]:
    """Return the valid members of a form or draft in the body, and all errors."""
    body, schema = await json_of(request), operation_description(request.match_info.handler).body_schema
    assert schema is not None  # noqa: S101
    sent, errors = read_fields(body, schema)
    audit_details(request, after=sent)
    return sent, errors


def forget_form(request: web.Request, form: RecordDict) -> None:
    """Remove the form from the caches of this process."""
    form_cache.forget_form(request.app, workspace_of(request), form)
