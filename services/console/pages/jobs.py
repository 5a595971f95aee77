"""Bulk jobs: the list, and one job with its own ledger, its pace and the outcome of each row."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn, get_args

from aiohttp import web

from services.console import job_words
from services.console.access import workspace_page
from services.console.bulk_filters import filter_values
from services.console.history_charts import current_rates
from services.console.job_pace import JobPace, PaceMeter, pace_chart
from services.console.job_records import (
    JOBS_PAGE_SIZE,
    JobGroup,
    JobSnapshot,
    count_jobs,
    list_items,
    list_jobs,
    read_job_snapshot,
    read_record_names,
)
from services.console.live_updates import stream_snapshots
from services.console.navigation import EXISTING_PAGES
from services.console.page_view import PageView
from shared.auth.roles import Permission
from shared.db.connections import Connection
from shared.errors import Conflict
from shared.jobs import job_control
from shared.jobs.job_control import MAX_RATE, JobRow
from shared.web.audit import audit_details
from shared.web.path_params import MAX_ID, path_id

OutcomeFilter = Literal["failed", "skipped", "done", "waiting", "all"]

OUTCOME_FILTERS: tuple[OutcomeFilter, ...] = get_args(OutcomeFilter)
JOB_GROUPS: tuple[JobGroup, ...] = get_args(JobGroup)
MAX_PAGES = 1000  # pages of the list
MAX_LINKED_ROWS = 150  # rows that an address can name
AFTERWARDS_SECONDS = 5.0  # seconds between two counts of what became of the rows while somebody watches
RATE_MINUTES = 60  # minutes of history from which the present rate of live leads is taken
LIST_PAGES = {"replay": "submissions", "release": "quarantine", "reject": "quarantine", "deliveries": "webhooks"}


@dataclass(frozen=True)
class JobsSnapshot:
    """A page of the list, read at one moment."""

    jobs: list[JobRow]
    counts: dict[JobGroup, int]


@dataclass(frozen=True)
class WatchedJob:
    """A job as a page shows it: with its pace, if somebody has watched it for some seconds."""

    snapshot: JobSnapshot
    pace: JobPace = field(default_factory=JobPace)


@workspace_page(Permission.SEE_RECORDS)
async def index(view: PageView) -> web.StreamResponse:
    """List the jobs: those that have not ended first."""
    return await view.render("jobs.html", **_shown_jobs(view, await _read_jobs(view)))


@workspace_page(Permission.SEE_RECORDS)
async def live_index(view: PageView) -> web.StreamResponse:
    """Stream the list."""
    key = f"jobs {_group(view)} {_page(view)}"
    return await stream_snapshots(
        view, key, lambda: _read_jobs(view), lambda each, found: _render_part(each, "jobs", _shown_jobs(each, found))
    )


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show a job. With `cancel` it asks whether the rest is to be cancelled."""
    return await _render_job(view)


@workspace_page(Permission.SEE_RECORDS)
async def live(view: PageView) -> web.StreamResponse:
    """Stream the progress of a job."""
    job_id = path_id(view.request)
    async with view.console.reading() as connection:
        await job_control.read_job(connection, view.workspace.workspace_id, job_id)
    return await stream_snapshots(
        view,
        f"job {job_id}",
        _watching_reader(view, job_id),
        lambda each, found: _render_part(each, "job", _shown_job(each, found)),
    )


@workspace_page(Permission.STEER_QUEUES)
async def set_rate(view: PageView) -> web.StreamResponse:
    """Change the pace of a job while it runs."""
    text = str((await view.request.post()).get("rate", "")).strip().replace(",", "")
    is_number = text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MAX_RATE
    if text and not is_number:
        n = view.formatting.number(MAX_RATE)
        problem = view.translate("A whole number from 1 to %(n)s, or nothing.", n=n)
        return await _render_job(view, 422, problem=problem, typed_rate=text[:20])
    rate = int(text) if text else None

    async def change_rate(connection: Connection, workspace_id: int, job_id: int) -> None:
        await job_control.set_job_rate(connection, workspace_id, job_id, rate)

    audit_details(view.request, after={"rate": rate})
    said = view.translate("As fast as workers can.")
    if rate:
        said = view.translate("At most %(rate)s a second from now on.", rate=view.formatting.number(rate))
    await _steer_job(view, change_rate, "rate_changed", said)


