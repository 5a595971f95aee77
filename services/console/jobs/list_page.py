"""Bulk jobs: the list of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, get_args

from aiohttp import web

from services.console.jobs import outcome_words as job_outcome_words
from services.console.jobs import words as job_words
from services.console.jobs.records import (
    JOBS_PAGE_SIZE,
    CheapCounts,
    JobGroup,
    count_jobs,
    list_jobs,
    read_names_of_all,
)
from services.console.web.access import workspace_page
from services.console.web.live_updates import stream_snapshots
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.jobs.job_control import JobRow
from shared.jobs.job_kinds import told_kind
from shared.jobs.job_outcomes import JobOutcomes

JOB_GROUPS: tuple[JobGroup, ...] = get_args(JobGroup)
MAX_PAGES = 1000  # pages of the list


@dataclass(frozen=True)
class JobsSnapshot:
    """A page of the list, read at one moment. `outcomes`, and `names` of the records in the filters, are by job."""

    jobs: list[JobRow]
    outcomes: dict[int, JobOutcomes]
    names: dict[int, dict[str, str]]
    counts: dict[JobGroup, int]


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List the jobs: those that have not ended first."""
    return await view.render("jobs/list.html", **_shown_jobs(view, await _read_jobs(view, CheapCounts())))


@workspace_page(Permission.SEE_RECORDS)
async def live(view: PageView) -> web.StreamResponse:
    """Stream the list."""
    key = f"jobs {_group(view)} {_page(view)}"
    return await stream_snapshots(view, key, _watching_reader(view), _render_live)


def _watching_reader(view: PageView) -> Callable[[], Awaitable[JobsSnapshot]]:
    """Return what reads the list each second, and what became of the rows no more often than is cheap."""
    counts = CheapCounts()
    return lambda: _read_jobs(view, counts)


async def _read_jobs(view: PageView, cheap_counts: CheapCounts) -> JobsSnapshot:
    workspace_id = view.workspace.workspace_id
    async with view.console.reading() as connection:
        counts = await count_jobs(connection, workspace_id)
        jobs = await list_jobs(connection, workspace_id, _group(view), _page(view))
        outcomes = await cheap_counts.read_outcomes(connection, workspace_id, jobs)
        names = await read_names_of_all(connection, workspace_id, [job["filter"] for job in jobs])
        return JobsSnapshot(jobs, outcomes, {job["id"]: each for job, each in zip(jobs, names, strict=True)}, counts)


def _render_live(view: PageView, snapshot: JobsSnapshot) -> str:
    return view.render_text("jobs/_list_live.html", **_shown_jobs(view, snapshot))


def _shown_jobs(view: PageView, snapshot: JobsSnapshot) -> dict[str, Any]:
    group, page = _group(view), _page(view)
    return {
        "jobs": snapshot.jobs,
        "group": group,
        "groups_counted": [(one, snapshot.counts[one]) for one in JOB_GROUPS],
        "page_number": page,
        "has_next": page * JOBS_PAGE_SIZE < snapshot.counts[group],
        "title_of": lambda job: job_words.job_title(view, told_kind(job["kind"], job["filter"]), job["total"]),
        "sentence_of": lambda job: job_words.filter_sentence(
            view, job["kind"], job["filter"], snapshot.names[job["id"]]
        ),
        "state_of": lambda job: job_words.job_state(view, job["state"], is_good=snapshot.outcomes[job["id"]].is_good),
        "forecast_of": lambda job: job_words.job_forecast(view, job),
        "outcomes_of": lambda job: snapshot.outcomes[job["id"]],
        "shares_of": job_outcome_words.outcome_shares,
        "summary_of": lambda outcomes: job_outcome_words.list_summary(view, outcomes),
    }


def _group(view: PageView) -> JobGroup:
    asked = view.request.query.get("group", "")
    return next((group for group in JOB_GROUPS if group == asked), "all")


def _page(view: PageView) -> int:
    text = view.request.query.get("n", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 and 0 < int(text) <= MAX_PAGES else 1
