"""`/api/v1/submissions`: all that was received with its outcome, and processing it again."""

from contextlib import nullcontext

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api import received
from services.api.pages import paged, read_page
from services.api.received import page_of_submissions
from services.api.records import Record, unknown_lead
from services.api.requests import body_of, check, key_of, query_and_errors, workspace_of
from services.api.shapes.submissions import ReplayFields, ReplayRecord, SubmissionQuery, SubmissionRecord
from services.api.state import REPLAY_TURNS, SPOOL, listing, raw, reading, writing
from services.api.waiting import OWNER, find_waiting
from shared import replay as replays
from shared.db import is_unavailable
from shared.errors import Conflict, Fields, NotFound
from shared.replay import Selection
from shared.web.access import any_key, needs, require
from shared.web.answers import answer
from shared.web.describe import asks, gives, takes
from shared.web.paths import uuid_in


@needs("read:operations")
@asks(SubmissionQuery)
@gives(SubmissionRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the submissions, newest first, including pending ones (`accepted`).

    Only the newest part of a large backlog, at most 5,000, is listed and counted in `total`; `/operations` counts all.
    Submissions accepted while the database is down are not listed until it is back, but can be shown by their id.
    """
    errors: Fields = {}
    page, asked = read_page(request, errors), query_and_errors(request, errors)
    async with listing(request) as connection:
        check(errors | await unknown_lead(connection, workspace_of(request), asked))
        found, total = await page_of_submissions(connection, workspace_of(request), page, asked)
    return answer(paged(request, found, page, total, "received_at"))


@any_key
@gives(SubmissionRecord)
async def show(request: web.Request) -> web.Response:
    """Show a submission, from the moment it was accepted.

    A key may read the submissions that it posted; all others of its workspace need `read:operations`. `changes` show
    earlier values of the lead, and are null for a key with neither `read:operations` nor `read:leads`.
    """
    key, wanted, spool = key_of(request), uuid_in(request), request.app[SPOOL]
    try:
        async with reading(request) as connection:
            found = await received.find(connection, spool, key.workspace_id, wanted)
    except Exception as error:
        # While the database is down, accepted submissions are in the spool alone, and can be shown from there.
        if not is_unavailable(error) or not (found := await received.find_spooled(spool, key.workspace_id, wanted)):
            raise
    if found is None:
        raise NotFound
    if found.pop(OWNER) != key.id:
        require(key, "read:operations")
    if not (key.may("read:operations") or key.may("read:leads")):
        found["changes"] = None
    return answer({"data": found})


@needs("write:operations")
@gives(SubmissionRecord, status=202, other_statuses=(409,))
async def replay(request: web.Request) -> web.Response:
    """Process a dead or quarantined submission again. It keeps its id.

    A pending submission is left alone, and the response is the same. A submission that is done is a conflict.
    """
    workspace, wanted = workspace_of(request), uuid_in(request)

    async def replay_in_transaction(connection: AsyncConnection) -> Record:
        await replays.replay(await raw(connection), Selection(ids=[str(wanted)], workspace_id=workspace))
        if waiting := await find_waiting(connection, workspace, wanted):
            return waiting
        if found := await received.find_decided(connection, workspace, wanted):
            raise Conflict(f"The submission is {found['state']}: only a dead or quarantined one can be replayed.")
        raise NotFound

    found = await writing(request, replay_in_transaction)
    del found[OWNER]
    return answer({"data": found}, 202, {"Location": f"/api/v1/submissions/{wanted}"})


@needs("write:operations")
@takes(ReplayFields, required=("state",), example={"state": "dead"})
@gives(ReplayRecord, other_statuses=(202, 409))
async def replay_all(request: web.Request) -> web.Response:
    """Count the dead submissions that match, and with `confirm` process them again.

    Without `confirm` nothing changes: the response has the number that match. `confirm` is either that number, which
    is a conflict if more match by now, or `true` for any number.
    """
    fields = await body_of(request)
    confirm = fields.pop("confirm", None)
    selection = Selection(**fields, workspace_id=workspace_of(request))
    turn = request.app[REPLAY_TURNS].turn(workspace_of(request)) if confirm else nullcontext()
    async with turn, reading(request) as connection:
        database = await raw(connection)  # autocommit: a transaction for each chunk
        count = await replays.count(database, selection)
        if confirm is None or confirm is False:
            return answer({"data": {"count": count, "replayed": 0}})
        if confirm is not True and count > confirm:
            raise Conflict(f"{count} submissions fit by now, not {confirm}.")
        replayed = await replays.replay(database, selection)
    return answer({"data": {"count": count, "replayed": replayed}}, 202)
