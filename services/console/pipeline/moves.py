"""Moving a lead to another stage on the board, and taking that back."""

from typing import Any

from aiohttp import web

from services.console.leads.changes import LeadRefused, change_lead, sent_texts
from services.console.leads.row_changes import as_reference
from services.console.leads.words import lead_name
from services.console.pipeline.board_page import board_state
from services.console.pipeline.cards import NO_STAGE
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.leads.lead_fields import LeadFields
from shared.leads.lead_records import LeadJson, read_leads
from shared.platform.errors import NotFound
from shared.platform.validation.schema import FieldsSchema
from shared.platform.web.responses import JSON_MEDIA_TYPE, json_response
from shared.service_app.audit import audit_details

STAGE_SQL = "SELECT name FROM pipeline_stages WHERE workspace_id = %s AND id = %s"
CONFLICT_STATUS = 409

_SCHEMA = FieldsSchema(LeadFields)


@workspace_page(Permission.CHANGE_LEADS)
async def move(view: PageView) -> web.StreamResponse:
    """Move a lead to a stage if it still is where the reader saw it. The page's script gets the outcome as JSON.

    `status` is sent to take a move back that had changed it.
    """
    texts = await sent_texts(view)
    lead_id, stage_id, seen = (as_reference(texts.get(name, "")) for name in ("lead", "stage", "seen"))
    if lead_id is None or stage_id is None or seen is None:
        raise NotFound
    audit_details(view.request, action="lead.moved", object=("lead", str(lead_id)))
    fields, errors = _SCHEMA.validate_fields({"status": texts["status"]} if "status" in texts else {})
    if errors:
        raise NotFound
    wanted = {**fields, "pipeline_stage_id": stage_id or None}
    try:
        await change_lead(view, lead_id, set_fields=wanted, expected={"pipeline_stage_id": seen or None})
    except LeadRefused as refused:
        return await _answer_refusal(view, lead_id, refused)
    record = await _read_record(view, lead_id)
    words = {"name": lead_name(view, record), "stage": await _stage_name(view, stage_id)}
    said = view.translate("%(name)s moved to %(stage)s", **words)
    return _answer(view, 200, said, stage=record["pipeline_stage_id"] or NO_STAGE, status=record["status"])


async def _answer_refusal(view: PageView, lead_id: int, refused: LeadRefused) -> web.Response:
    refusal = refused.refusal
    if refusal.is_missing:
        return _answer(view, 404, view.translate("This lead is gone: somebody deleted it."), stage=None)
    if "pipeline_stage_id" not in refusal.conflicts:
        return _answer(view, 422, view.translate("This stage is gone. Load the page again."), stage=None)
    now = refusal.conflicts["pipeline_stage_id"] or NO_STAGE
    record = await _read_record(view, lead_id)
    words = {"name": lead_name(view, record), "stage": await _stage_name(view, now)}
    said = view.translate("Not moved: somebody has moved %(name)s to %(stage)s meanwhile.", **words)
    return _answer(view, CONFLICT_STATUS, said, stage=now, status=record["status"])


def _answer(view: PageView, http_status: int, sentence: str, **values: Any) -> web.Response:
    """Return the outcome to a script; without one lead back to the board, which says it."""
    if view.request.headers.get("Accept") == JSON_MEDIA_TYPE:
        return json_response({"text": sentence, **values}, http_status)
    view.redirect(view.path("pipeline", **board_state(view).values), sentence)


async def _read_record(view: PageView, lead_id: int) -> LeadJson:
    key = (view.workspace.workspace_id, lead_id)
    async with view.console.reading() as connection:
        records = await read_leads(connection, [key])
    if key not in records:
        raise NotFound
    return records[key]


async def _stage_name(view: PageView, stage_id: int) -> str:
    if stage_id == NO_STAGE:
        return view.translate("No stage")
    async with view.console.reading() as connection:
        cursor = await connection.execute(STAGE_SQL, (view.workspace.workspace_id, stage_id))
        row = await cursor.fetchone()
    return row[0] if row else f"#{stage_id}"
