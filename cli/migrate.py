"""`migrate`: bring the database to the tables of this version."""

import click

from cli.common import data_dir_option, make_settings, notify_operator
from cli.schema import upgrade_database
from embedded.servers import ensure_database


@click.command()
@data_dir_option
def migrate() -> None:
    """Bring the database to this version's tables. `up` does it by itself; a deployment runs it before its services.

    Two at once do no harm: the second waits for the first.
    """
    with ensure_database(make_settings()) as url:
        upgrade_database(url)
    notify_operator("the database is up to date")
