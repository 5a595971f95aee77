"""`/api/v1/workspace`: the settings of the key's workspace."""

from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import CIPHER_KEY, SETTINGS_KEY, driver_connection, reading, writing
from services.api.record_responses import record_response
from services.api.request_parsing import body_of, query_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.workspace import PreviewQuery, WorkspaceSettingsRecord
from shared.platform.errors import FieldErrors
from shared.platform.web.openapi import query_params, request_body, responds
from shared.service_app.audit import audit_as_continued, audit_details
from shared.service_app.authorization import requires_scope
from shared.workspace_changes.change_effects import preview_effects
from shared.workspace_changes.workspace_fields import WorkspaceFields
from shared.workspace_changes.workspace_record import (
    WorkspaceJson,
    audited_changes,
    change_workspace,
    changed_record,
    read_workspace,
)


@requires_scope("*")
@responds(WorkspaceSettingsRecord)
async def show(request: web.Request) -> web.Response:
    """Show the settings of the workspace."""
    async with reading(request) as connection:
        database, app = await driver_connection(connection), request.app
        record = await read_workspace(database, app[CIPHER_KEY], app[SETTINGS_KEY], workspace_of(request))
    return record_response(request, record)


@requires_scope("*")
@query_params(PreviewQuery)
@request_body(WorkspaceFields, example={"country": "NO", "never_join": ["info@", "desk@firm.example"]})
@responds(WorkspaceSettingsRecord)
async def update(request: web.Request) -> web.Response:
    """Change settings of the workspace. Only what is sent changes; leads that are there stay as they are.

    With `preview=1` nothing changes: the answer is the workspace as it would be, with the `effects` of each change.
    `never_join` replaces the list. Its entries stay on leads and recognise nobody from the next lead on.
    A shorter retention deletes what is older within the day, and that cannot be brought back.
    `alarms` says who is told of which, and from when on it rings: null sets one back to its default.
    `mail` connects, changes or disconnects the workspace's own mail server. Mails that wait go out by it at once.
    """
    errors: FieldErrors = {}
    query = query_and_errors(request, errors)
    raise_if_invalid(errors)
    fields, workspace_id = await body_of(request), workspace_of(request)
    cipher, settings = request.app[CIPHER_KEY], request.app[SETTINGS_KEY]
    if query.get("preview"):
        return record_response(request, await _preview(request, fields))

    async def change_in_transaction(connection: AsyncConnection) -> tuple[WorkspaceJson, WorkspaceJson]:
        return await change_workspace(await driver_connection(connection), cipher, settings, workspace_id, fields)

    before, after = await writing(request, change_in_transaction)
    was, now = audited_changes(before, after)
    audit_details(request, object=("workspace", workspace_id), before=was, after=now)
    return record_response(request, after)


async def _preview(request: web.Request, fields: dict[str, Any]) -> WorkspaceJson:
    audit_as_continued(request)  # it changes nothing
    settings = request.app[SETTINGS_KEY]
    async with reading(request) as connection:
        database = await driver_connection(connection)
        before = await read_workspace(database, request.app[CIPHER_KEY], settings, workspace_of(request))
        after = await changed_record(database, before, fields, settings)
        effects = await preview_effects(database, before, after, settings.keep_days)
    return {**after, "effects": [effect.to_json() for effect in effects]}
