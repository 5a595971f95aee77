"""Bulk actions as jobs: the count at first, and with `confirm` of that count the job."""

from typing import Any

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import driver_connection, reading, writing
from services.api.crud import RecordDict, Resource, unknown_reference_errors
from services.api.record_responses import record_response
from services.api.request_parsing import key_of, raise_if_invalid, workspace_of
from services.api.schemas.jobs import JobRecord
from shared.intake.change_author import ChangeAuthor
from shared.intake.payload_changes import changed_payload, validate_changes
from shared.intake.replay import SubmissionRef
from shared.jobs import job_control
from shared.jobs.job_control import JobRequest
from shared.jobs.job_kinds import JobKind
from shared.jobs.job_targets import count_targets, first_targets, read_clock
from shared.jobs.preview import preview_references
from shared.models import Delivery, Job
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors

JOB_RESOURCE = Resource(Job, JobRecord)


def author_of(request: web.Request) -> ChangeAuthor:
    """Return the request's key as the author of a change."""
    key = key_of(request)
    return ChangeAuthor("key", key.id, key.name)


async def count_or_confirm(request: web.Request, kind: JobKind, fields: RecordDict) -> web.Response:
    """Return the count as the response, or with `confirm` the job, as 202. Raises CountMoved and ValidationFailed."""
    wanted = JobRequest(
        kind,
        {name: value for name, value in fields["filter"].items() if value is not None},
        fields.get("rate"),
        fields.get("reason"),
        fields.get("with_automations", True),
        fields.get("changes") or None,
        fields.get("as_of"),
    )
    raise_if_invalid(validate_changes(wanted.changes or ()))
    confirmed = fields.get("confirm")
    if confirmed is None:
        return record_response(request, await _count(request, wanted, fields.get("preview")))
    workspace = workspace_of(request)

    async def confirm_in_transaction(connection: AsyncConnection) -> RecordDict:
        raise_if_invalid(await _filter_errors(connection, workspace, wanted))
        database = await driver_connection(connection)
        job_id = await job_control.confirm_job(database, workspace, wanted, confirmed, author_of(request))
        return await JOB_RESOURCE.find(connection, workspace, job_id)

    job = await writing(request, confirm_in_transaction)
    return record_response(request, job, 202, {"Location": f"/api/v1/jobs/{job['id']}"})


async def _count(request: web.Request, wanted: JobRequest, examples: int | None) -> dict[str, Any]:
    workspace = workspace_of(request)
    async with reading(request) as connection:
        raise_if_invalid(await _filter_errors(connection, workspace, wanted))
        database = await driver_connection(connection)
        as_of = wanted.as_of or await read_clock(database)
        count = await count_targets(database, wanted.kind, workspace, wanted.filters, wanted.as_of)
        answer: dict[str, Any] = {"count": count, "as_of": as_of}
        if examples:
            answer["examples"] = await _examples(database, workspace, wanted, examples)
    return answer


async def _examples(connection: Connection, workspace_id: int, wanted: JobRequest, number: int) -> list[dict[str, Any]]:
    changes = wanted.changes
    targets = await first_targets(connection, wanted.kind, workspace_id, wanted.filters, number, wanted.as_of)
    references = [SubmissionRef(id_, received_at) for id_, received_at in targets]
    edit = (lambda payload: changed_payload(payload, changes)) if changes else None
    return [vars(each) for each in await preview_references(connection, workspace_id, references, edit)]


async def _filter_errors(connection: AsyncConnection, workspace_id: int, wanted: JobRequest) -> FieldErrors:
    errors = await unknown_reference_errors(connection, workspace_id, wanted.filters)
    if wanted.kind == "deliveries" and (named := wanted.filters.get("ids")):
        query = select(Delivery.id).where(Delivery.workspace_id == workspace_id, Delivery.id.in_(named))
        known = set((await connection.execute(query)).scalars())
        if unknown := [id_ for id_ in named if id_ not in known]:
            errors["ids"] = [f"There is no delivery {unknown[0]}."]
    return {f"filter.{name}": messages for name, messages in errors.items()}
