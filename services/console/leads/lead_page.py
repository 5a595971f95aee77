"""A lead: its facts, where it came from, what happened to it, and what is to be done about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from services.console.leads.activity_words import timeline_entries
from services.console.leads.edit_form import LeadEditForm, make_edit_form
from services.console.leads.logged_words import KIND_ICONS, KIND_WORDS, OUTCOME_WORDS
from services.console.leads.neighbours import find_lead_neighbours
from services.console.leads.query import LeadListState, read_lead_query
from services.console.leads.related_records import RelatedRecords, read_related_records
from services.console.leads.score_reads import read_score_parts
from services.console.leads.score_words import reference_names, score_sum
from services.console.leads.sections import (
    consent_version,
    delivery_lines,
    identity_lines,
    intake_channels,
    pair_lines,
    unsettled_deliveries,
)
from services.console.leads.tag_hues import read_tag_hues
from services.console.leads.timeline_entry import TimelineEntry, TimelineFold
from services.console.leads.timeline_folds import folded_entries
from services.console.leads.timeline_reads import (
    GROUP_CONDITIONS,
    STORY_GROUP,
    TimelinePage,
    channel_key,
    count_newer_entries,
    read_names,
    read_timeline,
    read_timeline_position,
)
from services.console.leads.touch_path import touch_path
from services.console.leads.words import (
    dialled_number,
    field_label,
    lead_name,
    masked_text,
    short_id,
    shown_person_value,
    status_words,
    times_words,
)
from services.console.submissions.contact_origins import given_consents
from services.console.submissions.origin import attribution_rows
from services.console.web.access import workspace_page
from services.console.web.colors import nearest_hue
from services.console.web.live_updates import stream_snapshots
from services.console.web.page_view import PageView
from services.console.web.rendering import page_response
from shared.auth.roles import Permission
from shared.leads.lead_records import LeadJson, read_leads
from shared.leads.lead_redirects import find_winner
from shared.leads.lead_tasks import list_lead_tasks
from shared.likeness.pair_list import PairFilter, list_pairs
from shared.merging.merge_list import MergeRecord, list_merges
from shared.outbound.suppressions import find_suppression_of
from shared.people.erasures import find_erasure
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.web.path_params import MAX_ID, path_id

NEW_ROWS_EVENT = "new-rows"
MAX_PAIRS = 3  # possible duplicates that the banner names
MAX_TASKS = 50
MAX_TAGS = 100
MAX_MERGES = 50
QUESTIONS = ("delete",)


@dataclass(frozen=True)
class RefusedLeadForm:
    """What was refused, as it was typed, with its problems by field."""

    values: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show a lead. The id of a merged one leads to the lead that has its place."""
    record = await find_lead(view)
    edits = "edit" in view.request.query and view.permits(Permission.CHANGE_LEADS)
    return await render_lead(view, record, facts=make_edit_form(record) if edits else None)


@workspace_page(Permission.SEE_RECORDS)
async def timeline(view: PageView) -> web.StreamResponse:
    """Answer the next page of a timeline to the page's script, as a part of the page."""
    record = await find_lead(view)
    if not view.request.headers.get("HX-Request"):
        kept = {name: view.request.query[name] for name in ("group", "before") if view.request.query.get(name)}
        view.redirect(f"{lead_path(view, record['id'], **kept)}#timeline")
    async with view.console.reading() as connection:
        page = await _read_timeline(view, connection, record["id"])
        undoable = await _read_undoable(view, connection, record["id"])
    html = view.render_text(
        "leads/_timeline_more.html",
        timeline_entries=_shown_entries(view, page, undoable),
        older=page.older,
        lead_id=record["id"],
        address=lambda below="", **query: lead_path(view, record["id"], below, **query),
    )
    return page_response(html, view.nonce)


