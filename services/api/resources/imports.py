"""`/api/v1/imports`: files of leads, and what became of their rows."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.bulk_jobs import author_of
from services.api.context import SETTINGS_KEY, driver_connection, reading, writing
from services.api.pages import CursorPage, PageRequest, cursor_response, page_of, page_response, read_page
from services.api.record_responses import record_response
from services.api.request_parsing import optional_body_of, query_and_errors, query_of, raise_if_invalid, workspace_of
from services.api.schemas.imports import (
    ImportFields,
    ImportQuery,
    ImportRecord,
    ImportRowQuery,
    ImportRowRecord,
    ImportRunFields,
)
from shared.files.streamed_download import stream_download
from shared.imports import import_control
from shared.imports.import_quota import ImportLimits, require_import_room
from shared.imports.import_report import RowChoice, read_rows, report_csv_pieces
from shared.imports.import_storage import store_import
from shared.imports.import_upload import MAX_FILE_BYTES, UploadedTable, plan_import
from shared.imports.text_encoding import EncodingJudge
from shared.imports.workbook_upload import readable_table
from shared.platform.cursors import CursorPosition
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors, ValidationFailed
from shared.platform.web.file_upload import received_upload
from shared.platform.web.openapi import query_params, request_body, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response
from shared.service_app.audit import always_audited, audit_details
from shared.service_app.authorization import requires_scope

RECORD_FIELDS = tuple(ImportRecord.__annotations__)


@always_audited
@requires_scope("write:leads")
@query_params(ImportQuery)
@request_body(
    ImportFields,
    required=("file",),
    media=("multipart/form-data",),
    example={"file": "email,name\nmary@example.com,Mary Jackson\n", "options": '{"source": "conference"}'},
)
@responds(ImportRecord, status=202, other_statuses=(409,))
async def create(request: web.Request) -> web.Response:
    """Import a file of leads, or with `dry_run=1` show what would become of each row.

    The answer comes when the file is stored; `GET /api/v1/imports/{id}` shows how far it is. Rows take the way of every
    lead: the same dedupe, the same answer, and none is lost or doubled if something dies.

    A workspace may have 20 imports with 2 GB that wait or are dry runs, and the file of a dry run is kept for a day.
    One more is a conflict: 409, and the message says what fills the room.
    """
    query = query_of(request)  # a wrong one is refused before the file is read
    errors, judge = FieldErrors(), EncodingJudge()
    settings = request.app[SETTINGS_KEY]
    folder, limits = settings.files_folder, ImportLimits.from_settings(settings)
    async with reading(request) as connection:
        sent_bytes = request.content_length or 0
        await require_import_room(await driver_connection(connection), workspace_of(request), limits, sent_bytes)
    reserve = settings.disk_reserve_mb << 20
    async with received_upload(request, folder, MAX_FILE_BYTES, judge.feed, reserve) as upload:
        table = UploadedTable(upload.file, upload.name, upload.size, judge) if upload.file is not None else None
        is_dry_run = bool(query.get("dry_run"))
        async with readable_table(table, folder, errors) as readable:
            new = await plan_import(readable, upload.texts.get("options", ""), errors, is_dry_run=is_dry_run)
            if new is None or readable is None or errors:
                raise ValidationFailed(errors)
            file = readable.file

            async def store(connection: AsyncConnection) -> import_control.ImportJson:
                database, workspace = await driver_connection(connection), workspace_of(request)
                import_id = await store_import(database, workspace, new, file, author_of(request), limits)
                return await import_control.read_import(database, workspace, import_id)

            found = await writing(request, store)
    audit_details(request, action="import.created", object=("import", found["id"]))
    return record_response(request, _record_of(found), 202, {"Location": f"/api/v1/imports/{found['id']}"})


@requires_scope("read:leads")
@responds(ImportRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the imports, newest first, with those that were undone and dry runs."""
    page = page_of(request)
    after = page.walk.after if page.walk else None
    async with reading(request) as connection:
        database, workspace = await driver_connection(connection), workspace_of(request)
        if page.walk:
            before = after.id if after else None
            imports, _ = await import_control.list_imports(database, workspace, limit=page.size + 1, before=before)
            imports, total = imports[: page.size], len(imports)
        else:
            imports, total = await import_control.list_imports(database, workspace, limit=page.size, offset=page.offset)
    return json_response(page_response(request, [_record_of(one) for one in imports], page, total))


@requires_scope("read:leads")
@responds(ImportRecord)
async def show(request: web.Request) -> web.Response:
    """Show an import."""
    async with reading(request) as connection:
        found = await _find(await driver_connection(connection), request)
    return record_response(request, _record_of(found))


