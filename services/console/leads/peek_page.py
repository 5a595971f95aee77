"""A look at a lead beside the list: its head, its facts and the latest of its timeline, as a part of the page."""

from aiohttp import web

from services.console.leads.activity_words import timeline_entries
from services.console.leads.lead_page import find_lead, lead_path
from services.console.leads.reads import read_list_names
from services.console.leads.rows import lead_line
from services.console.leads.tag_hues import read_tag_hues
from services.console.leads.timeline_folds import folded_entries
from services.console.leads.timeline_reads import STORY_GROUP, TimelinePosition, read_timeline
from services.console.leads.words import dialled_number, field_label, shown_person_value, status_words
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.rendering import page_response
from shared.auth.roles import Permission

PEEK_TAGS = 20
PEEK_LINES = 8  # lines of the timeline
PEEK_FACTS = ("company", "job_title", "country", "source", "email", "phone")


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Answer the page's script. Without a script this is the lead's page."""
    record = await find_lead(view)
    lead_id, workspace_id = record["id"], view.workspace.workspace_id
    if not view.request.headers.get("HX-Request"):
        view.redirect(lead_path(view, lead_id))
    async with view.console.reading() as connection:
        names = await read_list_names(connection, workspace_id)
        hues = await read_tag_hues(connection, workspace_id, record["tags"][:PEEK_TAGS])
        page = await read_timeline(connection, workspace_id, lead_id, STORY_GROUP, TimelinePosition())
    lines = folded_entries(view, timeline_entries(view, page))
    facts = [(name, field_label(view, name), shown_person_value(view, name, record[name])) for name in PEEK_FACTS]
    html = view.render_text(
        "leads/_peek.html",
        line=lead_line(view, record, names, (), ""),
        lead=record,
        tags=[(tag, hues.get(tag, 0)) for tag in record["tags"][:PEEK_TAGS]],
        facts=[fact for fact in facts if fact[2]],
        notes=shown_person_value(view, "notes", record["notes"]),
        status=status_words(view).get(record["status"], record["status"]),
        sees_persons=view.permits(Permission.SEE_PERSONS),
        lead_id=lead_id,
        timeline_entries=lines[:PEEK_LINES],
        dialled=dialled_number,
    )
    return page_response(html, view.nonce)
