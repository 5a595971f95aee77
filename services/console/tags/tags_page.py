"""The page of tags: which there are, on how many leads, and dialogues that make, change and delete one."""

import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.console.web.access import workspace_page
from services.console.web.colors import HUE_COLORS, nearest_hue
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.auth.roles import Permission
from shared.leads import tag_management
from shared.leads.tag_management import ManagedTag
from shared.platform.errors import ValidationFailed
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

TAGS_PAGE = "settings/tags"
PAGE_SIZE = 100
MAX_PAGES = 10_000
NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)  # ids are of 64 bits
HUE_WORDS = (_("red"), _("orange"), _("green"), _("teal"), _("sky"), _("blue"), _("violet"), _("pink"))


@workspace_page(Permission.SET_UP)
async def show(view: PageView) -> web.StreamResponse:
    """List the tags. With `new`, `edit` or `delete` the dialogue for it is open."""
    query = view.request.query
    for action in ("edit", "delete"):
        if NUMBER.fullmatch(query.get(action, "")):
            return await _render(view, action, await _find(view, int(query[action])))
    return await _render(view, "new" if "new" in query else "")


@workspace_page(Permission.SET_UP)
async def create(view: PageView) -> web.StreamResponse:
    """Make a tag."""
    form, workspace_id = await view.read_fields(), view.workspace.workspace_id
    try:
        tag_id = await view.console.writing(
            lambda connection: tag_management.create_tag(connection, workspace_id, _sent_fields(form))
        )
    except ValidationFailed as refused:
        return await _render(view, "new", form=form, problems=_problems(view, refused))
    audit_details(view.request, object=("tag", tag_id), after=_sent_fields(form))
    view.redirect(view.path(TAGS_PAGE), view.translate("The tag is made."))


@workspace_page(Permission.SET_UP)
async def change(view: PageView) -> web.StreamResponse:
    """Rename a tag or give it another colour. All its leads show it at once."""
    form, workspace_id, tag = await view.read_fields(), view.workspace.workspace_id, await _find(view)
    fields = _sent_fields(form)
    audit_details(view.request, object=("tag", tag.id), before={"name": tag.name, "color": tag.color}, after=fields)
    try:
        await view.console.writing(
            lambda connection: tag_management.change_tag(connection, workspace_id, tag.id, fields)
        )
    except ValidationFailed as refused:
        return await _render(view, "edit", tag, form, _problems(view, refused))
    view.redirect(view.path(TAGS_PAGE), view.translate("The tag is changed on all its leads."))


@workspace_page(Permission.SET_UP)
async def delete(view: PageView) -> web.StreamResponse:
    """Delete a tag whose number of leads was typed. The leads stay."""
    form, workspace_id, tag = await view.read_fields(), view.workspace.workspace_id, await _find(view)
    audit_details(view.request, object=("tag", tag.id), before={"name": tag.name}, count=tag.leads_count)
    if tag.leads_count and _digits(form.get("count", "")) != str(tag.leads_count):
        problem = view.translate("That is not the number of leads that have it now.")
        return await _render(view, "delete", tag, form, {"count": problem})
    await view.console.writing(lambda connection: tag_management.delete_tag(connection, workspace_id, tag.id))
    words = view.translate_count(
        "The tag is gone from %(n)s lead.", "The tag is gone from %(n)s leads.", tag.leads_count
    )
    view.redirect(view.path(TAGS_PAGE), words)


async def _find(view: PageView, tag_id: int | None = None) -> ManagedTag:
    if tag_id is None:
        tag_id = path_id(view.request)
    async with view.console.reading() as connection:
        return await tag_management.find_tag(connection, view.workspace.workspace_id, tag_id)


def _sent_fields(form: Mapping[str, str]) -> dict[str, Any]:
    number = form.get("hue", "")
    color = HUE_COLORS[int(number) - 1] if number in "12345678" and len(number) == 1 else None
    return {"name": form.get("name", ""), "color": color}


def _digits(text: str) -> str:
    """Return a number as it is typed, in any digits and with any separators, in plain digits."""
    return "".join(str(int(sign)) for sign in text if sign.isdecimal())


def _problems(view: PageView, refused: ValidationFailed) -> dict[str, str]:
    message = (refused.errors or {}).get("name", [""])[0]
    if "taken" in message:
        return {"name": view.translate("There is a tag of this name already, in any case of its letters.")}
    return {"name": view.translate("Write a name of 1 to 100 characters.")}


async def _render(
    view: PageView,
    dialog: str = "",
    tag: ManagedTag | None = None,
    form: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
) -> web.Response:
    text, page = view.request.query.get("q", "").replace("\0", "").strip()[:200], _page_number(view)
    async with view.console.reading() as connection:
        tags, total = await tag_management.list_tags(
            connection, view.workspace.workspace_id, text, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE
        )
    if total and not tags:
        view.redirect(_list_path(view, text, 1))
    values: dict[str, Any] = {
        "tags": tags,
        "total": total,
        "text": text,
        "first": (page - 1) * PAGE_SIZE + 1,
        "before_path": _list_path(view, text, page - 1) if page > 1 else "",
        "after_path": _list_path(view, text, page + 1) if page * PAGE_SIZE < total else "",
        "dialog": dialog,
        "asked_tag": tag,
        "form": {**_form_of(tag), **(form or {})},
        "problems": problems or {},
        "hues": [(str(number), view.translate(word)) for number, word in enumerate(HUE_WORDS, 1)],
        "hue_of": lambda each: nearest_hue(each.color, each.id),
        "tags_page": TAGS_PAGE,
    }
    return await view.render("tags/list.html", 422 if problems else 200, **values)


def _form_of(tag: ManagedTag | None) -> dict[str, str]:
    if tag is None:
        return {"name": "", "hue": ""}
    return {"name": tag.name, "hue": str(nearest_hue(tag.color, tag.id)) if tag.color else ""}


def _list_path(view: PageView, text: str, page: int) -> str:
    return view.path(TAGS_PAGE, q=text or None, n=page if page > 1 else None)


def _page_number(view: PageView) -> int:
    number = view.request.query.get("n", "1")
    return int(number) if number.isascii() and number.isdigit() and 0 < int(number[:6]) <= MAX_PAGES else 1
