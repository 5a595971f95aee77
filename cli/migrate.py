"""`migrate`: bring the database to the tables of this version, or say what that would take."""

import json

import click

from cli.common import data_dir_option, expect_installation, make_settings, notify_operator
from cli.schema import tables_state, upgrade_database
from embedded.servers import ensure_database


@click.command()
@click.option("--plan", is_flag=True, help="Change nothing: show what would run, its locks and its time.")
@click.option("--json", "as_json", is_flag=True, help="With --plan: one JSON object instead of text.")
@data_dir_option
def migrate(plan: bool, as_json: bool) -> None:
    """Bring the database to this version's tables. `up` does it by itself; a deployment runs it before its services.

    Each migration is a transaction. None waits for a lock for more than a second: it lets the others through and tries
    again. So it may run while services work. Two at once do no harm: the second waits for the first.

    --plan shows the missing migrations: for each statement the lock that it takes on a table that is there, whether it
    rewrites or scans the table, and how long that takes for the table's size. It reads the sizes, and runs the
    statements on an empty database that it makes for that, beside yours. Nothing of yours is changed.

    Tables that a newer version has extended are left alone if this version runs on them, and are refused otherwise.
    """
    settings = make_settings()
    if as_json and not plan:
        raise click.UsageError("--json belongs to --plan")
    if plan:
        expect_installation(settings)
    with ensure_database(settings) as url:
        if plan:
            _show_plan(url, as_json)
            return
        upgrade_database(url)
        state = tables_state(url)
    notify_operator(state.newer_note() if state.is_newer else "the database is up to date")


def _show_plan(url: str, as_json: bool) -> None:
    from cli import migration_plan  # late, with Alembic

    found = migration_plan.make_plan(url)
    click.echo(json.dumps(migration_plan.plan_document(found)) if as_json else migration_plan.plan_text(found))
