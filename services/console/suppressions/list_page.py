"""The page of suppressions: which addresses get no mail, and the dialogues that add some and remove one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from services.console.suppressions import words
from services.console.suppressions.address_file import MAX_ADDRESS_FILE_BYTES, MAX_FILE_ADDRESSES, FileAddresses
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.imports.workbook_upload import has_workbook_reader
from shared.outbound.suppression_fields import MAX_NOTE_LENGTH, MAX_PASTED_ADDRESSES
from shared.outbound.suppressions import (
    ManagedSuppression,
    count_group,
    count_suppressions,
    find_suppression,
    list_group,
    list_suppressions,
)
from shared.platform.db.connections import Connection
from shared.platform.web.path_params import MAX_ID, read_id

SUPPRESSIONS_PAGE: Final = "settings/suppressions"
PAGE_SIZE: Final = 100
MAX_SEARCH_LENGTH: Final = 200  # characters


@dataclass(frozen=True)
class SuppressionDialog:
    """A dialogue over the page, with what was typed and is wrong with it.

    It is `add`, `file`, `remove` about one address, or `undo` about the `count` that were added together with one.
    """

    name: str = ""
    about: ManagedSuppression | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    count: int = 0


@dataclass(frozen=True)
class AddedFile:
    """What became of a file: what it held, how many addresses are new, and the id of one of them."""

    found: FileAddresses
    added: int
    newest_id: int | None

    @property
    def known(self) -> int:
        """How many addresses were on the list before."""
        return len(self.found.emails) - self.added


@dataclass(frozen=True)
class SuppressionPlace:
    """The part of the list that an address names: the text that is searched, and the id before which it begins.

    `together` is the id of one address: the part holds those that were added with it.
    """

    text: str = ""
    before: int = MAX_ID
    together: int | None = None

    @property
    def query(self) -> dict[str, object]:
        """The place as the query of an address."""
        before = self.before if self.before < MAX_ID else None
        return {"q": self.text or None, "together": self.together, "before": before}

    def beginning_at(self, before: int | None) -> dict[str, object]:
        """The same part from another id on, as the query of an address."""
        return {**self.query, "before": before}


@dataclass(frozen=True)
class SuppressionList:
    """A page of the list. `entry` is the one that the address names, `older_than` the id where the next page begins.

    `group_count` is how many were added together, where the page shows such.
    """

    rows: list[ManagedSuppression]
    count: int
    place: SuppressionPlace = SuppressionPlace()
    entry: int | None = None
    older_than: int | None = None
    group_count: int = 0

    def has_companions(self, row: ManagedSuppression) -> bool:
        """Return whether another row of this page was added together with this one."""
        return row.reason == "manual" and sum(_group_key(one) == _group_key(row) for one in self.rows) > 1


@workspace_page(Permission.SEE_PERSONS)
async def show(view: PageView) -> web.StreamResponse:
    """List suppressions, one alone with `entry`. With `add`, `remove` or `undo` the dialogue for it is open."""
    query = view.request.query
    if not view.permits(Permission.SET_UP):
        return await render_page(view, SuppressionDialog())
    if query.get("remove"):
        return await render_page(view, SuppressionDialog("remove", await _find(view, read_id(query["remove"]))))
    if query.get("undo"):
        async with view.console.reading() as connection:
            about = await find_suppression(connection, view.workspace.workspace_id, read_id(query["undo"]))
            count = await count_group(connection, view.workspace.workspace_id, about)
        return await render_page(view, SuppressionDialog("undo", about, count=count))
    return await render_page(view, SuppressionDialog("add" if "add" in query else ""))


async def render_page(view: PageView, dialog: SuppressionDialog, added: AddedFile | None = None) -> web.Response:
    """Show the suppressions with a dialogue over them, or with what became of a file."""
    async with view.console.reading() as connection:
        listed = await _read_list(connection, view)
    place = listed.place
    values: dict[str, Any] = {
        "listed": listed,
        "rows": [(row, words.reason_words(view, row), words.author_words(view, row)) for row in listed.rows],
        "sentence": words.count_sentence(view, listed.count),
        "here": view.path(SUPPRESSIONS_PAGE, **place.query),
        "newest_path": _list_path(view, place.beginning_at(None)) if place.before < MAX_ID else "",
        "older_path": _list_path(view, place.beginning_at(listed.older_than)) if listed.older_than else "",
        "added": added,
        "added_words": words.file_sentences(view, added.found, added.added, added.known) if added else [],
        "dialog": dialog.name,
        "asked": dialog.about,
        "group_count": dialog.count,
        "form": {"addresses": "", "note": "", **dialog.form},
        "problems": dialog.problems,
        "most": MAX_PASTED_ADDRESSES,
        "most_of_file": MAX_FILE_ADDRESSES,
        "largest_megabytes": MAX_ADDRESS_FILE_BYTES >> 20,
        "reads_workbooks": has_workbook_reader(),
        "longest_note": MAX_NOTE_LENGTH,
        "suppressions_page": SUPPRESSIONS_PAGE,
    }
    return await view.render("suppressions/list.html", 422 if dialog.problems else 200, **values)


def read_place(view: PageView) -> SuppressionPlace:
    """Return the place in the address. Raises NotFound for an id that is none."""
    query = view.request.query
    text = query.get("q", "").replace("\0", "").strip()[:MAX_SEARCH_LENGTH]
    together = read_id(query["together"]) if query.get("together") else None
    return SuppressionPlace(text, read_id(query["before"]) if query.get("before") else MAX_ID, together)


async def _read_list(connection: Connection, view: PageView) -> SuppressionList:
    """Return what the address asks for: one entry, or a page of all or of those that have a text. Raises NotFound."""
    query, workspace_id = view.request.query, view.workspace.workspace_id
    count = await count_suppressions(connection, workspace_id)
    if query.get("entry"):
        entry = await find_suppression(connection, workspace_id, read_id(query["entry"]))
        return SuppressionList([entry], count, entry=entry.id)
    place, group_count = read_place(view), 0
    if place.together:
        member = await find_suppression(connection, workspace_id, place.together)
        group_count = await count_group(connection, workspace_id, member)
        rows = await list_group(connection, workspace_id, member, limit=PAGE_SIZE + 1, before=place.before)
    else:
        rows = await list_suppressions(connection, workspace_id, place.text, limit=PAGE_SIZE + 1, before=place.before)
    older_than = rows[PAGE_SIZE - 1].id if len(rows) > PAGE_SIZE else None
    return SuppressionList(rows[:PAGE_SIZE], count, place, older_than=older_than, group_count=group_count)


def _group_key(row: ManagedSuppression) -> tuple[object, ...]:
    return row.reason, row.created_at, str(row.created_by)


async def _find(view: PageView, id_: int) -> ManagedSuppression:
    async with view.console.reading() as connection:
        return await find_suppression(connection, view.workspace.workspace_id, id_)


def _list_path(view: PageView, query: Mapping[str, object]) -> str:
    return view.path(SUPPRESSIONS_PAGE, **query)
