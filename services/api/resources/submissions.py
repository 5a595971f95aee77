"""`/api/v1/submissions`: all that was received, with its outcome."""

from aiohttp import web

from services.api.context import SPOOL_KEY, driver_connection, listing, reading
from services.api.crud import unknown_reference_errors
from services.api.pages import page_response, read_page
from services.api.record_responses import record_response
from services.api.request_parsing import key_of, query_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.submissions import SubmissionQuery, SubmissionRecord, SubmissionVersionRecord
from services.api.submissions import page_of_submissions, search_page
from shared.intake.submission_lookup import KEY_ID_FIELD, decode_payload, find_payload, find_spooled, find_submission
from shared.intake.submission_versions import list_versions
from shared.platform.db.database_errors import is_unavailable
from shared.platform.errors import FieldErrors, NotFound
from shared.platform.web.openapi import query_params, responds
from shared.platform.web.path_params import path_uuid
from shared.platform.web.responses import json_response
from shared.service_app.authorization import any_key, check_scope, requires_scope

RAW_MEDIA_TYPE = "application/octet-stream"


@requires_scope("read:operations")
@query_params(SubmissionQuery)
@responds(SubmissionRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the submissions, newest first, including pending ones (`accepted`).

    Only the newest part of a large backlog, at most 5,000, is listed and counted in `total`; `/operations` counts all.
    Submissions accepted while the database is down are not listed until it is back, but can be shown by their id.
    A `search` takes two seconds at most and `total` counts what it found; `meta.searched_until` says how far it looked.
    """
    errors: FieldErrors = {}
    workspace, page, query = workspace_of(request), read_page(request, errors), query_and_errors(request, errors)
    more_meta = None
    async with listing(request) as connection:
        raise_if_invalid(errors | await unknown_reference_errors(connection, workspace, query))
        if "search" in query:
            records, total, until = await search_page(connection, workspace, page, query)
            more_meta = {"searched_until": until}
        else:
            records, total = await page_of_submissions(connection, workspace, page, query)
    return json_response(page_response(request, records, page, total, "received_at", more_meta=more_meta))


@any_key
@responds(SubmissionRecord)
async def show(request: web.Request) -> web.Response:
    """Show a submission, from the moment it was accepted.

    A key may read the submissions that it posted; all others of its workspace need `read:operations`. `changes` show
    earlier values of the lead, and are null for a key with neither `read:operations` nor `read:leads`.
    """
    key, wanted, spool = key_of(request), path_uuid(request), request.app[SPOOL_KEY]
    try:
        async with reading(request) as connection:
            submission = await find_submission(await driver_connection(connection), spool, key.workspace_id, wanted)
    except Exception as error:
        # While the database is down, accepted submissions are in the spool alone, and can be shown from there.
        if not is_unavailable(error) or not (submission := await find_spooled(spool, key.workspace_id, wanted)):
            raise
    if submission is None:
        raise NotFound
    record = submission.record
    if record.pop(KEY_ID_FIELD) != key.id:
        check_scope(key, "read:operations")
    if not (key.has_scope("read:operations") or key.has_scope("read:leads")):
        record["changes"] = None
    return record_response(request, record)


@requires_scope("read:operations")
@responds(None, raw=RAW_MEDIA_TYPE)
async def raw(request: web.Request) -> web.Response:
    """Download the payload of a submission as it came, also after it was changed for a replay."""
    workspace, wanted = workspace_of(request), path_uuid(request)
    async with reading(request) as connection:
        payload = await find_payload(await driver_connection(connection), request.app[SPOOL_KEY], workspace, wanted)
    if payload is None:
        raise NotFound
    headers = {"Content-Disposition": f'attachment; filename="{wanted}.json"', "X-Content-Type-Options": "nosniff"}
    return web.Response(body=payload, content_type=RAW_MEDIA_TYPE, headers=headers)


@requires_scope("read:operations")
@responds(list[SubmissionVersionRecord])
async def versions(request: web.Request) -> web.Response:
    """List the payloads of a submission, newest first: as it came, and as it was replayed. None if it never changed."""
    workspace, wanted = workspace_of(request), path_uuid(request)
    async with reading(request) as connection:
        database = await driver_connection(connection)
        if await find_submission(database, request.app[SPOOL_KEY], workspace, wanted) is None:
            raise NotFound
        found = await list_versions(database, workspace, wanted)
    return record_response(request, [{**each, "payload": decode_payload(each["payload"])["payload"]} for each in found])
