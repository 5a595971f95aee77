"""`/api/v1/leads/{id}/person` and `/erase`: what is held on the person behind a lead, and its erasure."""

from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import CIPHER_KEY, driver_connection, reading, writing
from services.api.record_responses import record_response
from services.api.request_parsing import key_of, optional_body_of, workspace_of
from services.api.schemas.person_data import EraseFields, ErasureRecord, PersonReport
from shared.leads.edit import ChangeCause
from shared.people.erasure_preview import preview_erasure
from shared.people.erasures import ErasureRequest, erase_lead, find_erasure
from shared.people.person_report import write_report
from shared.people.person_scope import find_person
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import JSON_MEDIA_TYPE
from shared.service_app.audit import always_audited, audit_as_continued, audit_details
from shared.service_app.authorization import requires_scope

FILE_PATH = "/api/v1/files/{id}"


@requires_scope("read:leads")
@responds(PersonReport)
async def report(request: web.Request) -> web.Response:
    """Show everything that is held on the person behind a lead, as one document.

    It has a member for each kind of rows: what was sent and when, the timeline, messages with each attempt, files with
    their addresses. Secrets of receivers are left out.
    """
    lead_id = path_id(request)
    async with reading(request) as connection:
        database = await driver_connection(connection)
        person = await find_person(database, workspace_of(request), lead_id)
        if person is None:
            raise NotFound
        document = b"".join([piece async for piece in write_report(database, person, FILE_PATH)])
    headers = {"Content-Disposition": f'attachment; filename="person-{person.lead_ids[0]}.json"'}
    return web.Response(body=document, content_type=JSON_MEDIA_TYPE, headers=headers)


@always_audited
@requires_scope("delete:leads")
@request_body(EraseFields, example={"confirm": True, "reason": "Asked for it by letter, case 2026-118"})
@responds(ErasureRecord)
async def erase(request: web.Request) -> web.Response:
    """Erase the person behind a lead everywhere: leads, submissions, files, timeline, messages, imports.

    Without `confirm` nothing is changed, and the answer says what would go. It cannot be undone: a replay, a
    provider's redelivery or a restored backup do not bring the person back. Who comes again afterwards is a new lead.
    A lead that was erased before is answered alike.
    """
    lead_id, fields = path_id(request), await optional_body_of(request)
    if not fields.get("confirm"):
        return await _preview(request, lead_id)
    cause, told = ChangeCause("api", key_of(request).id), fields.get("tell_receivers") is not False
    erasure_request = ErasureRequest(cause, fields.get("reason"), told)

    async def erase_in_transaction(connection: AsyncConnection) -> dict[str, Any]:
        database = await driver_connection(connection)
        return await erase_lead(database, request.app[CIPHER_KEY], workspace_of(request), lead_id, erasure_request)

    erasure = await writing(request, erase_in_transaction)
    audit_details(
        request,
        object=("lead", lead_id),
        reason=erasure["reason"],
        after={"reason": erasure["reason"]},
        count=erasure["total"],
    )
    return record_response(request, erasure)


async def _preview(request: web.Request, lead_id: int) -> web.Response:
    audit_as_continued(request)  # it changes nothing
    async with reading(request) as connection:
        database = await driver_connection(connection)
        record = await find_erasure(database, workspace_of(request), lead_id)
        if found := await _previewed(database, workspace_of(request), lead_id):
            record = found
    if record is None:
        raise NotFound
    return record_response(request, record)


async def _previewed(connection: Connection, workspace_id: int, lead_id: int) -> dict[str, Any] | None:
    person = await find_person(connection, workspace_id, lead_id)
    if person is None:
        return None
    groups = await preview_erasure(connection, person)
    goes = {group.kind: group.goes for group in groups if group.goes}
    return {
        **dict.fromkeys(("id", "reason", "requested_by", "erased_at", "finished_at")),
        "state": "preview",
        "lead_id": lead_id,
        "lead_ids": person.lead_ids,
        "removed": goes,
        "total": sum(goes.values()),
        "groups": [group._asdict() for group in groups],
    }
