"""The page of tags: which there are, on how many leads, and the dialogues that make, change, merge and delete one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from services.console.tags.tag_mentions import CHANGED_KINDS, TagMention, find_tag_mentions
from services.console.web.access import workspace_page
from services.console.web.colors import nearest_hue
from services.console.web.form_marks import mark_values
from services.console.web.hue_choices import hue_choices
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.auth.roles import Permission
from shared.leads import tag_management
from shared.leads.tag_management import ManagedTag
from shared.leads.tag_merging import count_leads_with_both
from shared.platform.db.connections import Connection
from shared.platform.web.path_params import path_id

TAGS_PAGE = "settings/tags"
PAGE_SIZE = 100
MAX_PAGES = 10_000
NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)  # ids are of 64 bits
MENTION_WORDS = {
    "form": _("Form"),
    "source": _("Source"),
    "automation": _("Automation"),
    "scoring_rule": _("Scoring rule, points"),
}


@dataclass(frozen=True)
class TagDialog:
    """A dialogue over the page: about a tag or a new one, with what was typed and is wrong with it."""

    name: str = ""
    tag: ManagedTag | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TagMerge:
    """A merge as it would be: the tag that stays, and how many leads have both."""

    into: ManagedTag
    both: int


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List the tags. With `new`, `edit`, `merge` or `delete` the dialogue for it is open."""
    query = view.request.query
    if not view.permits(Permission.SET_UP):
        return await render_page(view, TagDialog())
    for action in ("edit", "merge", "delete"):
        if NUMBER.fullmatch(query.get(action, "")):
            return await render_page(view, TagDialog(action, await find_tag(view, int(query[action]))))
    return await render_page(view, TagDialog("new" if "new" in query else ""))


async def find_tag(view: PageView, tag_id: int | None = None) -> ManagedTag:
    """Return the tag of an id, otherwise that of the address. Raises NotFound."""
    if tag_id is None:
        tag_id = path_id(view.request)
    async with view.console.reading() as connection:
        return await tag_management.find_tag(connection, view.workspace.workspace_id, tag_id)


def shown_values(tag: ManagedTag) -> dict[str, Any]:
    """Return the values that the dialogue of a tag changes."""
    return {"name": tag.name, "color": tag.color}


async def render_page(view: PageView, dialog: TagDialog, problem_status: int = 422) -> web.Response:
    """Show the tags with a dialogue over them, with `problem_status` if something is wrong in it."""
    text, page = view.request.query.get("q", "").replace("\0", "").strip()[:200], _page_number(view)
    form = {**_form_of(dialog.tag), "into": view.request.query.get("into", ""), **dialog.form}
    async with view.console.reading() as connection:
        tags, total = await tag_management.list_tags(
            connection, view.workspace.workspace_id, text, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE
        )
        mentions = await _read_mentions(view, connection, dialog)
        merge = await _read_merge(view, connection, dialog, form["into"])
    if total and not tags:
        view.redirect(_list_path(view, text, 1))
    values: dict[str, Any] = {
        "tags": tags,
        "total": total,
        "text": text,
        "first": (page - 1) * PAGE_SIZE + 1,
        "before_path": _list_path(view, text, page - 1) if page > 1 else "",
        "after_path": _list_path(view, text, page + 1) if page * PAGE_SIZE < total else "",
        "dialog": dialog.name,
        "asked_tag": dialog.tag,
        "mark": mark_values(shown_values(dialog.tag)) if dialog.tag else "",
        "form": form,
        "problems": dialog.problems,
        "hues": hue_choices(view.translate),
        "hue_of": lambda each: nearest_hue(each.color, each.id),
        "mentions": [(view.translate(MENTION_WORDS[one.kind]), one.name) for one in mentions],
        "has_changeable": any(one.kind in CHANGED_KINDS for one in mentions),
        "merge": merge,
        "tags_page": TAGS_PAGE,
    }
    return await view.render("tags/list.html", problem_status if dialog.problems else 200, **values)


async def _read_mentions(view: PageView, connection: Connection, dialog: TagDialog) -> list[TagMention]:
    if dialog.tag is None:
        return []
    return await find_tag_mentions(connection, view.workspace.workspace_id, dialog.tag.name)


async def _read_merge(view: PageView, connection: Connection, dialog: TagDialog, name: str) -> TagMerge | None:
    """Return what a merge into the named tag would be, None if there is no other tag of this name."""
    if dialog.name != "merge" or dialog.tag is None or not name.strip() or "\0" in name:
        return None
    workspace_id = view.workspace.workspace_id
    into = await tag_management.find_tag_named(connection, workspace_id, name[:1000])
    if into is None or into.id == dialog.tag.id:
        return None
    return TagMerge(into, await count_leads_with_both(connection, workspace_id, dialog.tag.id, into.id))


def _form_of(tag: ManagedTag | None) -> dict[str, str]:
    plain = {"keeps_name": "1", "changes_mentions": "1"}
    if tag is None:
        return {"name": "", "hue": "", **plain}
    return {"name": tag.name, "hue": str(nearest_hue(tag.color, tag.id)) if tag.color else "", **plain}


def _list_path(view: PageView, text: str, page: int) -> str:
    return view.path(TAGS_PAGE, q=text or None, n=page if page > 1 else None)


def _page_number(view: PageView) -> int:
    number = view.request.query.get("n", "1")
    return int(number) if number.isascii() and number.isdigit() and 0 < int(number[:6]) <= MAX_PAGES else 1
