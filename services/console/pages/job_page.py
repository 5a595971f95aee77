"""One bulk job: its own ledger, its pace, the outcome of each row, and these as a file."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from aiohttp import web
from markupsafe import Markup

from services.console import job_words
from services.console.access import workspace_page
from services.console.bulk_filters import filter_values
from services.console.csv_download import stream_csv
from services.console.history_charts import current_rates
from services.console.job_pace import JobPace, PaceMeter, pace_chart
from services.console.job_records import (
    NEWEST_FIRST,
    OUTCOMES_PAGE_SIZE,
    ItemsPage,
    JobSnapshot,
    OutcomeFilter,
    OutcomeRow,
    list_items,
    read_job_snapshot,
    read_outcomes,
    read_record_names,
)
from services.console.lead_job_words import lead_change_sentences
from services.console.live_updates import stream_snapshots
from services.console.navigation import EXISTING_PAGES
from services.console.page_view import PageView
from shared.auth.roles import Permission
from shared.jobs import job_control
from shared.jobs.job_control import JobRow
from shared.jobs.job_followers import is_following_job
from shared.jobs.lead_targets import LEAD_KINDS, UNDO_FILTER
from shared.outbound.mail_setup import can_send_mail
from shared.web.path_params import MAX_ID, path_id

OUTCOME_FILTERS: tuple[OutcomeFilter, ...] = get_args(OutcomeFilter)
CSV_HEADING = ("row_id", "object_id", "outcome", "message", "handled_at")
MAX_LINKED_ROWS = 150  # rows that an address can name
AFTERWARDS_SECONDS = 5.0  # seconds between two counts of what became of the rows while somebody watches
RATE_MINUTES = 60  # minutes of history from which the present rate of live leads is taken
LIST_PAGES = {
    "replay": "submissions",
    "release": "quarantine",
    "reject": "quarantine",
    "deliveries": "webhooks",
    "edit": "leads",
    "delete": "leads",
}


@dataclass(frozen=True)
class WatchedJob:
    """A job as a page shows it: with a page of its rows, and its pace if somebody has watched it for some seconds.

    `rows` is None for those who went to another page of rows: it stays as it is.
    """

    snapshot: JobSnapshot
    pace: JobPace = field(default_factory=JobPace)
    rows: ItemsPage | None = None


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show a job. With `cancel` it asks whether the rest is to be cancelled."""
    return await render_job(view)


@workspace_page(Permission.SEE_RECORDS)
async def live(view: PageView) -> web.StreamResponse:
    """Stream the progress of a job, and with `outcome` the first page of the rows that came to it."""
    job_id = path_id(view.request)
    async with view.console.reading() as connection:
        await job_control.read_job(connection, view.workspace.workspace_id, job_id)
    outcome = _asked_outcome(view)
    return await stream_snapshots(
        view, ("job", job_id, outcome), _watching_reader(view, job_id, outcome), _render_live_of(outcome)
    )


@workspace_page(Permission.SEE_RECORDS)
async def download(view: PageView) -> web.StreamResponse:
    """Answer the outcomes of all rows as CSV, or of those with an `outcome`."""
    workspace_id, job_id = view.workspace.workspace_id, path_id(view.request)
    outcome = _asked_outcome(view) or "all"
    async with view.console.reading() as connection:
        await job_control.read_job(connection, workspace_id, job_id)
    return await stream_csv(view, f"job-{job_id}.csv", CSV_HEADING, _outcome_pages(view, job_id, outcome))


async def _outcome_pages(
    view: PageView, job_id: int, outcome: OutcomeFilter
) -> AsyncIterator[list[tuple[int, str | None, str, str | None, Any]]]:
    sees_persons, after = view.permits(Permission.SEE_PERSONS), 0
    while True:
        async with view.console.reading() as connection:
            rows = await read_outcomes(connection, view.workspace.workspace_id, job_id, outcome, after)
        yield [
            (row.id, row.object_id, row.outcome or "waiting", _shown_message(row, sees_persons), row.handled_at)
            for row in rows
        ]
        if len(rows) < OUTCOMES_PAGE_SIZE:
            return
        after = rows[-1].id


