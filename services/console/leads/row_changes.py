"""Changes from a row of the list of leads: its stage, its owner, or a tag. The page's script gets what came of it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from aiohttp import web

from services.console.leads.changes import LeadRefused, change_lead, read_tag, sent_texts
from services.console.leads.lead_page import lead_path
from services.console.leads.problems import lead_problems
from services.console.leads.reads import ListNames, read_list_names
from services.console.leads.words import STATUS_WORDS, lead_name, short_id
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.auth.roles import Permission
from shared.leads.lead_records import LeadJson, read_leads
from shared.platform.web.path_params import MAX_ID, path_id
from shared.platform.web.responses import JSON_MEDIA_TYPE, json_response
from shared.service_app.audit import audit_details

CONFLICT_STATUS = 409
NO_REFERENCE = 0  # in place of an id: no stage, nobody
REFERENCE_FIELDS = {"stage": "pipeline_stage_id", "owner": "assigned_user_id"}
TAG_FIELDS = {"add_tag": "add_tags", "remove_tag": "remove_tags"}
# By what was changed: the sentence with a value, and that without one.
DONE_WORDS: Mapping[str, tuple[str, str]] = {
    "stage": (_("%(name)s moved to %(value)s"), _("%(name)s has no stage any more")),
    "owner": (_("%(name)s is assigned to %(value)s"), _("%(name)s is assigned to nobody")),
    "add_tag": (_("%(name)s has the tag %(value)s"), ""),
    "remove_tag": (_("%(name)s has no tag %(value)s any more"), ""),
}
CONFLICT_WORDS: Mapping[str, tuple[str, str]] = {
    "stage": (
        _("Not moved: somebody has moved %(name)s to %(value)s meanwhile."),
        _("Not moved: somebody has taken %(name)s out of its stage meanwhile."),
    ),
    "owner": (
        _("Not changed: somebody has assigned %(name)s to %(value)s meanwhile."),
        _("Not changed: somebody has assigned %(name)s to nobody meanwhile."),
    ),
}


class RowChange(NamedTuple):
    """What is changed, to which value, and what the reader saw. A reference is an id, otherwise a name."""

    field: str
    value: int | str
    arguments: dict[str, Any]


@workspace_page(Permission.CHANGE_LEADS)
async def change_row(view: PageView) -> web.StreamResponse:
    """Change one thing of a lead if it still is as the row showed it."""
    lead_id, texts = path_id(view.request), await sent_texts(view)
    audit_details(view.request, action="lead.changed", object=("lead", str(lead_id)))
    wanted = _read_change(texts)
    if wanted is None:
        return _answer(view, lead_id, 422, view.translate("Nothing was changed."))
    try:
        await change_lead(view, lead_id, **wanted.arguments)
    except LeadRefused as refused:
        return await _answer_refusal(view, lead_id, wanted, refused)
    record, names = await _read_record(view, lead_id)
    said = _sentence(view, DONE_WORDS[wanted.field], record, _value_name(names, wanted.field, wanted.value))
    return _answer(view, lead_id, 200, said, status=record["status"])


def as_reference(text: str) -> int | None:
    """Return an id, or 0 for none; None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_ID else None


async def _answer_refusal(view: PageView, lead_id: int, wanted: RowChange, refused: LeadRefused) -> web.Response:
    refusal = refused.refusal
    if refusal.is_missing:
        return _answer(view, lead_id, 404, view.translate("This lead is gone: somebody deleted it."), value=None)
    conflicts = {
        field: refusal.conflicts[name] for field, name in REFERENCE_FIELDS.items() if name in refusal.conflicts
    }
    if wanted.field not in conflicts:
        problems = lead_problems(view, refusal.errors, {}, {})
        return _answer(view, lead_id, 422, next(iter(problems.values()), view.translate("Nothing was changed.")))
    now = conflicts[wanted.field] or NO_REFERENCE
    record, names = await _read_record(view, lead_id)
    said = _sentence(view, CONFLICT_WORDS[wanted.field], record, _value_name(names, wanted.field, now))
    return _answer(view, lead_id, CONFLICT_STATUS, said, value=now, status=record["status"])


def _answer(view: PageView, lead_id: int, http_status: int, sentence: str, **values: Any) -> web.Response:
    """Return the outcome to a script; without one lead to the lead's page, which says it."""
    if view.request.headers.get("Accept") == JSON_MEDIA_TYPE:
        return json_response({"text": sentence, **values}, http_status)
    view.redirect(lead_path(view, lead_id) if http_status != 404 else view.path("leads"), sentence)


def _read_change(texts: Mapping[str, str]) -> RowChange | None:
    """Return the change, None if it is none. `status` is sent to take back a move that had changed it."""
    field, text = texts.get("field", ""), texts.get("value", "").strip()
    if field in TAG_FIELDS:
        tag = read_tag(text)
        return RowChange(field, tag, {TAG_FIELDS[field]: [tag]}) if tag else None
    value, seen = as_reference(text), as_reference(texts.get("seen", ""))
    if field not in REFERENCE_FIELDS or value is None or seen is None:
        return None
    name, status = REFERENCE_FIELDS[field], texts.get("status", "")
    wanted = {name: value or None} | ({"status": status} if status in STATUS_WORDS else {})
    return RowChange(field, value, {"set_fields": wanted, "expected": {name: seen or None}})


async def _read_record(view: PageView, lead_id: int) -> tuple[LeadJson, ListNames]:
    """Return the lead and names. Of a lead that was merged into another one meanwhile, only its id is known."""
    key = (view.workspace.workspace_id, lead_id)
    async with view.console.reading() as connection:
        records = await read_leads(connection, [key])
        names = await read_list_names(connection, view.workspace.workspace_id)
    return records.get(key) or {"id": lead_id, "status": ""}, names


def _value_name(names: ListNames, field: str, value: int | str) -> str:
    if isinstance(value, str) or not value:
        return str(value or "")
    stage = names.stages.get(value)
    named = (stage.name if stage else None) if field == "stage" else names.users.get(value)
    return named or short_id(value)


def _sentence(view: PageView, words: tuple[str, str], record: LeadJson, value: str) -> str:
    return view.translate(words[0] if value else words[1], name=lead_name(view, record), value=value)
