"""A file of addresses is added to the suppressions."""

import asyncio
from typing import Final

from aiohttp import web

from services.console.suppressions import words
from services.console.suppressions.address_file import (
    MAX_ADDRESS_FILE_BYTES,
    FileAddresses,
    TooManyRows,
    read_address_file,
)
from services.console.suppressions.list_page import AddedFile, SuppressionDialog, render_page
from services.console.suppressions.suppression_changes import store_addresses
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.imports.import_upload import UploadedTable
from shared.imports.text_encoding import EncodingJudge, UnreadableFile
from shared.imports.workbook_upload import readable_table
from shared.outbound.suppression_fields import SUPPRESSION_NOTE
from shared.platform.errors import ApiError, FieldErrors
from shared.platform.web.file_upload import ReceivedUpload, received_upload
from shared.service_app.audit import audit_details

_one_at_a_time: Final = asyncio.Semaphore(1)  # of the process: reading takes the processor from other pages


class _UnusableAddresses(Exception):
    """Nothing is stored. The message is a sentence in the reader's language, `field` what it is about."""

    def __init__(self, sentence: str, field: str = "file") -> None:
        super().__init__(sentence)
        self.field = field


@workspace_page(Permission.SET_UP)
async def show(view: PageView) -> web.StreamResponse:
    """Ask for a file."""
    return await render_page(view, SuppressionDialog("file"))


@workspace_page(Permission.SET_UP)
async def add(view: PageView) -> web.StreamResponse:
    """Suppress the addresses of a file. What is no address is left out, and named."""
    judge, settings, form = EncodingJudge(), view.console.settings, {"note": ""}
    folder, reserve = settings.files_folder, settings.disk_reserve_mb << 20
    try:
        async with received_upload(view.request, folder, MAX_ADDRESS_FILE_BYTES, judge.feed, reserve) as upload:
            form["note"] = upload.texts.get("note", "")
            addresses = await _read_addresses(view, upload, judge)
            note = _checked_note(view, form["note"])
        ids = await store_addresses(view, list(addresses.emails), note)
        if ids is None:
            raise _UnusableAddresses(words.full_problem(view))
    except _UnusableAddresses as unusable:
        return await render_page(view, SuppressionDialog("file", None, form, {unusable.field: str(unusable)}))
    except ApiError as error:
        if error.status != web.HTTPRequestEntityTooLarge.status_code:
            raise
        problem = words.large_file_problem(view)
        return await render_page(view, SuppressionDialog("file", None, form, {"file": problem}))
    audit_details(view.request, object=("suppression", max(ids, default=None)), count=len(ids))
    return await render_page(view, SuppressionDialog(), AddedFile(addresses, len(ids), max(ids, default=None)))


async def _read_addresses(view: PageView, upload: ReceivedUpload, judge: EncodingJudge) -> FileAddresses:
    if upload.file is None:
        raise _UnusableAddresses(view.translate("Choose a file first."))
    errors = FieldErrors()
    table = UploadedTable(upload.file, upload.name, upload.size, judge)
    async with readable_table(table, view.console.settings.files_folder, errors) as readable, _one_at_a_time:
        if readable is None:
            raise _UnusableAddresses(view.translate(errors["file"][0]))
        try:
            addresses = await asyncio.to_thread(read_address_file, readable)
        except UnreadableFile as problem:
            raise _UnusableAddresses(view.translate(str(problem))) from None
        except TooManyRows:
            raise _UnusableAddresses(words.long_file_problem(view)) from None
    if not addresses.emails:
        raise _UnusableAddresses(words.empty_file_problem(view, addresses))
    return addresses


def _checked_note(view: PageView, text: str) -> str | None:
    fields, errors = SUPPRESSION_NOTE.validate_fields({"note": text})
    if errors:
        raise _UnusableAddresses(words.note_problem(view), "note")
    return fields.get("note")
