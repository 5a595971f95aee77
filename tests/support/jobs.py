"""Jobs in the test's own process: confirmed as an API key would, run as a worker does."""

from typing import Any

from services.workers.jobs.job_engine import JobEngine
from shared.intake.change_author import ChangeAuthor
from shared.jobs.job_control import JobRequest, confirm_job, read_job
from shared.jobs.job_kinds import JobKind
from shared.jobs.job_targets import count_targets
from shared.platform.db.connections import Connection

AUTHOR = ChangeAuthor("key", 7, "tests")


async def start_job(connection: Connection, workspace: int, kind: JobKind, **options: Any) -> int:
    """The id of a job for all that matches `filters` now."""
    request = JobRequest(kind, **options)
    async with connection.transaction():
        count = await count_targets(connection, kind, workspace, request.filters)
        return await confirm_job(connection, workspace, request, count, AUTHOR)


async def run_due_jobs(connection: Connection) -> None:
    """Runs chunks until nothing is due any more."""
    while not await JobEngine().run(connection, seconds=60):
        pass


async def run_job(connection: Connection, workspace: int, kind: JobKind, **options: Any) -> dict[str, Any]:
    """The job when all that matches was handled."""
    id_ = await start_job(connection, workspace, kind, **options)
    await run_due_jobs(connection)
    return await read_job(connection, workspace, id_)
