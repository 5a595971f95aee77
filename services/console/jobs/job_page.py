"""One bulk job: its own ledger, its pace, the outcome of each row, and these as a file."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web
from markupsafe import Markup

from services.console.jobs import outcome_words as job_outcome_words
from services.console.jobs import words as job_words
from services.console.jobs.filters import filter_values
from services.console.jobs.lead_edit_words import lead_change_sentences
from services.console.jobs.measured_rate import JobPace, PaceMeter, pace_chart
from services.console.jobs.records import CheapCounts, JobSnapshot, read_job_snapshot, read_record_names
from services.console.jobs.rows import (
    HANDLED_OUTCOMES,
    OUTCOMES_PAGE_SIZE,
    ROW_OUTCOMES,
    ItemsPage,
    OutcomeFilter,
    OutcomeRow,
    list_items,
    read_outcomes,
)
from services.console.queues.history_charts import current_rates
from services.console.web.access import workspace_page
from services.console.web.csv_download import stream_csv
from services.console.web.live_updates import stream_snapshots
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.jobs import job_control
from shared.jobs.job_control import JobRow
from shared.jobs.job_followers import is_following_job
from shared.jobs.job_kinds import told_kind
from shared.jobs.lead_targets import KINDS_OVER_LEADS, UNDO_FILTER
from shared.outbound.mail_setup import can_send_mail
from shared.platform.web.path_params import MAX_ID, path_id

OUTCOME_FILTERS: tuple[OutcomeFilter, ...] = ("all", *ROW_OUTCOMES)
CSV_HEADING = ("row_id", "object_id", "outcome", "message", "handled_at")
MAX_LINKED_ROWS = 150  # rows that an address can name
RATE_MINUTES = 60  # minutes of history from which the present rate of live leads is taken
LIST_PAGES = {
    "replay": "submissions",
    "release": "quarantine",
    "reject": "quarantine",
    "edit": "leads",
    "delete": "leads",
    "stage_removal": "leads",
    "rescore": "leads",
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
        job = await job_control.read_job(connection, workspace_id, job_id)
    return await stream_csv(view, f"job-{job_id}.csv", CSV_HEADING, _outcome_pages(view, job, outcome))


async def _outcome_pages(
    view: PageView, job: JobRow, outcome: OutcomeFilter
) -> AsyncIterator[list[tuple[int, str | None, str, str | None, Any]]]:
    sees_persons, after = view.permits(Permission.SEE_PERSONS), 0
    while True:
        async with view.console.reading() as connection:
            rows = await read_outcomes(connection, view.workspace.workspace_id, job, outcome, after)
        yield [(row.id, row.object_id, row.outcome, _shown_message(row, sees_persons), row.handled_at) for row in rows]
        if len(rows) < OUTCOMES_PAGE_SIZE:
            return
        after = rows[-1].id


def _shown_message(row: OutcomeRow, sees_persons: bool) -> str | None:
    """Return why a row failed or was skipped. What failed may quote a person, and is left out for some."""
    return row.message if sees_persons or row.outcome != "failed" else None


def _watching_reader(view: PageView, job_id: int, outcome: OutcomeFilter | None) -> Callable[[], Awaitable[WatchedJob]]:
    """Return what reads the job each second, for as long as somebody watches it."""
    workspace_id = view.workspace.workspace_id
    meter, counts, rows = PaceMeter(), CheapCounts(), ItemsPage()
    snapshot: JobSnapshot | None = None

    async def read() -> WatchedJob:
        nonlocal snapshot, rows
        async with view.console.reading() as connection:
            job = await job_control.read_job(connection, workspace_id, job_id)
            outcomes = (await counts.read_outcomes(connection, workspace_id, [job]))[job_id]
            if snapshot is None or outcomes is not snapshot.outcomes:
                snapshot = await read_job_snapshot(connection, workspace_id, job, outcomes)
                if outcome:
                    rows = await list_items(connection, workspace_id, job, outcome, 0)
            snapshot = replace(snapshot, job=job)
        step, points = await view.console.read_history(workspace_id, RATE_MINUTES)
        pace = meter.note_progress(snapshot.job, current_rates(points, step)["accepted"])
        return WatchedJob(snapshot, pace, rows if outcome else None)

    return read


def _render_live_of(outcome: OutcomeFilter | None) -> Callable[[PageView, WatchedJob], str]:
    def render(view: PageView, watched: WatchedJob) -> str:
        shown = _shown_job(view, watched)
        if outcome and watched.rows:
            shown |= _shown_rows(view, watched.snapshot, outcome, watched.rows)
        return view.render_text("jobs/_job_stream.html", has_rows=bool(outcome), **shown)

    return render


async def render_job(
    view: PageView, status: int = 200, *, problem: str = "", typed_rate: str | None = None
) -> web.Response:
    """Return the page of a job, with a problem of the form for its pace."""
    workspace_id, job_id = view.workspace.workspace_id, path_id(view.request)
    after = _after(view)
    async with view.console.reading() as connection:
        job = await job_control.read_job(connection, workspace_id, job_id)
        outcomes = (await CheapCounts().read_outcomes(connection, workspace_id, [job]))[job_id]
        snapshot = await read_job_snapshot(connection, workspace_id, job, outcomes)
        outcome = _asked_outcome(view) or job_outcome_words.worst_outcome(outcomes)
        rows = await list_items(connection, workspace_id, job, outcome, after)
        names = await read_record_names(connection, workspace_id, job["filter"])
        has_mail = await can_send_mail(connection, view.console.settings, workspace_id)
        is_following = await is_following_job(connection, workspace_id, job_id, view.workspace.user_id)
    rate = "" if job["rate"] is None else str(job["rate"])
    return await view.render(
        "jobs/job.html",
        status,
        **_shown_job(view, WatchedJob(snapshot)),
        **_shown_rows(view, snapshot, outcome, rows, after),
        sentence=job_words.filter_sentence(view, job["kind"], job["filter"], names),
        changes=_change_sentences(view, job),
        may_undo=_may_undo(view, job),
        effect=job_words.job_effect(view, told_kind(job["kind"], job["filter"]), has_changes=bool(job["changes"])),
        list_path=_list_path(view, job),
        asks_cancel="cancel" in view.request.query and view.permits(Permission.STEER_QUEUES),
        has_mail=has_mail,
        is_following=is_following,
        problem=problem,
        rate_text=rate if typed_rate is None else typed_rate,
    )


def _shown_job(view: PageView, watched: WatchedJob) -> dict[str, Any]:
    job, outcomes, causes = watched.snapshot.job, watched.snapshot.outcomes, watched.snapshot.causes
    has_ended = job["finished_at"] is not None
    return {
        "job": job,
        "outcomes": outcomes,
        "causes": causes,
        "title": job_words.job_title(view, told_kind(job["kind"], job["filter"]), job["total"]),
        "verdict": job_outcome_words.job_verdict(view, job, outcomes, causes),
        "job_state": job_words.job_state(view, job["state"], is_good=outcomes.is_good),
        "forecast": job_words.job_forecast(view, job),
        "has_ended": has_ended,
        "to_go": 0 if has_ended else job["total"] - job["position"],
        "figures": job_outcome_words.ledger_figures(view, job, outcomes),
        "unaccounted": job["position"] - job["done"] - job["failed"] - job["skipped"],
        "percent": 100 * job["position"] / job["total"] if job["total"] else 100.0 * has_ended,
        "shares": job_outcome_words.outcome_shares(outcomes),
        "summary": job_outcome_words.outcome_summary(view, outcomes),
        "pace": watched.pace,
        "chart": None if has_ended else pace_chart(view, watched.pace),
        "may_steer": view.permits(Permission.STEER_QUEUES),
    }


def _shown_rows(
    view: PageView, snapshot: JobSnapshot, outcome: OutcomeFilter, rows: ItemsPage, after: int = 0
) -> dict[str, Any]:
    job, outcomes = snapshot.job, snapshot.outcomes
    counts = job_outcome_words.outcome_counts(outcomes)
    figures = job_outcome_words.ledger_figures(view, job, outcomes)
    return {
        "outcome": outcome,
        "outcome_tabs": [("all", view.translate("All"), outcomes.total)]
        + [(one.outcome, one.label, one.rows) for one in figures if one.rows or one.outcome == outcome],
        "items": rows.items,
        "has_more": rows.has_more,
        "is_first_page": not after,
        "is_newest_first": outcome in HANDLED_OUTCOMES,
        "sees_persons": view.permits(Permission.SEE_PERSONS),
        "state_of": lambda item: job_outcome_words.row_state(view, item, outcomes),
        "reason_of": lambda item: job_outcome_words.row_reason(view, item),
        "again_path": _again_path(view, job, outcome, [item.submission_id or item.delivery_id for item in rows.items]),
        "csv_path": view.path(f"jobs/{job['id']}/outcomes.csv", outcome=outcome),
        "csv_count": outcomes.total if outcome == "all" else counts[outcome],
    }


def _change_sentences(view: PageView, job: JobRow) -> list[Markup]:
    words = lead_change_sentences if job["kind"] in KINDS_OVER_LEADS else job_words.change_sentences
    return words(view, job["changes"] or ())


def _may_undo(view: PageView, job: JobRow) -> bool:
    """Return whether the reader may take back what an edit changed."""
    is_edit = job["kind"] == "edit" and job["finished_at"] is not None and job["done"] > 0
    return is_edit and view.permits(Permission.BULK_LEADS)


def _list_path(view: PageView, job: JobRow) -> str | None:
    """Return the list that shows the job's filter, if there is one."""
    page = LIST_PAGES.get(job["kind"])
    if page is None or {"ids", "job", UNDO_FILTER} & job["filter"].keys():
        return None
    return view.path(page, **filter_values(job["kind"], job["filter"]))


def _again_path(view: PageView, job: JobRow, outcome: OutcomeFilter, ids: list[Any]) -> str | None:
    """Return the confirmation for the rows that failed, if they are few enough to be named in an address."""
    if outcome != "failed" or not 0 < job["failed"] == len(ids) <= MAX_LINKED_ROWS:
        return None
    if not view.permits(Permission.STEER_QUEUES) or job["kind"] in KINDS_OVER_LEADS:
        return None
    return view.path("jobs/confirm", kind=job["kind"], ids=",".join(str(one) for one in ids))


def _after(view: PageView) -> int:
    text = view.request.query.get("after", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_ID else 0


def _asked_outcome(view: PageView) -> OutcomeFilter | None:
    asked = view.request.query.get("outcome", "")
    return next((outcome for outcome in OUTCOME_FILTERS if outcome == asked), None)
