"""`/api/v1/submissions`: all that was received with its outcome, and processing it again."""

from contextlib import nullcontext

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api import submissions
from services.api.context import REPLAY_LIMITER, SPOOL_KEY, driver_connection, listing, reading, writing
from services.api.crud import RecordDict, unknown_reference_errors
from services.api.pages import page_response, read_page
from services.api.pending_submissions import KEY_ID_FIELD, find_pending
from services.api.request_parsing import body_of, key_of, query_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.submissions import ReplayFields, ReplayRecord, SubmissionQuery, SubmissionRecord
from services.api.submissions import page_of_submissions
from shared.db.errors import is_unavailable
from shared.errors import Conflict, FieldErrors, NotFound
from shared.intake import replay as replays
from shared.intake.replay import ReplaySelection
from shared.web.authorization import any_key, check_scope, requires_scope
from shared.web.openapi import query_params, request_body, responds
from shared.web.path_params import path_uuid
from shared.web.responses import json_response


@requires_scope("read:operations")
@query_params(SubmissionQuery)
@responds(SubmissionRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the submissions, newest first, including pending ones (`accepted`).

    Only the newest part of a large backlog, at most 5,000, is listed and counted in `total`; `/operations` counts all.
    Submissions accepted while the database is down are not listed until it is back, but can be shown by their id.
    """
    errors: FieldErrors = {}
    page, asked = read_page(request, errors), query_and_errors(request, errors)
    async with listing(request) as connection:
        raise_if_invalid(errors | await unknown_reference_errors(connection, workspace_of(request), asked))
        found, total = await page_of_submissions(connection, workspace_of(request), page, asked)
    return json_response(page_response(request, found, page, total, "received_at"))


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
            found = await submissions.find_submission(connection, spool, key.workspace_id, wanted)
    except Exception as error:
        # While the database is down, accepted submissions are in the spool alone, and can be shown from there.
        if not is_unavailable(error) or not (found := await submissions.find_spooled(spool, key.workspace_id, wanted)):
            raise
    if found is None:
        raise NotFound
    if found.pop(KEY_ID_FIELD) != key.id:
        check_scope(key, "read:operations")
    if not (key.has_scope("read:operations") or key.has_scope("read:leads")):
        found["changes"] = None
    return json_response({"data": found})


@requires_scope("write:operations")
@responds(SubmissionRecord, status=202, other_statuses=(409,))
async def replay(request: web.Request) -> web.Response:
    """Process a dead or quarantined submission again. It keeps its id.

    A pending submission is left alone, and the response is the same. A submission that is done is a conflict.
    """
    workspace, wanted = workspace_of(request), path_uuid(request)

    async def replay_in_transaction(connection: AsyncConnection) -> RecordDict:
        await replays.replay_submissions(
            await driver_connection(connection), ReplaySelection(ids=[str(wanted)], workspace_id=workspace)
        )
        if waiting := await find_pending(connection, workspace, wanted):
            return waiting
        if found := await submissions.find_decided(connection, workspace, wanted):
            raise Conflict(f"The submission is {found['state']}: only a dead or quarantined one can be replayed.")
        raise NotFound

    found = await writing(request, replay_in_transaction)
    del found[KEY_ID_FIELD]
    return json_response({"data": found}, 202, {"Location": f"/api/v1/submissions/{wanted}"})


@requires_scope("write:operations")
@request_body(ReplayFields, required=("state",), example={"state": "dead"})
@responds(ReplayRecord, other_statuses=(202, 409))
async def replay_all(request: web.Request) -> web.Response:
    """Count the dead submissions that match, and with `confirm` process them again.

    Without `confirm` nothing changes: the response has the number that match. `confirm` is either that number, which
    is a conflict if more match by now, or `true` for any number.
    """
    fields = await body_of(request)
    confirm = fields.pop("confirm", None)
    selection = ReplaySelection(**fields, workspace_id=workspace_of(request))
    turn = request.app[REPLAY_LIMITER].slot(workspace_of(request)) if confirm else nullcontext()
    async with turn, reading(request) as connection:
        database = await driver_connection(connection)  # autocommit: a transaction for each chunk
        count = await replays.count_replayable(database, selection)
        if confirm is None or confirm is False:
            return json_response({"data": {"count": count, "replayed": 0}})
        if confirm is not True and count > confirm:
            raise Conflict(f"{count} submissions fit by now, not {confirm}.")
        replayed = await replays.replay_submissions(database, selection)
    return json_response({"data": {"count": count, "replayed": replayed}}, 202)
