"""Saved views of the list of leads, and its columns: one's own under `/console/me/`, the team's in the workspace."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn
from urllib.parse import quote

from aiohttp import web

from services.console.leads import saved_views
from services.console.leads.columns import is_column
from services.console.leads.query import MAX_SHOWN_COLUMNS, read_columns, read_lead_query
from services.console.leads.saved_views import MAX_VIEW_NAME, MAX_VIEWS, ViewOwner
from services.console.leads.view_tabs import kept_query, view_path
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.safe_redirect import local_path
from services.console.web.single_answer import answered_once
from shared.auth.roles import Permission
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

MAX_QUERY_LENGTH = 8000  # characters of JSON

Form = Mapping[str, str]


@workspace_page(Permission.SEE_RECORDS)
async def set_columns(view: PageView) -> web.StreamResponse:
    """Keep the columns that a form names, in its order. `up` and `down` move one of them, `reset` forgets all."""
    form = await view.read_form()
    named = [name for name in map(str, form.getall("columns", [])) if is_column(name)][:MAX_SHOWN_COLUMNS]
    columns = list(dict.fromkeys(named))
    for field, step in (("up", -1), ("down", 1)):
        _move(columns, str(form.get(field, "")), step)
    wanted = None if "reset" in form or not columns else columns
    workspace_id, account_id = view.workspace.workspace_id, view.account.account_id
    await view.console.writing(lambda connection: saved_views.set_columns(connection, workspace_id, account_id, wanted))
    back = local_path(str(form.get("next", ""))) if form.get("next") else view.path("leads")
    if wanted and "view=" in back:  # a view has columns of its own: the address overrules them
        back += f"&columns={quote(','.join(wanted), safe='')}"
    view.redirect(back)


@workspace_page(Permission.SEE_RECORDS)
@answered_once
async def create_own(view: PageView) -> web.StreamResponse:
    """Save the list as a view of the reader's own."""
    await _create(view, is_team=False)


@workspace_page(Permission.SEE_RECORDS)
async def change_own(view: PageView) -> web.StreamResponse:
    """Change, rename, delete or restore a view of the reader's own."""
    await _change(view, is_team=False)


@workspace_page(Permission.SEE_RECORDS)
async def set_default(view: PageView) -> web.StreamResponse:
    """Let the reader's list open with a view, or with all leads again."""
    view_id, workspace_id, account_id = path_id(view.request), view.workspace.workspace_id, view.account.account_id
    is_default = bool((await view.read_form()).get("is_default"))

    async def change(connection: Connection) -> None:
        if is_default and not any(
            one.id == view_id for one in await saved_views.list_views(connection, workspace_id, account_id)
        ):
            return
        await saved_views.set_default_view(connection, workspace_id, account_id, view_id if is_default else None)

    await view.console.writing(change)
    said = view.translate("The leads open with it from now on.") if is_default else view.translate("It is as before.")
    view.redirect(await _view_path(view, view_id), said)


@workspace_page(Permission.SET_UP)
@answered_once
async def create_team(view: PageView) -> web.StreamResponse:
    """Save the list as a view of the team."""
    await _create(view, is_team=True)


@workspace_page(Permission.SET_UP)
async def change_team(view: PageView) -> web.StreamResponse:
    """Change, rename, delete or restore a view of the team."""
    await _change(view, is_team=True)


async def _create(view: PageView, *, is_team: bool) -> NoReturn:
    form, owner = await _read_form(view), _owner(view, is_team)
    name, query, columns = _view_name(form), _kept_fields(view, form), read_columns(form.get("columns", ""))
    if not name:
        view.redirect(view.path("leads", **query), view.translate("A view needs a name."))
    audit_details(view.request, action="view.created", after={"name": name, "is_team": is_team})

    async def create(connection: Connection) -> int:
        view_id = await saved_views.add_view(connection, owner, name, query, columns)
        if form.get("is_default"):
            await saved_views.set_default_view(connection, owner.workspace_id, owner.account_id, view_id)
        return view_id

    try:
        view_id = await view.console.writing(create)
    except Conflict:
        said = view.translate("There are %(n)s views already: delete one first.", n=MAX_VIEWS)
        view.redirect(view.path("leads", **query), said)
    view.redirect(view.path("leads", view=view_id, **query), view.translate("The view is saved."))


async def _change(view: PageView, *, is_team: bool) -> NoReturn:
    """Do what the form's `do` names, and lead back to the list."""
    form, owner, view_id = await _read_form(view), _owner(view, is_team), path_id(view.request)
    query, columns, name = _kept_fields(view, form), read_columns(form.get("columns", "")), _view_name(form)
    what = form.get("do", "rename")
    audit_details(view.request, action=f"view.{what}", object=("view", view_id), after={"is_team": is_team})
    deeds: dict[str, tuple[Callable[[Connection], Awaitable[None]], str, str]] = {
        "change": (
            lambda connection: saved_views.change_view(connection, owner, view_id, query, columns),
            view.path("leads", view=view_id, **query),
            view.translate("The view is changed."),
        ),
        "rename": (
            lambda connection: saved_views.rename_view(connection, owner, view_id, name),
            "",
            view.translate("The view is renamed."),
        ),
        "delete": (
            lambda connection: saved_views.delete_view(connection, owner, view_id),
            view.path("leads", view="all", deleted=view_id),
            "",
        ),
        "restore": (
            lambda connection: saved_views.restore_view(connection, owner, view_id),
            "",
            view.translate("The view is back."),
        ),
    }
    if what not in deeds or (what == "rename" and not name):
        view.redirect(view.path("leads", view=view_id), view.translate("A view needs a name."))
    work, location, said = deeds[what]
    await view.console.writing(work)
    view.redirect(location or await _view_path(view, view_id), said or None)


async def _view_path(view: PageView, view_id: int) -> str:
    """Return the address of a view, or of all leads if the reader does not see it."""
    async with view.console.reading() as connection:
        views = await saved_views.list_views(connection, view.workspace.workspace_id, view.account.account_id)
    chosen = next((one for one in views if one.id == view_id), None)
    return view_path(view, chosen) if chosen else view.path("leads", view="all")


def _owner(view: PageView, is_team: bool) -> ViewOwner:
    return ViewOwner(view.workspace.workspace_id, view.account.account_id, is_team)


async def _read_form(view: PageView) -> Form:
    return await view.read_fields()


def _view_name(form: Form) -> str:
    return " ".join(form.get("name", "").replace("\0", "").split())[:MAX_VIEW_NAME].strip()


def _kept_fields(view: PageView, form: Form) -> dict[str, str]:
    """Return filters and order that the form carries, as far as they can be read."""
    try:
        query = json.loads(form.get("query", "") or "{}") if len(form.get("query", "")) <= MAX_QUERY_LENGTH else {}
    except (ValueError, RecursionError):
        query = {}
    written = {str(name): str(text) for name, text in query.items()} if isinstance(query, dict) else {}
    return kept_query(read_lead_query(written, sees_persons=view.permits(Permission.SEE_PERSONS)))


def _move(columns: list[str], name: str, step: int) -> None:
    """Move a column by one place."""
    if name not in columns:
        return
    place = columns.index(name)
    columns.insert(min(max(place + step, 0), len(columns) - 1), columns.pop(place))
