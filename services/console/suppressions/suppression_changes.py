"""Changes of suppressions: addresses are added, and one is removed, or all that were added together."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from services.console.suppressions import words
from services.console.suppressions.list_page import (
    SUPPRESSIONS_PAGE,
    SuppressionDialog,
    read_place,
    render_page,
)
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from shared.auth.roles import Permission
from shared.intake.change_author import ChangeAuthor
from shared.outbound.suppression_fields import SUPPRESSION_NOTE, TooManyAddresses, read_addresses
from shared.outbound.suppressions import (
    delete_group,
    delete_suppression,
    find_suppression,
    has_room,
    suppress_addresses,
)
from shared.platform.db.connections import Connection
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details


@workspace_page(Permission.SET_UP)
@answered_once
async def add(view: PageView) -> web.StreamResponse:
    """Suppress the addresses that were typed or pasted. If one cannot be read, nothing is stored."""
    form = await view.read_fields()
    note_fields, note_errors = SUPPRESSION_NOTE.validate_fields({"note": form.get("note", "")})
    problems = {"note": words.note_problem(view)} if note_errors else {}
    emails: list[str] = []
    try:
        # In a thread: rare addresses take milliseconds each, and other pages wait meanwhile.
        pasted = await asyncio.to_thread(read_addresses, form.get("addresses", ""))
        emails = pasted.emails
        if pasted.unreadable:
            problems["addresses"] = words.unreadable_problem(view, pasted.unreadable)
        elif not emails:
            problems["addresses"] = words.missing_problem(view)
    except TooManyAddresses:
        problems["addresses"] = words.too_many_problem(view)
    audit_details(view.request, count=len(emails))
    if problems:
        return await render_page(view, SuppressionDialog("add", None, form, problems))
    ids = await store_addresses(view, emails, note_fields.get("note"))
    if ids is None:
        problems = {"addresses": words.full_problem(view)}
        return await render_page(view, SuppressionDialog("add", None, form, problems))
    audit_details(view.request, object=("suppression", ids[0] if len(ids) == 1 else None), count=len(ids))
    view.redirect(view.path(SUPPRESSIONS_PAGE), words.added_sentence(view, len(ids), len(emails) - len(ids)))


async def store_addresses(view: PageView, emails: Sequence[str], note: str | None) -> list[int] | None:
    """Suppress addresses in the reader's name and return the ids of the new rows. None if the list is full."""
    workspace_id = view.workspace.workspace_id
    author = ChangeAuthor("user", view.account.account_id, view.account.name)

    async def store(connection: Connection) -> list[int] | None:
        if not await has_room(connection, workspace_id, len(emails)):
            return None
        return await suppress_addresses(connection, workspace_id, emails, "manual", note=note, author=author)

    return await view.console.writing(store)


@workspace_page(Permission.SET_UP)
async def undo(view: PageView) -> web.StreamResponse:
    """Remove the addresses that were added together with one: they get mail again."""
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    audit_details(view.request, object=("suppression", id_))
    count = await view.console.writing(lambda connection: delete_group(connection, workspace_id, id_))
    audit_details(view.request, count=count)
    view.redirect(view.path(SUPPRESSIONS_PAGE), words.removed_sentence(view, count))


@workspace_page(Permission.SET_UP)
async def remove(view: PageView) -> web.StreamResponse:
    """Remove an address from the list: it gets mail again."""
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    audit_details(view.request, object=("suppression", id_))
    async with view.console.reading() as connection:
        suppression = await find_suppression(connection, workspace_id, id_)
    audit_details(view.request, before={"email": suppression.email, "reason": suppression.reason})
    await view.console.writing(lambda connection: delete_suppression(connection, workspace_id, id_))
    view.redirect(
        view.path(SUPPRESSIONS_PAGE, **read_place(view).query), view.translate("The address gets mail again.")
    )
