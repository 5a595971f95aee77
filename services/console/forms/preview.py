"""The preview of a draft: the page that visitors would see, in a frame of the builder. It sends nothing."""

from dataclasses import replace
from typing import Any

from aiohttp import web

from services.console.forms.builder_view import builder_path, preview_language
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.form_pages.form_stylesheet import form_stylesheet
from shared.form_pages.page_rendering import render_form
from shared.form_pages.page_state import FormPageState
from shared.forms.definition import FormDefinition, complete_settings
from shared.forms.field_definition import complete_fields
from shared.forms.form_editing import find_draft, find_form
from shared.platform.web.path_params import path_id
from shared.spam.honeypot import honeypot_name

# Its script, which is the public page's, shows steps and conditions. Nothing can be sent from it.
PREVIEW_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src https: data: 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
PREVIEW_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": PREVIEW_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
MODES = ("light", "dark")


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show the draft as its page, in the form's language or the `language` asked for, and in the `mode` asked for."""
    form, id_ = await _draft_form(view), path_id(view.request)
    mode = view.request.query.get("mode", "")
    state = FormPageState(
        action="",
        base_path=builder_path(view, id_, f"preview/{mode if mode in MODES else 'auto'}"),
        language=preview_language(form.owner_texts, form.settings["language"], view.request.query.get("language")),
        honeypot=honeypot_name(form),
        is_preview=True,
    )
    return web.Response(text=render_form(form, state), content_type="text/html", headers=PREVIEW_HEADERS)


@workspace_page(Permission.SEE_RECORDS)
async def stylesheet(view: PageView) -> web.StreamResponse:
    """Send the style sheet of the draft, in a mode: `light`, `dark`, or `auto` for the form's own."""
    form, mode = await _draft_form(view), view.request.match_info["mode"]
    if mode in MODES:
        theme: Any = {**form.settings["theme"], "mode": mode}
        form = replace(form, settings={**form.settings, "theme": theme})
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(text=form_stylesheet(form), content_type="text/css", headers=headers)


async def _draft_form(view: PageView) -> FormDefinition:
    """Return the draft as a form. Raises NotFound."""
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    async with view.console.reading() as connection:
        form = await find_form(connection, workspace_id, id_)
        draft = await find_draft(connection, workspace_id, id_)
    return FormDefinition(
        id=id_,
        workspace_id=workspace_id,
        is_active=form["is_active"],
        fields=complete_fields(draft["fields"]),
        settings=complete_settings(draft["settings"]),
        public_id=form["public_id"],
        name=draft["name"],
        version=draft["revision"],
        workspace_name=view.workspace.workspace_name,
    )