@workspace_page(Permission.STEER_QUEUES)
async def pause(view: PageView) -> web.StreamResponse:
    """Pause a job."""
    said = view.translate("The job is paused. What it has begun is finished.")
    await _steer_job(view, job_control.pause_job, "paused", said)


@workspace_page(Permission.STEER_QUEUES)
async def resume(view: PageView) -> web.StreamResponse:
    """Let a paused job go on."""
    await _steer_job(view, job_control.resume_job, "resumed", view.translate("The job goes on."))


@workspace_page(Permission.STEER_QUEUES)
async def cancel(view: PageView) -> web.StreamResponse:
    """End a job. The rows that it has not handled stay as they are."""
    said = view.translate("The rest is cancelled. Those rows stay as they are.")
    await _steer_job(view, job_control.cancel_job, "cancelled", said)


async def _steer_job(
    view: PageView, steer: Callable[[Connection, int, int], Awaitable[None]], action: str, said: str
) -> NoReturn:
    """Change a job and go back to its page. One that has ended meanwhile is no error: the page says so."""
    job_id = path_id(view.request)
    audit_details(view.request, action=f"job.{action}", object=("job", job_id))
    try:
        await view.console.writing(lambda connection: steer(connection, view.workspace.workspace_id, job_id))
    except Conflict:
        said = view.translate("Nothing was changed: the job had ended already.")
    view.console.forget_figures(view.workspace.workspace_id)
    view.redirect(view.path(f"jobs/{job_id}"), said)


async def _read_jobs(view: PageView) -> JobsSnapshot:
    workspace_id = view.workspace.workspace_id
    async with view.console.reading() as connection:
        counts = await count_jobs(connection, workspace_id)
        return JobsSnapshot(await list_jobs(connection, workspace_id, _group(view), _page(view)), counts)


def _shown_jobs(view: PageView, snapshot: JobsSnapshot) -> dict[str, Any]:
    group, page = _group(view), _page(view)
    return {
        "jobs": snapshot.jobs,
        "group": group,
        "groups_counted": [(one, snapshot.counts[one]) for one in JOB_GROUPS],
        "page_number": page,
        "has_next": page * JOBS_PAGE_SIZE < snapshot.counts[group],
        "title_of": lambda job: job_words.job_title(view, job["kind"], job["total"]),
        "sentence_of": lambda job: job_words.filter_sentence(view, job["kind"], job["filter"], {}),
        "state_of": lambda job: job_words.job_state(view, job["state"]),
        "forecast_of": lambda job: job_words.job_forecast(view, job),
        "shares_of": _outcome_shares,
    }


def _watching_reader(view: PageView, job_id: int) -> Callable[[], Awaitable[WatchedJob]]:
    """Return what reads the job each second, for as long as somebody watches it."""
    meter, kept = PaceMeter(), JobSnapshot({}, None)
    counted_at = 0.0

    async def read() -> WatchedJob:
        nonlocal kept, counted_at
        workspace_id = view.workspace.workspace_id
        async with view.console.reading() as connection:
            if time.monotonic() - counted_at >= AFTERWARDS_SECONDS:
                kept, counted_at = await read_job_snapshot(connection, workspace_id, job_id), time.monotonic()
            else:
                kept = replace(kept, job=await job_control.read_job(connection, workspace_id, job_id))
        step, points = await view.console.read_history(workspace_id, RATE_MINUTES)
        return WatchedJob(kept, meter.note_progress(kept.job, current_rates(points, step)["accepted"]))

    return read


