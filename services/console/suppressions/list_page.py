"""The page of suppressions: which addresses get no mail, and the dialogues that add some and remove one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from services.console.suppressions import words
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.outbound.suppression_fields import MAX_NOTE_LENGTH, MAX_PASTED_ADDRESSES
from shared.outbound.suppressions import (
    ManagedSuppression,
    count_suppressions,
    find_suppression,
    list_suppressions,
)
from shared.platform.db.connections import Connection
from shared.platform.web.path_params import MAX_ID, read_id

SUPPRESSIONS_PAGE: Final = "settings/suppressions"
PAGE_SIZE: Final = 100
MAX_SEARCH_LENGTH: Final = 200  # characters


@dataclass(frozen=True)
class SuppressionDialog:
    """A dialogue over the page: `add`, or `remove` about one, with what was typed and is wrong with it."""

    name: str = ""
    about: ManagedSuppression | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SuppressionPlace:
    """The part of the list that an address names: the text that is searched, and the id before which it begins."""

    text: str = ""
    before: int = MAX_ID

    @property
    def query(self) -> dict[str, object]:
        """The place as the query of an address."""
        return {"q": self.text or None, "before": self.before if self.before < MAX_ID else None}


@dataclass(frozen=True)
class SuppressionList:
    """A page of the list. `entry` is the one that the address names, `older_than` the id where the next page begins."""

    rows: list[ManagedSuppression]
    count: int
    place: SuppressionPlace = SuppressionPlace()
    entry: int | None = None
    older_than: int | None = None


@workspace_page(Permission.SEE_PERSONS)
async def show(view: PageView) -> web.StreamResponse:
    """List suppressions, one alone with `entry`. With `add` or `remove` the dialogue for it is open."""
    query = view.request.query
    if not view.permits(Permission.SET_UP):
        return await render_page(view, SuppressionDialog())
    if query.get("remove"):
        return await render_page(view, SuppressionDialog("remove", await _find(view, read_id(query["remove"]))))
    return await render_page(view, SuppressionDialog("add" if "add" in query else ""))


async def render_page(view: PageView, dialog: SuppressionDialog) -> web.Response:
    """Show the suppressions with a dialogue over them."""
    async with view.console.reading() as connection:
        listed = await _read_list(connection, view)
    place = listed.place
    values: dict[str, Any] = {
        "listed": listed,
        "rows": [(row, words.reason_words(view, row), words.author_words(view, row)) for row in listed.rows],
        "sentence": words.count_sentence(view, listed.count),
        "here": view.path(SUPPRESSIONS_PAGE, **place.query),
        "newest_path": _list_path(view, place.text) if place.before < MAX_ID else "",
        "older_path": _list_path(view, place.text, listed.older_than) if listed.older_than else "",
        "dialog": dialog.name,
        "asked": dialog.about,
        "form": {"addresses": "", "note": "", **dialog.form},
        "problems": dialog.problems,
        "most": MAX_PASTED_ADDRESSES,
        "longest_note": MAX_NOTE_LENGTH,
        "suppressions_page": SUPPRESSIONS_PAGE,
    }
    return await view.render("suppressions/list.html", 422 if dialog.problems else 200, **values)


def read_place(view: PageView) -> SuppressionPlace:
    """Return the place in the address. Raises NotFound for an id that is none."""
    query = view.request.query
    text = query.get("q", "").replace("\0", "").strip()[:MAX_SEARCH_LENGTH]
    return SuppressionPlace(text, read_id(query["before"]) if query.get("before") else MAX_ID)


async def _read_list(connection: Connection, view: PageView) -> SuppressionList:
    """Return what the address asks for: one entry, or a page of all or of those that have a text. Raises NotFound."""
    query, workspace_id = view.request.query, view.workspace.workspace_id
    count = await count_suppressions(connection, workspace_id)
    if query.get("entry"):
        entry = await find_suppression(connection, workspace_id, read_id(query["entry"]))
        return SuppressionList([entry], count, entry=entry.id)
    place = read_place(view)
    rows = await list_suppressions(connection, workspace_id, place.text, limit=PAGE_SIZE + 1, before=place.before)
    older_than = rows[PAGE_SIZE - 1].id if len(rows) > PAGE_SIZE else None
    return SuppressionList(rows[:PAGE_SIZE], count, place, older_than=older_than)


async def _find(view: PageView, id_: int) -> ManagedSuppression:
    async with view.console.reading() as connection:
        return await find_suppression(connection, view.workspace.workspace_id, id_)


def _list_path(view: PageView, text: str, before: int | None = None) -> str:
    return view.path(SUPPRESSIONS_PAGE, q=text or None, before=before)
