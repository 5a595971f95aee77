"""Search from every page: leads, submissions, pages and things to do, as a page and for the palette."""

from collections.abc import Iterator
from typing import Any

from aiohttp import web

from services.console.leads.list_page import read_list_page
from services.console.leads.query import LeadListState
from services.console.leads.words import STATUS_WORDS, lead_name
from services.console.submissions.list_page import query_text, search_note
from services.console.submissions.query import MAX_TEXT_LENGTH, as_submission_id, read_filters
from services.console.submissions.reads import SubmissionPage, search_submission_page
from services.console.submissions.words import SHORT_ID_LENGTH, SubmissionLine, state_words, submission_line
from services.console.web.access import workspace_page
from services.console.web.bidi_controls import show_controls
from services.console.web.navigation import visible_entries
from services.console.web.page_view import PageView
from services.console.web.rendering import PAGE_HEADERS
from shared.auth.roles import Permission
from shared.leads.lead_records import LeadJson
from shared.platform.db.connections import with_deadline
from shared.platform.errors import ServiceUnavailable
from shared.platform.web.responses import json_response

PALETTE_ROWS = 8
PALETTE_LEADS, PALETTE_SUBMISSIONS = 3, 3
PALETTE_SEARCH_SECONDS = 0.5  # seconds: the reader is typing
PAGE_SEARCH_SECONDS = 5.0
SHORTEST_SEARCH = 2  # characters
FOUND_SUBMISSIONS, FOUND_LEADS = 20, 10  # rows of the page

PaletteRow = dict[str, str]


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show what a text finds: submissions, and pages."""
    text = asked_text(view)
    page = await find_submissions(view, text, FOUND_SUBMISSIONS) if text else None
    return await view.render(
        "search/search.html",
        channel_names=await view.console.read_channel_names(view.workspace.workspace_id),
        text=text,
        page=page,
        lines=[submission_line(view, record) for record in page.rows] if page else [],
        search_note=search_note(view, page) if page else "",
        state_titles=state_words(view),
        found_leads=[_lead_row(view, lead) for lead in await find_leads(view, text, FOUND_LEADS)],
        leads_path=view.path("leads", search=text),
        found_pages=list(_page_rows(view, text)) if text else [],
        list_query=query_text({"search": text}) if text else "",
        needs_id=bool(text) and page is None,
        picks=None,
    )


@workspace_page(Permission.SEE_RECORDS)
async def palette(view: PageView) -> web.StreamResponse:
    """Answer the palette: groups of rows, eight rows at most. People come first, so that Enter opens one."""
    text = asked_text(view)
    page = None
    if len(text) >= SHORTEST_SEARCH:
        page = await find_submissions(view, text, PALETTE_SUBMISSIONS, PALETTE_SEARCH_SECONDS)
    lines = [submission_line(view, record) for record in page.rows] if page else []
    leads = await find_leads(view, text, PALETTE_LEADS, PALETTE_SEARCH_SECONDS)
    groups = [
        (view.translate("Leads"), [_lead_row(view, lead) for lead in leads]),
        (view.translate("Submissions"), [_submission_row(view, line) for line in lines]),
        (view.translate("Pages"), list(_page_rows(view, text))),
        (view.translate("Do"), list(_deed_rows(view, text))),
    ]
    return json_response(_bounded_groups(groups), headers=PAGE_HEADERS)


def asked_text(view: PageView) -> str:
    """Return what was asked for, with single spaces."""
    text = " ".join(view.request.query.get("q", "").split())[:MAX_TEXT_LENGTH]
    return str(read_filters({"search": text})[0].get("search", ""))


async def find_submissions(
    view: PageView, text: str, limit: int, seconds: float | None = None
) -> SubmissionPage | None:
    """Return the newest submissions that a text finds, or None if the reader may search by id alone."""
    if not view.permits(Permission.SEE_PERSONS) and as_submission_id(text) is None:
        return None
    async with view.console.reading() as connection:
        return await search_submission_page(
            connection, view.workspace.workspace_id, {"search": text}, limit=limit, seconds=seconds
        )


async def find_leads(view: PageView, text: str, limit: int, seconds: float = PAGE_SEARCH_SECONDS) -> list[LeadJson]:
    """Return the newest leads that a text finds; none in time, or for a reader who may not see persons."""
    if len(text) < SHORTEST_SEARCH or not view.permits(Permission.SEE_PERSONS):
        return []
    try:
        return (await with_deadline(seconds, read_list_page(view, LeadListState({"search": text}), size=limit))).rows
    except (ServiceUnavailable, TimeoutError):  # too many large lists are read just now
        return []


def _lead_row(view: PageView, lead: LeadJson) -> PaletteRow:
    detail = str(lead["email"] or lead["phone"] or "")
    side = view.translate_choice(STATUS_WORDS, lead["status"])
    return {"href": view.path(f"leads/{lead['id']}"), "text": lead_name(view, lead), "detail": detail, "side": side}


def _submission_row(view: PageView, line: SubmissionLine) -> PaletteRow:
    state = state_words(view).get(line.record["state"], line.record["state"])
    detail = f"{state}, {view.formatting.clock(line.record['received_at'])}"
    return {
        "href": view.path(f"submissions/{line.id}"),
        "text": line.name,
        "detail": detail,
        "side": line.id[:SHORT_ID_LENGTH],
    }


def _page_rows(view: PageView, text: str) -> Iterator[PaletteRow]:
    for entry in visible_entries(view.permits):
        label = view.translate(entry.label)
        if text.casefold() in label.casefold():
            side = f"g {entry.key}" if entry.key else ""
            yield {"href": view.path(entry.page), "text": label, "detail": "", "side": side}


def _deed_rows(view: PageView, text: str) -> Iterator[PaletteRow]:
    """Yield things to do: those whose words contain the text, and a search for it."""
    if text:
        label = view.translate("Find “%(text)s” in all submissions", text=text)
        yield {"href": view.path("search", q=text), "text": label}
    deeds = [
        (view.translate("Show dead submissions"), view.path("submissions", state="dead")),
        (view.translate("Show held submissions"), view.path("submissions", state="quarantined")),
    ]
    if view.permits(Permission.STEER_QUEUES):
        deeds.append((view.translate("Pause a queue…"), view.path("queues")))
    deeds.append((view.translate("Account and sessions"), "/console/me/account"))
    for label, href in deeds:
        if text.casefold() in label.casefold():
            yield {"href": href, "text": label}


def _bounded_groups(groups: list[tuple[str, list[PaletteRow]]]) -> list[dict[str, Any]]:
    bounded, room = [], PALETTE_ROWS
    for title, rows in groups:
        shown, room = rows[:room], room - len(rows[:room])
        if shown:
            texts = [{**row, "text": show_controls(row["text"])} for row in shown]
            bounded.append({"title": title, "rows": texts})
    return bounded