def _shown_message(row: OutcomeRow, sees_persons: bool) -> str | None:
    """Return why a row failed or was skipped. What failed may quote a person, and is left out for some."""
    return row.message if sees_persons or row.outcome != "failed" else None


def _watching_reader(view: PageView, job_id: int, outcome: OutcomeFilter | None) -> Callable[[], Awaitable[WatchedJob]]:
    """Return what reads the job each second, for as long as somebody watches it."""
    workspace_id = view.workspace.workspace_id
    meter, kept, rows = PaceMeter(), JobSnapshot({}, None), ItemsPage()
    counted_at = 0.0

    async def read() -> WatchedJob:
        nonlocal kept, rows, counted_at
        is_due = time.monotonic() - counted_at >= AFTERWARDS_SECONDS
        async with view.console.reading() as connection:
            before = kept.job.get("position")
            if is_due:
                kept, counted_at = await read_job_snapshot(connection, workspace_id, job_id), time.monotonic()
            else:
                kept = replace(kept, job=await job_control.read_job(connection, workspace_id, job_id))
            if outcome and (is_due or kept.job["position"] != before):
                rows = await list_items(connection, workspace_id, kept.job, outcome, 0)
        step, points = await view.console.read_history(workspace_id, RATE_MINUTES)
        pace = meter.note_progress(kept.job, current_rates(points, step)["accepted"])
        return WatchedJob(kept, pace, rows if outcome else None)

    return read


def _render_live_of(outcome: OutcomeFilter | None) -> Callable[[PageView, WatchedJob], str]:
    def render(view: PageView, watched: WatchedJob) -> str:
        shown = _shown_job(view, watched)
        if outcome and watched.rows:
            shown |= _shown_rows(view, watched.snapshot.job, outcome, watched.rows)
        return view.render_text("parts/job_stream.html", has_rows=bool(outcome), **shown)

    return render


async def render_job(
    view: PageView, status: int = 200, *, problem: str = "", typed_rate: str | None = None
) -> web.Response:
    """Return the page of a job, with a problem of the form for its pace."""
    workspace_id, job_id = view.workspace.workspace_id, path_id(view.request)
    after = _after(view)
    async with view.console.reading() as connection:
        snapshot = await read_job_snapshot(connection, workspace_id, job_id)
        job = snapshot.job
        outcome = _asked_outcome(view) or _worst_outcome(job)
        rows = await list_items(connection, workspace_id, job, outcome, after)
        names = await read_record_names(connection, workspace_id, job["filter"])
        has_mail = await can_send_mail(connection, view.console.settings, workspace_id)
        is_following = await is_following_job(connection, workspace_id, job_id, view.workspace.user_id)
    rate = "" if job["rate"] is None else str(job["rate"])
    return await view.render(
        "job.html",
        status,
        **_shown_job(view, WatchedJob(snapshot)),
        **_shown_rows(view, job, outcome, rows, after),
        sentence=job_words.filter_sentence(view, job["kind"], job["filter"], names),
        changes=_change_sentences(view, job),
        may_undo=_may_undo(view, job),
        effect=job_words.job_effect(view, job["kind"], has_changes=bool(job["changes"])),
        list_path=_list_path(view, job),
        asks_cancel="cancel" in view.request.query and view.permits(Permission.STEER_QUEUES),
        has_mail=has_mail,
        is_following=is_following,
        problem=problem,
        rate_text=rate if typed_rate is None else typed_rate,
    )


