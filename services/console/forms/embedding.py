"""Putting a form on a site: what to paste, its QR code, whether a visitor came yet, and a test of the live form."""

import gzip
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from aiohttp import web

from services.console.forms.builder_view import HOSTED_PATH, BuilderNews, builder_path, render_builder
from services.console.forms.draft_form import read_state
from services.console.forms.reads import FormVisits, read_form_visits
from services.console.forms.snippets import (
    CONSENT_MODES,
    EMBED_WAYS,
    SHOWN_MODES,
    EmbedChoices,
    frame_snippet,
    highlight_snippet,
    html_snippet,
    qr_code,
    qr_file,
    script_snippet,
)
from services.console.web.access import workspace_page
from services.console.web.live_updates import stream_snapshots
from services.console.web.page_view import PageView
from shared import form_pages
from shared.auth.roles import Permission
from shared.form_pages.page_messages import page_messages
from shared.forms.definition import FormDefinition, complete_settings
from shared.forms.field_definition import complete_fields
from shared.forms.form_editing import FormRow, find_form
from shared.forms.trial_tokens import TRIAL_PARAMETER, make_trial_token
from shared.platform.web.path_params import path_id
from shared.spam.honeypot import honeypot_name

SCRIPT_FILE = Path(form_pages.__file__).with_name("static") / "embed.js"


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show over the builder what to paste: `way` is one of the ways, `mode` and `consent` are choices of the script."""
    form = await _read_form(view)
    query = view.request.query
    choices = EmbedChoices(
        _one_of(SHOWN_MODES, query.get("mode", "")), _one_of(CONSENT_MODES, query.get("consent", ""))
    )
    news = BuilderNews(asked="embed")
    shown = _shown(view, form, _one_of(EMBED_WAYS, query.get("way", "")), choices)
    return await render_builder(view, form["id"], read_state({}), news, **shown)


@workspace_page(Permission.SEE_RECORDS)
async def download_code(view: PageView) -> web.StreamResponse:
    """Send the QR code of the form's page as a file."""
    form = await _read_form(view)
    headers = {
        "Content-Disposition": f'attachment; filename="form-{form["id"]}.svg"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return web.Response(body=qr_file(_page_url(view, form)), content_type="image/svg+xml", headers=headers)


@workspace_page(Permission.SET_UP)
async def test(view: PageView) -> web.StreamResponse:
    """Lead to the live page of the form with a token, by which what is sent there makes no lead."""
    form = await _read_form(view)
    if not form["is_active"]:
        said = view.translate("The form is switched off. Switch it on to test it.")
        view.redirect(builder_path(view, form["id"]), said)
    token = make_trial_token(view.console.cipher.signing_key(), form["public_id"])
    view.redirect(f"{_page_url(view, form)}?{TRIAL_PARAMETER}={quote(token)}")


@workspace_page(Permission.SEE_RECORDS)
async def live(view: PageView) -> web.StreamResponse:
    """Stream whether the form was visited."""
    id_, workspace_id = (await _read_form(view))["id"], view.workspace.workspace_id

    async def read() -> FormVisits:
        async with view.console.reading() as connection:
            return await read_form_visits(connection, workspace_id, id_)

    return await stream_snapshots(view, ("form_visits", id_), read, _render_visits)


def _render_visits(view: PageView, visits: FormVisits) -> str:
    return view.render_text("forms/_visits.html", visits=visits)


async def _read_form(view: PageView) -> FormRow:
    async with view.console.reading() as connection:
        return await find_form(connection, view.workspace.workspace_id, path_id(view.request))


def _page_url(view: PageView, form: FormRow) -> str:
    return f"{view.base_url}{HOSTED_PATH}{form['public_id']}"


def _shown(view: PageView, form: FormRow, way: str, choices: EmbedChoices) -> dict[str, Any]:
    settings, fields = complete_settings(form["settings"]), complete_fields(form["fields"])
    page_url, title = _page_url(view, form), settings["title"] or form["name"]
    named = {name: form[name] for name in ("id", "is_active", "public_id", "version")}
    published = FormDefinition(workspace_id=view.workspace.workspace_id, fields=fields, settings=settings, **named)
    label = settings["submit_label"] or page_messages(settings["language"] or view.language.code).texts["submit"]
    snippets = {
        "script": [script_snippet(page_url, title, choices)],
        "iframe": [script_snippet(page_url, title, choices._replace(mode="iframe")), frame_snippet(page_url, title)],
        "html": [html_snippet(page_url, fields, label, honeypot_name(published))],
        "link": [page_url],
    }[way]
    parts = urlsplit(page_url)
    return {
        "way": way,
        "choices_of_script": choices,
        "snippets": [(text, highlight_snippet(text)) for text in snippets],
        "service_origin": f"{parts.scheme}://{parts.netloc}",
        "script_size": sent_script_size(),
        "sites": [urlsplit(origin).netloc for origin in settings["allowed_origins"]],
        "has_conditions": any(field["show_if"] for field in fields),
        "qr": qr_code(page_url) if way == "link" else "",
        "live_path": builder_path(view, form["id"], "visits/live"),
    }


def _one_of(known: tuple[str, ...], wanted: str) -> str:
    return wanted if wanted in known else known[0]


@cache
def sent_script_size() -> int:
    """Return how many bytes of the network the script takes."""
    return len(gzip.compress(SCRIPT_FILE.read_bytes()))