@requires_scope("read:leads")
@query_params(ImportRowQuery)
@responds(ImportRowRecord, listed=True)
async def rows(request: web.Request) -> web.Response:
    """List the rows of an import that have their verdict, in the order of the file."""
    path_id(request)
    errors: FieldErrors = {}
    page, query = read_page(request, errors), query_and_errors(request, errors)
    raise_if_invalid(errors)
    async with reading(request) as connection:
        database = await driver_connection(connection)
        import_row = await _find(database, request)
        state = query.get("state")
        if page.walk:
            return json_response(await _walk_rows(request, database, import_row, state, page, page.walk))
        listed = await read_rows(
            database, workspace_of(request), import_row, state, limit=page.size, offset=page.offset
        )
    total = (
        import_row[state] if state else sum(import_row[name] for name in ("created", "merged", "unchanged", "invalid"))
    )
    return json_response(page_response(request, listed, page, total))


async def _walk_rows(
    request: web.Request,
    connection: Connection,
    import_row: import_control.ImportJson,
    state: RowChoice | None,
    page: PageRequest,
    walk: CursorPage,
) -> dict[str, Any]:
    after = walk.after.id if walk.after else 0
    listed = await read_rows(connection, workspace_of(request), import_row, state, limit=page.size + 1, after=after)
    data = listed[: page.size]
    more = len(listed) > page.size
    cursor = walk.signer.encode_position(CursorPosition(None, data[-1]["row"])) if more else None
    return cursor_response(request, data, page, cursor)


@always_audited
@requires_scope("read:leads")
@query_params(ImportRowQuery)
@responds(None, raw="text/csv")
async def rows_csv(request: web.Request) -> web.StreamResponse:
    """Download the rows of an import as CSV: the cells as they were sent, with the row's number, state and reasons.

    Rows that are mended in it can be imported again as they stand.
    """
    path_id(request)
    state, workspace = query_of(request).get("state"), workspace_of(request)
    async with reading(request) as connection:
        import_row = await _find(await driver_connection(connection), request)

    async def read_next(after: int) -> list[dict[str, Any]]:
        async with reading(request) as connection:
            return await read_rows(await driver_connection(connection), workspace, import_row, state, after=after)

    pieces: AsyncIterator[bytes] = report_csv_pieces(import_row, read_next)
    return await stream_download(request, f"import-{import_row['id']}.csv", "text/csv", pieces)


@always_audited
@requires_scope("write:leads")
@request_body(ImportRunFields, example={"run_automations": False})
@responds(ImportRecord, status=202, other_statuses=(409,))
async def run(request: web.Request) -> web.Response:
    """Import what a dry run showed, without sending the file again. The answer is a new import."""
    fields = await optional_body_of(request)
    runs_automations = bool(fields.get("run_automations"))

    async def start(connection: Connection, workspace: int, import_id: int) -> int:
        author = author_of(request)
        return await import_control.run_dry_run(
            connection, workspace, import_id, author, run_automations=runs_automations
        )

    return await _steer(request, start)


@always_audited
@requires_scope("write:leads")
@responds(ImportRecord, other_statuses=(409,))
async def cancel(request: web.Request) -> web.Response:
    """Read no more rows of an import. The few that are on their way still become leads.

    Of a dry run that has ended, the file is deleted.
    """

    async def stop(connection: Connection, workspace: int, import_id: int) -> int:
        await import_control.cancel_import(connection, workspace, import_id)
        return import_id

    return await _steer(request, stop, status=200)


@always_audited
@requires_scope("write:leads")
@responds(ImportRecord, status=202, other_statuses=(409,))
async def undo(request: web.Request) -> web.Response:
    """Undo an import, as a job: leads that it made and nobody touched go, and values that it filled are taken back."""

    async def start(connection: Connection, workspace: int, import_id: int) -> int:
        await import_control.undo_import(connection, workspace, import_id, author_of(request))
        return import_id

    return await _steer(request, start)


async def _steer(
    request: web.Request, steer: Callable[[Connection, int, int], Awaitable[int]], status: int = 202
) -> web.Response:
    import_id, workspace = path_id(request), workspace_of(request)

    async def steer_in_transaction(connection: AsyncConnection) -> import_control.ImportJson:
        database = await driver_connection(connection)
        shown = await steer(database, workspace, import_id)
        return await import_control.read_import(database, workspace, shown)

    found = await writing(request, steer_in_transaction)
    headers = {"Location": f"/api/v1/imports/{found['id']}"} if status == 202 else None
    return record_response(request, _record_of(found), status, headers)


async def _find(connection: Connection, request: web.Request) -> import_control.ImportJson:
    return await import_control.read_import(connection, workspace_of(request), path_id(request))


def _record_of(found: import_control.ImportJson) -> dict[str, Any]:
    return {name: found[name] for name in RECORD_FIELDS}
