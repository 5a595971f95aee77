"""News of the reader's own jobs: each live page says that one has ended, once, while they look at another page."""

import json
from collections.abc import Iterator

from services.console.job_words import ended_sentence
from services.console.page_view import PageView

JOB_ENDED_EVENT = "job-ended"


class JobNews:
    """What a stream has told its reader. The page's script leaves out what another page told."""

    def __init__(self, view: PageView) -> None:
        self._view = view
        self._told: set[int] = set()

    async def read_news(self) -> Iterator[str]:
        """Return what the page's script says about jobs that have just ended, as JSON."""
        view = self._view
        figures = await view.console.navigation_figures(view.workspace.workspace_id)
        ended = [job for job in figures.ended_jobs if job.account_id == view.account.account_id]
        news = [job for job in ended if job.id not in self._told]
        self._told.update(job.id for job in news)
        return (
            json.dumps(
                {
                    "id": job.id,
                    "text": ended_sentence(view, job),
                    "link": view.path(f"jobs/{job.id}"),
                    "label": view.translate("See the job"),
                    "close": view.translate("Close"),
                }
            )
            for job in news
        )