async def _render_job(
    view: PageView, status: int = 200, *, problem: str = "", typed_rate: str | None = None
) -> web.Response:
    workspace_id, job_id = view.workspace.workspace_id, path_id(view.request)
    async with view.console.reading() as connection:
        snapshot = await read_job_snapshot(connection, workspace_id, job_id)
        outcome, after = _outcome(view, snapshot.job), _after(view)
        items, has_more = await list_items(connection, workspace_id, job_id, outcome, after)
        names = await read_record_names(connection, workspace_id, snapshot.job["filter"])
    job = snapshot.job
    rate = "" if job["rate"] is None else str(job["rate"])
    return await view.render(
        "job.html",
        status,
        **_shown_job(view, WatchedJob(snapshot)),
        outcome=outcome,
        outcome_counts=_outcome_counts(job),
        items=items,
        has_more=has_more,
        is_first_page=not after,
        sees_persons=view.permits(Permission.SEE_PERSONS),
        sentence=job_words.filter_sentence(view, job["kind"], job["filter"], names),
        changes=job_words.change_sentences(view, job["changes"] or ()),
        effect=job_words.job_effect(view, job["kind"], has_changes=bool(job["changes"])),
        list_path=_list_path(view, job),
        outcome_state=lambda found: job_words.outcome_state(view, found),
        asks_cancel="cancel" in view.request.query and view.permits(Permission.STEER_QUEUES),
        problem=problem,
        rate_text=rate if typed_rate is None else typed_rate,
        again_path=_again_path(view, job, outcome, [item.submission_id or item.delivery_id for item in items]),
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
        "percent": 100 * job["position"] / job["total"] if job["total"] else 100.0,
        "shares": _outcome_shares(job),
        "pace": watched.pace,
        "chart": None if has_ended else pace_chart(view, watched.pace),
        "may_steer": view.permits(Permission.STEER_QUEUES),
    }


def _outcome_shares(job: JobRow) -> list[tuple[float, str]]:
    """Return the parts of the bar: percent and colour class."""
    total = job["total"] or 1
    parts = (("done", "c-out"), ("failed", "c-bad"), ("skipped", "c-held"))
    return [(100 * job[name] / total, colour) for name, colour in parts]


def _outcome_counts(job: JobRow) -> list[tuple[OutcomeFilter, int]]:
    counts = {**{name: job[name] for name in ("failed", "skipped", "done")}, "all": job["total"]}
    return [(name, counts.get(name, job["total"] - job["position"])) for name in OUTCOME_FILTERS]


def _list_path(view: PageView, job: JobRow) -> str | None:
    """Return the list that shows the job's filter, if that page exists."""
    page = LIST_PAGES.get(job["kind"], "")
    if page not in EXISTING_PAGES or "ids" in job["filter"]:
        return None
    return view.path(page, **filter_values(job["kind"], job["filter"]))


def _again_path(view: PageView, job: JobRow, outcome: OutcomeFilter, ids: list[Any]) -> str | None:
    """Return the confirmation for the rows that failed, if they are few enough to be named in an address."""
    if outcome != "failed" or not 0 < job["failed"] == len(ids) <= MAX_LINKED_ROWS:
        return None
    if not view.permits(Permission.STEER_QUEUES):
        return None
    return view.path("jobs/confirm", kind=job["kind"], ids=",".join(str(one) for one in ids))


def _render_part(view: PageView, name: str, shown: dict[str, Any]) -> str:
    return view.render_text(f"parts/{name}_live.html", **shown)


def _group(view: PageView) -> JobGroup:
    asked = view.request.query.get("group", "")
    return next((group for group in JOB_GROUPS if group == asked), "all")


def _page(view: PageView) -> int:
    text = view.request.query.get("n", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 and 0 < int(text) <= MAX_PAGES else 1


def _after(view: PageView) -> int:
    text = view.request.query.get("after", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_ID else 0


def _outcome(view: PageView, job: JobRow) -> OutcomeFilter:
    """Return the outcomes that are listed: the ones asked for, otherwise the worst there are."""
    asked = view.request.query.get("outcome", "")
    worst: OutcomeFilter = "failed" if job["failed"] else "skipped" if job["skipped"] else "all"
    return next((outcome for outcome in OUTCOME_FILTERS if outcome == asked), worst)
