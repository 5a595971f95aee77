"""`workspace retention`: for how many days a workspace keeps what, as the console and the API show it."""

from typing import Any

import click

from cli.common import data_dir_option, make_settings, notify_operator, print_table, with_database
from shared.audit.audit_entry import write_command
from shared.platform.db.connections import Connection
from shared.platform.errors import ValidationFailed
from shared.retention import MAX_RETENTION_DAYS, RETENTION_KINDS, RetentionSettings, change_retention, read_retention

INSTALLATION_WORD = "installation"
WORKSPACE_SQL = "SELECT id FROM workspaces WHERE slug = %s"
FOREVER_WORD = "for ever"


def _parse_days(_: click.Context, __: click.Parameter, text: str | None) -> int | str | None:
    """Return the days, or the word for the installation's time; None if the option was not given."""
    if text is None or text == INSTALLATION_WORD:
        return text
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= MAX_RETENTION_DAYS:
        raise click.BadParameter(f"days, 1 to {MAX_RETENTION_DAYS}, or `{INSTALLATION_WORD}`")
    return int(text)


@click.command("retention")
@click.argument("slug")
@click.option("--submissions", "submissions_days", callback=_parse_days, help="What came, with its versions and files.")
@click.option("--held", "held_days", callback=_parse_days, help="Submissions in quarantine, and spam.")
@click.option("--timelines", "activities_days", callback=_parse_days, help="Entries of leads' timelines.")
@click.option("--attempts", "attempts_days", callback=_parse_days, help="Finished messages, with each answer.")
@data_dir_option
def workspace_retention(slug: str, **days: int | str | None) -> None:
    """Show or change how long things are kept.

    Days are those of the workspace SLUG, by kind. What is not named stays; `installation` takes a time back. A
    workspace keeps things for less time than the installation (LEADHUB_KEEP_DAYS), never for more, and timelines at
    least as long as submissions. Older rows are deleted within the hour, timelines within the day, and cannot be
    brought back. Leads stay.

    Example: leadhub workspace retention acme --submissions 60 --held 14 --timelines 365
    """
    settings = make_settings()
    fields = {name: None if value == INSTALLATION_WORD else value for name, value in days.items() if value is not None}
    kept = with_database(settings, lambda use: _change_days(use, slug, fields, settings.keep_days))
    print_table(["KIND", "DAYS"], [[name, kept[name] or _installation_days(name, settings.keep_days)] for name in kept])
    if fields:
        notify_operator(f"changed the retention of the workspace {slug}")


def _installation_days(name: str, days: int) -> str:
    return FOREVER_WORD if name == "activities_days" else f"{days} (the installation's)"


async def _change_days(use: Connection, slug: str, fields: dict[str, Any], most: int) -> RetentionSettings:
    """Change the days that were given and return all. ValueError for what the installation does not allow."""
    async with use.transaction():
        row = await (await use.execute(WORKSPACE_SQL, (slug,))).fetchone()
        if row is None:
            raise ValueError(f"there is no workspace {slug!r}; `workspace list` shows them")
        workspace_id = int(row[0])
        if not fields:
            return await read_retention(use, workspace_id)
        try:
            after = await change_retention(use, workspace_id, fields, most)
        except ValidationFailed as refusal:
            errors = refusal.errors or {}
            raise ValueError(
                "; ".join(f"{name}: {errors[name][0]}" for name in RETENTION_KINDS if name in errors)
            ) from None
        await write_command(
            use,
            "retention.changed",
            workspace_id=workspace_id,
            object_kind="workspace",
            object_id=workspace_id,
            after=after,
        )
    return after
