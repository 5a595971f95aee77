"""`replay`: send submissions through the workers again."""

import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import click

from cli.common import data_dir_option, make_settings, notify_operator, parse_time_option, with_database
from services.workers.jobs.job_engine import JobEngine
from shared.intake.change_author import COMMAND_AUTHOR
from shared.jobs.job_control import CountMoved, JobRequest, confirm_job, read_job
from shared.jobs.job_kinds import JobKind
from shared.jobs.job_targets import count_targets, read_clock
from shared.platform.db.connections import Connection

KINDS_BY_STATE: dict[str, JobKind] = {"dead": "replay", "quarantined": "release"}
PROGRESS_INTERVAL_SECONDS = 2.0  # seconds between two lines about the progress
OTHERS_PAUSE_SECONDS = 0.05  # seconds before another look at a job that a worker has in hand
NO_BACKLOG_LIMIT = -1  # there may be no worker that empties the journal meanwhile

NAMED_SUBMISSIONS_SQL = """
SELECT workspace_id, state, array_agg(id::text ORDER BY received_at) FROM submissions
WHERE id = ANY(%s::uuid[]) AND state IN ('dead', 'quarantined') GROUP BY 1, 2 ORDER BY 1, 2
"""


class WantedJob(NamedTuple):
    """A job for one workspace, with the count that was shown."""

    workspace_id: int
    request: JobRequest
    total: int


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, type=click.UUID)
@click.option(
    "--state",
    type=click.Choice(["dead", "quarantined"]),
    help="All submissions in this state; not those that were rejected, or whose sender has to confirm the address.",
)
@click.option(
    "--since",
    callback=parse_time_option,
    help="Of these only what was received since: a date (00:00 UTC) or a time, ISO 8601.",
)
@click.option("--yes", is_flag=True, help="Do not ask; needed where stdin is no terminal.")
@data_dir_option
def replay(ids: tuple[UUID, ...], state: str | None, since: datetime | None, yes: bool) -> None:
    """Send submissions through the workers again.

    Those with these IDs, or all in a --state. Says how many they are, asks, and prints how many went. They go as jobs,
    one for each workspace, which continue by themselves if this command is stopped.

    Example: leadhub replay --state dead --since 2026-03-28
    """
    if bool(ids) == bool(state):
        raise click.UsageError("name either the ids of submissions or a --state")
    settings = make_settings()
    wanted = with_database(settings, lambda use: _find_wanted(use, [str(each) for each in ids], state, since))
    count = sum(each.total for each in wanted)
    notify_operator(f"{count} submissions")
    if count and not yes and not sys.stdin.isatty():
        raise click.UsageError("there is nobody to ask whether to replay them: pass --yes")
    if count and (yes or click.confirm("Replay them?", err=True)):
        replayed = with_database(settings, lambda use: _run_jobs(use, wanted))
        notify_operator(f"replayed {replayed} submissions")
        click.echo(replayed)
    else:
        notify_operator("nothing was replayed")


async def _find_wanted(
    connection: Connection, ids: Sequence[str], state: str | None, since: datetime | None
) -> list[WantedJob]:
    since_filter = {"received_after": since - timedelta(microseconds=1)} if since else {}
    if state:
        workspaces = await (await connection.execute("SELECT id FROM workspaces ORDER BY id")).fetchall()
        filters = [(id_, state, since_filter) for (id_,) in workspaces]
    else:
        rows = await (await connection.execute(NAMED_SUBMISSIONS_SQL, (list(ids),))).fetchall()
        if unknown := [id_ for id_ in ids if id_ not in {found for row in rows for found in row[2]}]:
            raise ValueError(f"nothing replayed; neither dead nor quarantined, or not there: {', '.join(unknown)}")
        filters = [(id_, found, {**since_filter, "ids": named}) for id_, found, named in rows]
    wanted = [await _count_wanted(connection, *each) for each in filters]
    return [each for each in wanted if each.total]


async def _count_wanted(connection: Connection, workspace_id: int, state: str, filters: dict[str, Any]) -> WantedJob:
    request = JobRequest(KINDS_BY_STATE[state], filters, as_of=await read_clock(connection))
    return WantedJob(
        workspace_id, request, await count_targets(connection, request.kind, workspace_id, request.filters)
    )


async def _run_jobs(connection: Connection, wanted: Sequence[WantedJob]) -> int:
    """Confirm the jobs and run them. Return how many submissions went. Workers may take part."""
    jobs = [(each.workspace_id, await _confirm(connection, each)) for each in wanted]
    engine, told_at = JobEngine(), time.monotonic()
    while True:
        states = [await read_job(connection, *job) for job in jobs]
        if all(job["finished_at"] for job in states):
            return sum(job["done"] for job in states)
        if time.monotonic() - told_at > PROGRESS_INTERVAL_SECONDS:
            told_at = time.monotonic()
            handled = sum(job["done"] + job["failed"] + job["skipped"] for job in states)
            notify_operator(f"{handled} of {sum(job['total'] for job in states)}")
        if not await engine.run_chunk(connection, only=[id_ for _, id_ in jobs], backlog=NO_BACKLOG_LIMIT):
            await asyncio.sleep(OTHERS_PAUSE_SECONDS)


async def _confirm(connection: Connection, wanted: WantedJob) -> int:
    """Confirm a job and return its id. If the count moved, nothing is replayed: raises ValueError."""
    try:
        async with connection.transaction():
            return await confirm_job(connection, wanted.workspace_id, wanted.request, wanted.total, COMMAND_AUTHOR)
    except CountMoved as error:
        raise ValueError(f"{error} Run the command again.") from None