@workspace_page(Permission.SEE_RECORDS)
async def live(view: PageView) -> web.StreamResponse:
    """Tell the page how many entries the timeline has that it does not show."""
    lead_id, text = path_id(view.request), view.request.query.get("after", "")
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_ID):
        raise NotFound
    workspace_id, after = view.workspace.workspace_id, int(text)
    async with view.console.reading() as connection:
        if not await read_leads(connection, [(workspace_id, lead_id)]):
            raise NotFound

    async def read() -> int:
        async with view.console.reading() as connection:
            return await count_newer_entries(connection, workspace_id, lead_id, after)

    return await stream_snapshots(view, ("lead", lead_id, after), read, _render_news, event=NEW_ROWS_EVENT)


async def find_lead(view: PageView) -> LeadJson:
    """Return the lead in the address. Raises NotFound.

    The id of a merged lead leads to the winner, and that of an erased one to what is kept about its erasure.
    """
    lead_id, workspace_id = path_id(view.request), view.workspace.workspace_id
    async with view.console.reading() as connection:
        record = (await read_leads(connection, [(workspace_id, lead_id)])).get((workspace_id, lead_id))
        winner = None if record else await find_winner(connection, workspace_id, lead_id)
        erasure = None if record or winner else await find_erasure(connection, workspace_id, lead_id)
    if winner is not None:
        said = view.translate("Lead %(id)s was merged into this one.", id=short_id(lead_id))
        view.redirect(lead_path(view, winner), said)
    if erasure and view.permits(Permission.REPORT_PERSON):
        view.redirect(view.path(f"leads/{lead_id}/person"))
    if record is None:
        raise NotFound
    return record


async def render_lead(
    view: PageView,
    record: LeadJson,
    status: int = 200,
    *,
    facts: LeadEditForm | None = None,
    task: RefusedLeadForm | None = None,
    log: RefusedLeadForm | None = None,
) -> web.Response:
    """Return the page of a lead, with an edit of its facts under way."""
    lead_id, workspace_id = record["id"], view.workspace.workspace_id
    async with view.console.reading() as connection:
        around = await read_related_records(connection, workspace_id, lead_id, record["assigned_user_id"])
        page = await _read_timeline(view, connection, lead_id)
        tasks = await list_lead_tasks(connection, workspace_id, lead_id, MAX_TASKS)
        merges, _ = await list_merges(connection, workspace_id, lead_id, limit=MAX_MERGES)
        pairs = await list_pairs(connection, workspace_id, PairFilter(lead_id=lead_id), limit=MAX_PAIRS)
        keys = {key for channel in intake_channels(around.intakes) if (key := channel_key(channel))}
        names = await read_names(connection, workspace_id, keys)
        parts = await read_score_parts(connection, workspace_id, record)
        hues = await read_tag_hues(connection, workspace_id, record["tags"][:MAX_TAGS])
        suppression = await find_suppression_of(connection, workspace_id, record["email"])
    return await view.render(
        "leads/lead.html",
        status,
        lead=record,
        name=lead_name(view, record),
        tags=[(tag, hues.get(tag, 0)) for tag in record["tags"][:MAX_TAGS]],
        facts=facts,
        task_form=task or RefusedLeadForm(),
        log_form=log or RefusedLeadForm(),
        around=around,
        suppression=suppression,
        identities=identity_lines(view, around, names),
        consents=given_consents(around.intakes),
        consent_version=lambda consent: consent_version(view, consent),
        deliveries=delivery_lines(view, unsettled_deliveries(around.deliveries)),
        path=touch_path(view, record, around, names),
        score=score_sum(view, parts, reference_names(around)),
        pairs=pair_lines(view, lead_id, pairs),
        tasks=tasks,
        merges=[each for each in merges if each["undone_at"] is None],
        timeline_entries=_shown_entries(view, page, undoable_ids(merges)),
        older=page.older,
        newest_id=page.newest_id,
        group=_asked_group(view),
        neighbours=await find_lead_neighbours(view, list_state(view), record),
        **_helpers(view, record, around),
    )


