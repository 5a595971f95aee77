"""One submission: what happened to it, its payload as it came, and what can be done with it."""

import uuid
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from services.console.submissions.edit import PayloadEditForm, editable_text, try_submission
from services.console.submissions.neighbours import Neighbours, find_neighbours, kept_filters, parse_filters
from services.console.submissions.origin import (
    attribution_rows,
    provider_request,
    received_bytes,
    submitted_consents,
)
from services.console.submissions.story import SubmissionStory, read_story
from services.console.submissions.timeline import origin_sentence, timeline_nodes
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView, expect
from services.console.web.payload_text import (
    PayloadLine,
    indented_lines,
    is_json,
    masked_payload,
    shown_tokens,
    shown_value,
    split_lines,
)
from shared.auth.roles import Permission
from shared.files.file_records import ListedFile, list_files
from shared.intake.submission_lookup import FoundSubmission, find_payload, find_spooled, find_submission
from shared.jobs.preview import ReplayPreview
from shared.platform.db.database_errors import is_unavailable
from shared.platform.errors import NotFound
from shared.platform.observability.tracing import trace_id_of
from shared.platform.web.path_params import path_uuid

RAW_MEDIA_TYPE = "application/octet-stream"
MAX_SHOWN_BYTES = 64 << 10  # bytes of a payload that the page shows
MAX_SHOWN_LINES = 2_000
QUESTIONS = ("replay", "release", "spam")
PERSON_FIELDS = ("email", "phone")

TRACE_ID_PLACEHOLDER = "{trace_id}"  # in the address of a trace's page


