"""`replay`: send submissions through the workers again."""

import sys
from datetime import datetime
from uuid import UUID

import click

from cli.common import data_dir_option, make_settings, notify_operator, parse_time_option, with_database
from shared.db.connections import Connection
from shared.intake import replay as submissions
from shared.intake.replay import ReplaySelection


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, type=click.UUID)
@click.option("--state", type=click.Choice(["dead", "quarantined"]), help="All submissions in this state.")
@click.option(
    "--since",
    callback=parse_time_option,
    help="Of these only what was received since: a date (00:00 UTC) or a time, ISO 8601.",
)
@click.option("--yes", is_flag=True, help="Do not ask; needed where stdin is no terminal.")
@data_dir_option
def replay(ids: tuple[UUID, ...], state: str | None, since: datetime | None, yes: bool) -> None:
    """Send submissions through the workers again.

    Those with these IDs, or all in a --state. Says how many they are, asks, and prints how many went.

    Example: leadhub replay --state dead --since 2026-03-28
    """
    if bool(ids) == bool(state):
        raise click.UsageError("name either the ids of submissions or a --state")
    settings = make_settings()
    wanted = ReplaySelection(ids=[str(each) for each in ids] or None, state=state, since=since)
    count = with_database(settings, lambda use: _count_selected(use, wanted))
    notify_operator(f"{count} submissions")
    if count and not yes and not sys.stdin.isatty():
        raise click.UsageError("there is nobody to ask whether to replay them: pass --yes")
    if count and (yes or click.confirm("Replay them?", err=True)):
        replayed = with_database(settings, lambda use: submissions.replay_submissions(use, wanted))
        notify_operator(f"replayed {replayed} submissions")
        click.echo(replayed)
    else:
        notify_operator("nothing was replayed")


async def _count_selected(connection: Connection, wanted: ReplaySelection) -> int:
    if wanted.ids and (unknown := await submissions.find_unreplayable(connection, wanted.ids)):
        raise ValueError(f"nothing replayed; neither dead nor quarantined, or not there: {', '.join(unknown)}")
    return await submissions.count_replayable(connection, wanted)
