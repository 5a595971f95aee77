"""The form builder: the draft of a form with its fields, its settings and its preview. Changes are saved at once."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.console.forms.builder_actions import apply_action
from services.console.forms.builder_view import BuilderNews, builder_path, render_builder, render_parts
from services.console.forms.changes import is_same_form
from services.console.forms.draft_form import SentDraft, changed_draft, read_draft, read_state
from services.console.forms.words import input_problems
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.sent_form import LONG_FORM_BYTES
from shared.auth.roles import Permission
from shared.forms.definition import merge_settings
from shared.forms.form_editing import FormRow, find_draft, find_published_keys, save_draft
from shared.forms.form_validation import DraftSent, read_draft_fields
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, ValidationFailed
from shared.platform.validation.schema import FieldsSchema
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_as_continued, audit_details

DRAFT_SCHEMA = FieldsSchema(DraftSent)
QUESTIONS = ("delete", "discard")
# Actions after which the list of fields and the open field are shown again.
STRUCTURAL_ACTIONS = ("open", "add", "up", "down", "move", "delete", "undo", "force", "rules")


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show the draft of a form, with the open `field` and the `tab` of a phone; with `ask` a question."""
    question = view.request.query.get("ask", "")
    is_asked = question in QUESTIONS and view.permits(Permission.SET_UP)
    state = read_state(dict(view.request.query))
    return await render_builder(view, path_id(view.request), state, BuilderNews(asked=question if is_asked else ""))


@workspace_page(Permission.SET_UP)
async def save(view: PageView) -> web.StreamResponse:
    """Save what was typed in the draft, and do what the button says. Visitors see nothing of it until it is published.

    A script gets the parts of the page that changed.
    """
    id_, form = path_id(view.request), await view.read_form(LONG_FORM_BYTES)
    sent_draft = read_draft(form, list(dict.fromkeys(form)))
    news = await _save(view, id_, sent_draft)
    if view.request.headers.get("HX-Request"):
        return await render_parts(view, id_, sent_draft.state, news)
    if news.problems or news.conflict or news.removed:
        return await render_builder(
            view, id_, sent_draft.state, news, 409 if news.conflict else 422 if news.problems else 200
        )
    view.redirect(builder_path(view, id_, **sent_draft.state.query))


async def _save(view: PageView, id_: int, sent_draft: SentDraft) -> BuilderNews:
    """Save a draft, and return what is to be said about it."""
    workspace_id, author = view.workspace.workspace_id, view.account.name
    audit_details(view.request, action="form.draft_saved", object=("form", id_))
    news = BuilderNews(is_whole=sent_draft.action in STRUCTURAL_ACTIONS)
    tried: dict[str, Any] = {}

    async def change(connection: Connection) -> FormRow:
        tried["draft"] = draft = await find_draft(connection, workspace_id, id_)
        changed = changed_draft(sent_draft, draft, await find_published_keys(connection, workspace_id, id_))
        if sent_draft.action == "accent" and changed["settings"]:
            changed["settings"]["theme"]["accent"] = sent_draft.argument
        tried["outcome"] = outcome = apply_action(view, sent_draft, changed["fields"])
        changed["fields"] = outcome.fields
        tried["typed"] = typed = {
            **draft,
            **changed,
            "settings": merge_settings(draft["settings"], changed["settings"]),
        }
        if is_same_form(typed, draft):
            return draft
        revision = draft["revision"] if sent_draft.action == "force" else sent_draft.revision
        checked, errors = read_draft_fields({**changed, "revision": revision}, DRAFT_SCHEMA)
        return await save_draft(connection, workspace_id, id_, checked, errors, author)

    try:
        stored = await view.console.writing(change)
    except ValidationFailed as error:
        news.problems = input_problems(view, error.errors or {}, sent_draft.state.place)
        # Lines that ask about another question show its answers, though none may be chosen or typed yet.
        news.typed, news.is_whole = tried["typed"], sent_draft.action == "rules"
    except Conflict:
        news.conflict, news.typed = tried["draft"], tried["typed"]
    else:
        _note_saved(view, sent_draft, news, tried, stored)
    return news


def _note_saved(
    view: PageView, sent_draft: SentDraft, news: BuilderNews, tried: Mapping[str, Any], stored: FormRow
) -> None:
    draft, outcome = tried["draft"], tried["outcome"]
    news.is_whole |= _type_at(draft, sent_draft.state.place) != _type_at(stored, sent_draft.state.place)
    news.is_accent_changed = sent_draft.action == "accent"
    if stored["settings"].get("language") != draft["settings"].get("language"):
        sent_draft.state.language = ""
    place = sent_draft.state.place
    if place is not None and place < len(stored["fields"]):
        news.is_key_made = stored["fields"][place]["key"] != sent_draft.texts.get("f_key", "").strip()
    sent_draft.state.place = outcome.place
    if outcome.deleted is not None:
        news.removed, news.removed_place = outcome.deleted, int(sent_draft.argument)
    # The first save of a draft is in the audit log, and whoever goes on with a draft of somebody else.
    if stored["revision"] == draft["revision"] or draft["updated_by"] == view.account.name:
        audit_as_continued(view.request)


def _type_at(form: Mapping[str, Any], place: int | None) -> str:
    fields = form["fields"]
    return str(fields[place]["type"]) if place is not None and place < len(fields) else ""
