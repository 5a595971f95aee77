"""Import: a file is sent, and the imports that there were."""

import asyncio
from typing import Any

from aiohttp import web

from services.console.imports import words as import_words
from services.console.imports.country_guess import guess_phone_country
from services.console.imports.form import names_people
from services.console.imports.reads import read_country
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.imports import import_control
from shared.imports.import_quota import ImportLimits, ImportQuotaReached, require_import_room
from shared.imports.import_storage import NewImport, store_import
from shared.imports.import_upload import MAX_FILE_BYTES, UploadedTable, plan_import
from shared.imports.text_encoding import EncodingJudge
from shared.imports.workbook_upload import has_workbook_reader, readable_table
from shared.intake.change_author import ChangeAuthor
from shared.platform.errors import ApiError, FieldErrors
from shared.platform.web.file_upload import received_upload
from shared.service_app.audit import audit_details

PAGE_SIZE = 25
MAX_PAGES = 1_000
JSON_TYPE = "application/json"


def import_author(view: PageView) -> ChangeAuthor:
    """Return the reader as the author of an import."""
    return ChangeAuthor("user", view.account.account_id, view.account.name)


@workspace_page(Permission.BULK_LEADS)
async def show(view: PageView) -> web.StreamResponse:
    """Ask for a file, and list the imports, newest first."""
    return await _render(view)


@workspace_page(Permission.BULK_LEADS)
async def create(view: PageView) -> web.StreamResponse:
    """Take a file and try it as its columns were guessed. Nothing is stored before the import is confirmed.

    A file whose columns name nobody waits until somebody says where they go.

    A script is answered JSON: the address of the next page, or what is wrong with the file.
    """
    wants_json = JSON_TYPE in view.request.headers.get("Accept", "")
    try:
        import_id = await _store_upload(view)
    except ApiError as error:
        problem = _problem_of(view, error)
        if wants_json:
            return web.json_response({"problem": problem}, status=error.status)
        return await _render(view, problem, error.status)
    path = view.path(f"import/{import_id}")
    audit_details(view.request, action="import.uploaded", object=("import", import_id))
    if wants_json:
        return web.json_response({"location": path})
    view.redirect(path)


class _UnusableFile(ApiError):
    status, code = 422, "VALIDATION_FAILED"


async def _store_upload(view: PageView) -> int:
    """Return the id of the new import, which waits for its columns. Raises ApiError."""
    judge, errors = EncodingJudge(), FieldErrors()
    settings = view.console.settings
    folder, limits = settings.files_folder, ImportLimits.from_settings(settings)
    async with view.console.reading() as connection:
        country = await read_country(connection, view.workspace.workspace_id)
        sent_bytes = view.request.content_length or 0
        await require_import_room(connection, view.workspace.workspace_id, limits, sent_bytes)
    reserve = settings.disk_reserve_mb << 20
    async with received_upload(view.request, folder, MAX_FILE_BYTES, judge.feed, reserve) as upload:
        if upload.file is None:
            raise _UnusableFile(view.translate("Choose a file first."))
        table = UploadedTable(upload.file, upload.name, upload.size, judge)
        async with readable_table(table, folder, errors) as readable:
            new = await plan_import(readable, "", errors, is_dry_run=True)
            if new is None or readable is None:
                raise _UnusableFile(import_words.file_problem(view, " ".join(errors.get("file", []))))
            return await _store(view, await _with_guessed_country(new, country), readable, limits)


async def _with_guessed_country(new: NewImport, workspace_country: str | None) -> NewImport:
    """Return the import with the country that its phones tell, if it is not the workspace's."""
    guessed = await asyncio.to_thread(guess_phone_country, new.mapping, new.head.sample)
    if guessed in (None, workspace_country):
        return new
    return new._replace(options={**new.options, "phone_country": guessed})


async def _store(view: PageView, new: NewImport, table: UploadedTable, limits: ImportLimits) -> int:
    workspace_id, author, waits = view.workspace.workspace_id, import_author(view), not names_people(new.mapping)
    return await view.console.writing(
        lambda connection: store_import(connection, workspace_id, new, table.file, author, limits, is_waiting=waits)
    )


def _problem_of(view: PageView, error: ApiError) -> str:
    if error.status == 413:
        return view.translate("The file is larger than 512 MB. Cut it into parts and import them one by one.")
    return import_words.quota_problem(view, error) if isinstance(error, ImportQuotaReached) else str(error)


async def _render(view: PageView, problem: str = "", status: int = 200) -> web.Response:
    page = _page_number(view)
    async with view.console.reading() as connection:
        imports, total = await import_control.list_imports(
            connection, view.workspace.workspace_id, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE
        )
    shown: dict[str, Any] = {
        "imports": imports,
        "total": total,
        "page_number": page,
        "has_next": page * PAGE_SIZE < total,
        "problem": problem,
        "words": import_words,
        "largest_megabytes": MAX_FILE_BYTES >> 20,
        "reads_workbooks": has_workbook_reader(),
    }
    return await view.render("imports/list.html", status, **shown)


def _page_number(view: PageView) -> int:
    text = view.request.query.get("n", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 and 0 < int(text) <= MAX_PAGES else 1