@dataclass(frozen=True)
class ShownPayload:
    """A payload for the page. `size` is in bytes; `is_cut` says that the page does not show all of it."""

    lines: list[PayloadLine]
    size: int
    is_cut: bool
    is_json: bool
    is_pretty: bool


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show a submission: with `fix` the form to edit it, with `try` what would become of it now."""
    submission = await found_submission(view)
    edit = preview = None
    is_decided = submission.place == "decided"
    if submission.record["state"] == "dead" and "fix" in view.request.query and view.permits(Permission.STEER_QUEUES):
        edit = PayloadEditForm(editable_text(submission))
    if is_decided and "try" in view.request.query and view.permits(Permission.SEE_PERSONS):
        preview = await try_submission(view, submission)
    return await render_submission(view, submission, edit=edit, preview=preview)


@workspace_page(Permission.SEE_PERSONS)
async def raw(view: PageView) -> web.StreamResponse:
    """Download the payload of a submission as it came, with secrets masked."""
    wanted = path_uuid(view.request)
    found = await found_submission(view)
    payload = found.stored
    if found.place != "spool":
        async with view.console.reading() as connection:
            payload = expect(await find_payload(connection, view.console.spool, view.workspace.workspace_id, wanted))
    headers = {
        "Content-Disposition": f'attachment; filename="{wanted}.json"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return web.Response(body=masked_payload(received_bytes(payload)), content_type=RAW_MEDIA_TYPE, headers=headers)


async def found_submission(view: PageView) -> FoundSubmission:
    """Return the submission in the address, from the spool alone while the database is away. Raises NotFound."""
    wanted, workspace = path_uuid(view.request), view.workspace.workspace_id
    try:
        async with view.console.reading() as connection:
            submission = await find_submission(connection, view.console.spool, workspace, wanted)
    except Exception as error:
        if not is_unavailable(error) or not (submission := await find_spooled(view.console.spool, workspace, wanted)):
            raise
    if submission is None:
        raise NotFound
    return submission


async def render_submission(
    view: PageView,
    submission: FoundSubmission,
    status: int = 200,
    *,
    edit: PayloadEditForm | None = None,
    preview: ReplayPreview | None = None,
) -> web.Response:
    """Return the page of a submission, with an edit under way or the outcome of a trial."""
    story, original, neighbours = await _read_surroundings(view, submission)
    files = await _list_files(view, submission)
    sees_persons = view.permits(Permission.SEE_PERSONS)
    record = submission.record
    return await view.render(
        "submissions/submission.html",
        status,
        channel_names=await view.console.read_channel_names(view.workspace.workspace_id),
        found=submission,
        record=record,
        story=story,
        nodes=timeline_nodes(view, submission, story),
        origin=origin_sentence(view, record["channel"], story),
        person=_person_name(submission) if sees_persons else "",
        payload=_shown_payload(view, received_bytes(original)),
        request=provider_request(original),
        attribution=attribution_rows(view, record.get("attribution"), hides_values=not sees_persons),
        consents=submitted_consents(submission) if sees_persons else [],
        neighbours=neighbours,
        files=files,
        kept=kept_filters(view.request.query),
        trace_id=(trace_id := trace_id_of(str(record["id"]))),
        trace_page=view.console.settings.trace_page_url.replace(TRACE_ID_PLACEHOLDER, trace_id or ""),
        address=lambda below="", **query: submission_path(view, str(record["id"]), below, **query),
        value_text=lambda field, value: shown_value(field, value, hides_values=not sees_persons),
        edit=edit,
        preview=edit.preview if edit else preview,
        next_version=max((version["version"] for version in story.versions), default=1) + 1,
        asked=_asked_question(view, submission),
    )


def submission_path(view: PageView, id_: str, below: str = "", **query: object) -> str:
    """Return the address of a submission with the filters of the list it was opened from."""
    page = f"submissions/{id_}{f'/{below}' if below else ''}"
    return view.path(page, **{**kept_filters(view.request.query), **query})


async def _read_surroundings(view: PageView, submission: FoundSubmission) -> tuple[SubmissionStory, bytes, Neighbours]:
    """Return the story, the payload as it came, and the neighbours. Of one in the spool nothing else is known."""
    if submission.place == "spool":
        return SubmissionStory(), submission.stored, Neighbours()
    workspace, wanted = view.workspace.workspace_id, uuid.UUID(str(submission.record["id"]))
    async with view.console.reading() as connection:
        story = await read_story(connection, workspace, submission)
    original = next((bytes(each["payload"]) for each in story.versions if each["version"] == 1), submission.stored)
    filters = parse_filters(kept_filters(view.request.query))
    if submission.place != "decided" or filters is None:
        return story, original, Neighbours()
    received_at = submission.record["received_at"]
    neighbours = await find_neighbours(view.console.engine, workspace, filters, received_at, wanted)
    return story, original, neighbours


async def _list_files(view: PageView, submission: FoundSubmission) -> list[ListedFile]:
    if submission.place != "decided":
        return []
    async with view.console.reading() as connection:
        return await list_files(connection, view.workspace.workspace_id, uuid.UUID(str(submission.record["id"])))


def _asked_question(view: PageView, submission: FoundSubmission) -> str:
    """Return the question that the page asks in a dialog, or an empty string."""
    question = view.request.query.get("ask", "")
    state = {"replay": "dead"}.get(question, "quarantined")
    fits = question in QUESTIONS and submission.record["state"] == state and view.permits(Permission.STEER_QUEUES)
    return question if fits else ""


def _shown_payload(view: PageView, original: bytes) -> ShownPayload:
    sees_persons = view.permits(Permission.SEE_PERSONS)
    tokens = shown_tokens(original, hides_values=not sees_persons)
    is_object, is_cut, used, pieces = is_json(original), False, 0, []
    for token in tokens:
        room = MAX_SHOWN_BYTES - used
        is_cut = len(token.text) > room
        pieces.append(token._replace(text=token.text[:room]))
        used += len(token.text)
        if is_cut:
            break
    is_pretty = is_object and view.request.query.get("pretty") == "1"
    lines = indented_lines(pieces) if is_pretty else split_lines(pieces)
    is_cut = is_cut or len(lines) > MAX_SHOWN_LINES
    return ShownPayload(lines[:MAX_SHOWN_LINES], len(original), is_cut, is_object, is_pretty)


def _person_name(submission: FoundSubmission) -> str:
    """Return the name in the payload, otherwise the email or phone, otherwise an empty string."""
    try:
        body: Any = orjson.loads(submission.stored)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(body, dict):
        return ""
    texts = {name: value for name, value in body.items() if isinstance(value, str)}
    name = " ".join(filter(None, (texts.get("first_name", "").strip(), texts.get("last_name", "").strip())))
    return (name or next(filter(None, (texts.get(each, "") for each in PERSON_FIELDS)), ""))[:200]