def lead_path(view: PageView, lead_id: int, below: str = "", **query: object) -> str:
    """Return the address of a lead with the filters of the list it was opened from."""
    page = f"leads/{lead_id}{f'/{below}' if below else ''}"
    return view.path(page, **{**list_state(view).values, **query})


def list_state(view: PageView) -> LeadListState:
    """Return the list that the lead was opened from."""
    return read_lead_query(view.request.query, sees_persons=view.permits(Permission.SEE_PERSONS))


def _helpers(view: PageView, record: LeadJson, around: RelatedRecords) -> dict[str, Any]:
    """Return what the template looks up: words, values and addresses."""
    hides = not view.permits(Permission.SEE_PERSONS)
    stage = next((each for each in around.stages if each["id"] == record["pipeline_stage_id"]), None)
    owner = next((each for each in around.users if each["id"] == record["assigned_user_id"]), None)
    attribution = record["attribution"] or {}
    return {
        "stage": stage,
        "owner": owner,
        "is_first_page": "before" not in view.request.query,
        "list_values": list_state(view).values,
        "statuses": status_words(view),
        "asked": _asked_question(view),
        "hue": lambda each: nearest_hue(each["color"], each["position"]),
        "label": lambda name: field_label(view, name),
        "shown": lambda name, value: shown_person_value(view, name, value),
        "masked": lambda text: masked_text(view, text),
        "touches": _touches(view, attribution, hides_values=hides),
        "address": lambda below="", **query: lead_path(view, record["id"], below, **query),
        "dialled": dialled_number,
        "times_words": lambda times: times_words(view, times),
        "log_kinds": [(kind, KIND_ICONS[kind], view.translate(word)) for kind, word in KIND_WORDS.items()],
        "outcomes": [(outcome, view.translate(word)) for outcome, word in OUTCOME_WORDS.items()],
    }


def _touches(view: PageView, attribution: LeadJson, *, hides_values: bool) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the rows of the first and the last touch with their titles; of the last alone if it repeats the first."""
    words = {"first": view.translate("At first"), "last": view.translate("At last")}
    rows_by_touch = {name: attribution_rows(view, attribution.get(name), hides_values=hides_values) for name in words}
    if set(rows_by_touch["first"]) <= set(rows_by_touch["last"]):
        del rows_by_touch["first"]
    return [(words[name], rows) for name, rows in rows_by_touch.items() if rows]


def _shown_entries(
    view: PageView, page: TimelinePage, undoable: Sequence[int]
) -> Sequence[TimelineEntry | TimelineFold]:
    """Return the entries of a page. In the story, runs of what the machine did are folded."""
    entries = timeline_entries(view, page, undoable)
    return folded_entries(view, entries) if _asked_group(view) == STORY_GROUP else entries


async def _read_timeline(view: PageView, connection: Connection, lead_id: int) -> TimelinePage:
    before = read_timeline_position(view.request.query.get("before", ""))
    return await read_timeline(connection, view.workspace.workspace_id, lead_id, _asked_group(view), before)


async def _read_undoable(view: PageView, connection: Connection, lead_id: int) -> list[int]:
    merges, _ = await list_merges(connection, view.workspace.workspace_id, lead_id, limit=MAX_MERGES)
    return undoable_ids(merges)


def undoable_ids(merges: Sequence[MergeRecord]) -> list[int]:
    """Return the ids of the merges that can be undone now."""
    return [each["id"] for each in merges if each["undone_at"] is None and each["blocked_by"] is None]


def _asked_group(view: PageView) -> str:
    group = view.request.query.get("group", "")
    return group if group in GROUP_CONDITIONS else ""


def _asked_question(view: PageView) -> str:
    asked = view.request.query.get("ask", "")
    return asked if asked in QUESTIONS and view.permits(Permission.BULK_LEADS) else ""


def _render_news(view: PageView, count: int) -> str:
    text = view.translate_count("%(n)s new entry", "%(n)s new entries", count)
    return orjson.dumps({"count": count, "text": text}).decode()