def _shown_job(view: PageView, watched: WatchedJob) -> dict[str, Any]:
    job = watched.snapshot.job
    left = job["total"] - job["position"]
    has_ended = job["finished_at"] is not None
    return {
        "job": job,
        "afterwards": watched.snapshot.afterwards,
        "title": job_words.job_title(view, job["kind"], job["total"]),
        "job_state": job_words.job_state(view, job["state"]),
        "forecast": job_words.job_forecast(view, job),
        "has_ended": has_ended,
        "to_go": 0 if has_ended else left,
        "cancelled": left if has_ended else 0,
        "unaccounted": job["position"] - job["done"] - job["failed"] - job["skipped"],
        "percent": 100 * job["position"] / job["total"] if job["total"] else 100.0 * has_ended,
        "shares": job_words.outcome_shares(job),
        "pace": watched.pace,
        "chart": None if has_ended else pace_chart(view, watched.pace),
        "may_steer": view.permits(Permission.STEER_QUEUES),
    }


def _shown_rows(view: PageView, job: JobRow, outcome: OutcomeFilter, rows: ItemsPage, after: int = 0) -> dict[str, Any]:
    counts = _outcome_counts(job)
    return {
        "outcome": outcome,
        "outcome_counts": counts,
        "items": rows.items,
        "has_more": rows.has_more,
        "is_first_page": not after,
        "is_newest_first": outcome in NEWEST_FIRST,
        "sees_persons": view.permits(Permission.SEE_PERSONS),
        "outcome_state": lambda found: job_words.outcome_state(view, found),
        "again_path": _again_path(view, job, outcome, [item.submission_id or item.delivery_id for item in rows.items]),
        "csv_path": view.path(f"jobs/{job['id']}/outcomes.csv", outcome=outcome),
        "csv_count": dict(counts)[outcome],
    }


def _change_sentences(view: PageView, job: JobRow) -> list[Markup]:
    words = lead_change_sentences if job["kind"] in LEAD_KINDS else job_words.change_sentences
    return words(view, job["changes"] or ())


def _may_undo(view: PageView, job: JobRow) -> bool:
    """Return whether the reader may take back what an edit changed."""
    is_edit = job["kind"] == "edit" and job["finished_at"] is not None and job["done"] > 0
    return is_edit and view.permits(Permission.BULK_LEADS)


def _outcome_counts(job: JobRow) -> list[tuple[OutcomeFilter, int]]:
    counts = {**{name: job[name] for name in ("failed", "skipped", "done")}, "all": job["total"]}
    return [(name, counts.get(name, job["total"] - job["position"])) for name in OUTCOME_FILTERS]


def _list_path(view: PageView, job: JobRow) -> str | None:
    """Return the list that shows the job's filter, if that page exists."""
    page = LIST_PAGES.get(job["kind"], "")
    if page not in EXISTING_PAGES or {"ids", UNDO_FILTER} & job["filter"].keys():
        return None
    return view.path(page, **filter_values(job["kind"], job["filter"]))


def _again_path(view: PageView, job: JobRow, outcome: OutcomeFilter, ids: list[Any]) -> str | None:
    """Return the confirmation for the rows that failed, if they are few enough to be named in an address."""
    if outcome != "failed" or not 0 < job["failed"] == len(ids) <= MAX_LINKED_ROWS:
        return None
    if not view.permits(Permission.STEER_QUEUES) or job["kind"] in LEAD_KINDS:
        return None
    return view.path("jobs/confirm", kind=job["kind"], ids=",".join(str(one) for one in ids))


def _after(view: PageView) -> int:
    text = view.request.query.get("after", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_ID else 0


def _asked_outcome(view: PageView) -> OutcomeFilter | None:
    asked = view.request.query.get("outcome", "")
    return next((outcome for outcome in OUTCOME_FILTERS if outcome == asked), None)


def _worst_outcome(job: JobRow) -> OutcomeFilter:
    """Return the outcomes that are listed if none are asked for: the worst there are."""
    return "failed" if job["failed"] else "skipped" if job["skipped"] else "all"
