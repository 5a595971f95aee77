"""`/api/v1/submissions`: replay, release and reject, of one at once and of many as a job."""

from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.bulk_jobs import author_of, count_or_confirm
from services.api.context import driver_connection, writing
from services.api.crud import RecordDict
from services.api.record_responses import record_response
from services.api.request_parsing import body_of, optional_body_of, raise_if_invalid, workspace_of
from services.api.schemas.jobs import (
    BulkCountRecord,
    BulkFields,
    BulkReleaseFields,
    BulkReplayFields,
    JobRecord,
)
from services.api.schemas.submissions import RejectFields, ReleaseFields, ReplayFields, SubmissionRecord
from shared.intake.payload_changes import checked_payload, replace_payload
from shared.intake.replay import (
    FoundReference,
    PayloadEdit,
    ReplayableState,
    ReplayOptions,
    find_reference,
    reject_submissions,
    replay_submissions,
)
from shared.intake.submission_lookup import KEY_ID_FIELD, find_decided, find_pending
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, NotFound
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_uuid
from shared.service_app.authorization import requires_scope

BULK_EXAMPLE = {"filter": {"source": "website"}}
RELEASE_FIRST_MESSAGE = "The submission is quarantined: release it, or reject it."
NOT_DEAD_MESSAGE = "The submission is {state}: only a dead one can be replayed."
NOT_HELD_MESSAGE = "The submission is {state}: only a quarantined one can be released or rejected."
REJECTED_MESSAGE = "The submission was rejected already."


@requires_scope("write:operations")
@request_body(ReplayFields, example={"payload": {"email": "ada@example.com"}, "reason": "A typo in the address"})
@responds(SubmissionRecord, status=202, other_statuses=(409,))
async def replay(request: web.Request) -> web.Response:
    """Process a dead submission again, as it is or with another payload. It keeps its id.

    What came stays as it came: see its versions. A pending submission is left alone, and the response is the same. A
    submission that is done is a conflict, and so is a quarantined one: release it.
    """
    fields = await optional_body_of(request)
    payload = fields.get("payload")
    return await _send_back(request, "dead", fields, None if payload is None else _replacement(payload))


@requires_scope("write:operations")
@request_body(ReleaseFields, example={"reason": "A customer"})
@responds(SubmissionRecord, status=202, other_statuses=(409,))
async def release(request: web.Request) -> web.Response:
    """Let a quarantined submission go on as if it had come now, also one that was rejected.

    It keeps its id and the time when it was received. A pending submission is left alone, and the response is the same.
    """
    return await _send_back(request, "quarantined", await optional_body_of(request), None)


@requires_scope("write:operations")
@request_body(RejectFields, example={"reason": "Spam"})
@responds(SubmissionRecord, other_statuses=(409,))
async def reject(request: web.Request) -> web.Response:
    """Confirm that a quarantined submission is spam. It stays quarantined, and can still be released."""
    await optional_body_of(request)
    workspace, wanted = workspace_of(request), path_uuid(request)

    async def reject_in_transaction(connection: AsyncConnection) -> RecordDict:
        database = await driver_connection(connection)
        submission = await find_reference(database, workspace, wanted)
        if submission is None:
            await _raise_if_pending(database, workspace, wanted)
            raise NotFound
        if submission.state != "quarantined":
            raise Conflict(NOT_HELD_MESSAGE.format(state=submission.state))
        if not await reject_submissions(database, workspace, [submission.reference]):
            raise Conflict(REJECTED_MESSAGE)
        rejected = await find_decided(database, workspace, wanted)
        assert rejected is not None  # noqa: S101  # its row is locked
        return rejected.record

    found = await writing(request, reject_in_transaction)
    del found[KEY_ID_FIELD]
    return record_response(request, found)


@requires_scope("write:operations")
@request_body(BulkReplayFields, required=("filter",), example=BULK_EXAMPLE)
@responds(BulkCountRecord, other_statuses=(202, 409), schemas_by_status={202: JobRecord})
async def replay_all(request: web.Request) -> web.Response:
    """Count the dead submissions that match, and with `confirm` and `as_of` process them again as a job.

    Without `confirm` nothing changes. The job takes what matched at `as_of` and matches still; what came later stays.
    Without `as_of` another number is a conflict, which names it.
    `changes` are made to each payload before; `preview` shows on a few examples what would become of them.
    """
    return await count_or_confirm(request, "replay", await body_of(request))


@requires_scope("write:operations")
@request_body(BulkReleaseFields, required=("filter",), example=BULK_EXAMPLE)
@responds(BulkCountRecord, other_statuses=(202, 409), schemas_by_status={202: JobRecord})
async def release_all(request: web.Request) -> web.Response:
    """Count the quarantined submissions that match, and with `confirm` and `as_of` release them as a job.

    Those that were rejected are left out, unless the filter says `rejected`. So are those whose sender has not
    confirmed the address yet (double opt-in), unless `ids` names them.
    """
    return await count_or_confirm(request, "release", await body_of(request))


@requires_scope("write:operations")
@request_body(BulkFields, required=("filter",), example=BULK_EXAMPLE)
@responds(BulkCountRecord, other_statuses=(202, 409), schemas_by_status={202: JobRecord})
async def reject_all(request: web.Request) -> web.Response:
    """Count the quarantined submissions that match, and with `confirm` and `as_of` reject them as a job.

    Those whose sender has not confirmed the address yet (double opt-in) are left out, unless `ids` names them.
    """
    return await count_or_confirm(request, "reject", await body_of(request))


def _replacement(payload: dict[str, Any]) -> PayloadEdit:
    def edit(before: Any) -> dict[str, Any]:
        after, errors = checked_payload(replace_payload(before, payload))
        raise_if_invalid({f"payload.{name}": messages for name, messages in errors.items()})
        return after

    return edit


async def _send_back(
    request: web.Request, state: ReplayableState, fields: RecordDict, edit: PayloadEdit | None
) -> web.Response:
    """Return a submission to the journal and respond with it as it waits there. Raises NotFound and Conflict."""
    workspace, wanted = workspace_of(request), path_uuid(request)
    with_automations = fields.get("with_automations", True)
    options = ReplayOptions(state, author_of(request), fields.get("reason"), with_automations, edit)

    async def send_back_in_transaction(connection: AsyncConnection) -> RecordDict:
        database = await driver_connection(connection)
        submission = await find_reference(database, workspace, wanted)
        if submission:
            _expect_state(submission, state)
            await replay_submissions(database, workspace, [submission.reference], options)
        if waiting := await find_pending(database, workspace, wanted):
            return waiting.record
        raise NotFound

    sent = await writing(request, send_back_in_transaction)
    del sent[KEY_ID_FIELD]
    return record_response(request, sent, 202, {"Location": f"/api/v1/submissions/{wanted}"})


def _expect_state(submission: FoundReference, state: ReplayableState) -> None:
    if submission.state == state:
        return
    if state == "quarantined":
        raise Conflict(NOT_HELD_MESSAGE.format(state=submission.state))
    raise Conflict(
        RELEASE_FIRST_MESSAGE if submission.state == "quarantined" else NOT_DEAD_MESSAGE.format(state=submission.state)
    )


async def _raise_if_pending(connection: Connection, workspace_id: int, wanted: Any) -> None:
    if await find_pending(connection, workspace_id, wanted):
        raise Conflict(NOT_HELD_MESSAGE.format(state="accepted"))
