"""The database's tables, by Alembic.

It is imported only where there is something to do: to load it takes longer than most commands.
"""

from typing import TYPE_CHECKING

import click
import psycopg

from shared.db import options
from shared.embedded.process import PROJECT_ROOT

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = PROJECT_ROOT / "migrations"

OLDEST = 15  # of PostgreSQL's major versions
POOLED = (
    "LEADHUB_DATABASE_URL leads to something that drops the session settings of its clients, as pgbouncer does: the "
    "services need PostgreSQL itself (docs/operations.md)"
)
NEWER = (
    "The database was written by a newer LeadHub: its tables are at migration {found}, this version knows them up to "
    "{head}. Run the newer version, or restore a backup that this one made."
)

# In the place of the migration's number while a restore has put its database in place, but not its spool and its key.
RESTORING = "restoring"
HALF_RESTORED = "A restore was cut short before its spool and its key were in place: run it again, with --force."


def upgrade(url: str) -> None:
    """Run all missing migrations, under an advisory lock. Raises ClickException for tables of a newer version, those of
    a restore that is not complete, and a server of an older version than we can use."""
    found = version(url)
    if found == RESTORING:
        raise click.ClickException(HALF_RESTORED)
    if found == head():
        return
    if found > head():
        raise click.ClickException(NEWER.format(found=found, head=head()))
    if found:
        said = f"bringing the tables from migration {found} to {head()}; with a million leads this may take a minute"
        click.echo(said, err=True)
    import alembic.command

    alembic.command.upgrade(config(url), "head")


def version(url: str) -> str:
    """The number of the migration that the database is at; empty before the first."""
    with psycopg.connect(url, **options("leadhub-cli")) as connection:
        refuse_old(connection.info.server_version)
        if connection.execute("SHOW statement_timeout").fetchone() == ("0",):
            click.echo(POOLED, err=True)
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            return ""
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(found[0]) if found else ""


def refuse_old(server_version: int) -> None:
    """Raise ClickException for a server, by the number that libpq gives, on which we do not run."""
    if server_version < OLDEST * 10_000:
        found = f"{server_version // 10_000}.{server_version % 10_000}"
        raise click.ClickException(f"LEADHUB_DATABASE_URL is a PostgreSQL {found}; LeadHub needs {OLDEST} or newer")


def stamp(url: str, number: str) -> None:
    """Have `version` answer that."""
    with psycopg.connect(url, **options("leadhub-cli")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (number,))


def head() -> str:
    """The last migration's number: their files begin with theirs."""
    return max(file.name for file in (MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]


def config(url: str) -> "Config":
    """Alembic's configuration, from any working directory."""
    from alembic.config import Config

    found = Config(PROJECT_ROOT / "alembic.ini")
    found.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    found.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return found


def check(url: str) -> bool:
    """Whether the migrations make exactly the tables of the models."""
    import alembic.command
    from alembic.util import CommandError

    upgrade(url)
    try:
        alembic.command.check(config(url))
    except CommandError as error:
        click.echo(str(error), err=True)
        return False
    return True
