"""News of the reader's own jobs: each live page says that one has ended, once, while they look at another page."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from services.console.jobs.outcome_words import ended_sentence
from services.console.web.page_view import PageView
from shared.jobs.job_control import EndedJob

VERDICT_PATIENCE_SECONDS = 10.0  # seconds that the news of a job wait for the last verdicts


class JobNews:
    """What a stream has told its reader. The page's script leaves out what another page told."""

    event = "job-ended"

    def __init__(self, view: PageView) -> None:
        self._view = view
        self._told: set[int] = set()

    async def read_news(self) -> Iterator[str]:
        """Return what the page's script says about jobs that have just ended, as JSON."""
        view = self._view
        figures = await view.console.navigation_figures(view.workspace.workspace_id)
        latest = datetime.now(UTC) - timedelta(seconds=VERDICT_PATIENCE_SECONDS)
        own = [one for one in figures.ended_jobs if one.job.account_id == view.account.account_id]
        news = [one for one in own if one.outcomes.is_settled or one.job.finished_at < latest]
        news = [one for one in news if one.job.id not in self._told]
        self._told.update(one.job.id for one in news)
        return (
            json.dumps(
                {
                    "id": job_news.job.id,
                    "text": ended_sentence(view, job_news.job, job_news.outcomes),
                    "isGood": job_news.outcomes.is_good,
                    **_link_of(view, job_news.job),
                    "close": view.translate("Close"),
                }
            )
            for job_news in news
        )


def _link_of(view: PageView, job: EndedJob) -> dict[str, str]:
    """Return where the news lead: an import has a page that says more than that of its job."""
    if job.kind == "import":
        link = view.path(f"import/{job.filter.get('undo', job.id)}")
        return {"link": link, "label": view.translate("See the import")}
    return {"link": view.path(f"jobs/{job.id}"), "label": view.translate("See the job")}
