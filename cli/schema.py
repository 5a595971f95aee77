"""The tables of the database. Alembic makes and checks them.

Alembic is imported only when there is something to migrate: to load it takes longer than most commands run.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import psycopg

from embedded.process import PROJECT_ROOT
from shared.platform.db.advisory_locks import MIGRATION_LOCK
from shared.platform.db.connections import connection_parameters

if TYPE_CHECKING:
    from alembic.config import Config

DATABASE_URL_VARIABLE = "LEADHUB_DATABASE_URL"  # not on a command line, which others can read
MIGRATIONS_FOLDER = PROJECT_ROOT / "migrations"

# The numbers of migrations begin with a letter. An earlier series went from 0001 to 0021 and has no letter. A database
# at the end of that series continues at the beginning of this one.
MIGRATION_SERIES = "r"
FIRST_MIGRATION = f"{MIGRATION_SERIES}0001"
LAST_EARLIER_MIGRATION = "0021"
EARLIER_UPGRADE_SCRIPTS = (MIGRATIONS_FOLDER / "upgrade_from_0021.sql", MIGRATIONS_FOLDER / "functions.sql")

MIN_POSTGRESQL_MAJOR = 15  # of PostgreSQL's major versions
POOLER_WARNING = (
    "LEADHUB_DATABASE_URL leads to something that drops the session settings of its clients, as pgbouncer does: the "
    "services need PostgreSQL itself (docs/operations/install.md)"
)
NEWER_DATABASE_MESSAGE = (
    "The database was written by a newer LeadHub: its tables are at migration {found}, this version knows them up to "
    "{head}, and they are for versions that know {runs_from}. Run the newer version, or restore a backup that this one "
    "made."
)
RUNS_ON_NEWER_NOTE = (
    "the tables are at migration {found}, of a newer version; this version knows them up to {head}, and runs on them"
)
OLDER_DATABASE_MESSAGE = (
    "The tables are at migration {found}, and this version goes on from 0021: run `leadhub migrate` once with the "
    'last version that knows {found} (git checkout "$(git log -1 --diff-filter=D --format=%h^ -- '
    'migrations/versions/0021_what_processes_use.py)"), or restore a newer backup into a new data dir.'
)

# Stands in place of the migration's number when a restore has replaced the database, but not yet the spool and the key.
RESTORING_VERSION = "restoring"
HALF_RESTORED_MESSAGE = (
    "A restore was cut short before its spool and its key were in place: run it again, with --force."
)


@dataclass(frozen=True)
class TablesState:
    """Which tables a database has: `version` is the number of its last migration, empty before the first one.

    Versions of LeadHub that know the migration `runs_from` run on them. It is empty where none was noted.
    """

    version: str
    runs_from: str = ""

    @property
    def is_newer(self) -> bool:
        """Whether a newer version of LeadHub brought the tables to where they are."""
        is_number = self.version.startswith(MIGRATION_SERIES) and self.version != RESTORING_VERSION
        return is_number and self.version > head_version()

    @property
    def carries_this_version(self) -> bool:
        """Whether this version runs on tables that a newer one made."""
        return bool(self.runs_from) and self.runs_from <= head_version()

    @property
    def is_older(self) -> bool:
        """Whether there are tables, and this version's migrations have not all run."""
        return bool(self.version) and self.version < head_version()

    def newer_note(self) -> str:
        """Return the sentence for an operator whose version runs on a newer version's tables."""
        return RUNS_ON_NEWER_NOTE.format(found=self.version, head=head_version())

    def refuse_too_new(self) -> None:
        """Raise ClickException if the tables are of a newer version and this one does not run on them."""
        if self.is_newer and not self.carries_this_version:
            message = NEWER_DATABASE_MESSAGE.format(
                found=self.version, head=head_version(), runs_from=self.runs_from or self.version
            )
            raise click.ClickException(message)


def upgrade_database(url: str) -> None:
    """Run all missing migrations under an advisory lock. Leave newer tables alone if this version runs on them.

    ClickException for tables that are too new or too old, for an incomplete restore, and for an old server.
    """
    state = tables_state(url)
    version = state.version
    if version == RESTORING_VERSION:
        raise click.ClickException(HALF_RESTORED_MESSAGE)
    if version.isdecimal():
        continue_from_earlier(url, version)
        version = database_version(url)
    state.refuse_too_new()
    if version >= head_version():
        return
    if version:
        upgraded = f"bringing the tables from migration {version} to {head_version()}"
        click.echo(f"{upgraded}; `leadhub migrate --plan` says beforehand what that takes", err=True)
    import alembic.command

    alembic.command.upgrade(alembic_config(url), "head")


def upgrade_in_child(url: str) -> None:
    """Run all missing migrations in a process of their own: Alembic would keep 30 MB of this one.

    SystemExit if that process fails; it has said why.
    """
    state = tables_state(url)
    if state.is_newer and state.carries_this_version:
        click.echo(state.newer_note(), err=True)
    elif state.version != head_version():
        env = {**os.environ, DATABASE_URL_VARIABLE: url, "PYTHONPATH": str(PROJECT_ROOT)}
        done = subprocess.run([sys.executable, "-m", "cli.schema"], cwd=PROJECT_ROOT, env=env, check=False)
        if done.returncode:
            sys.exit(1)


@click.command()
@click.option("--url", envvar=DATABASE_URL_VARIABLE, required=True)
def upgrade_command(url: str) -> None:
    """Run all missing migrations; for `upgrade_in_child`."""
    upgrade_database(url)


def continue_from_earlier(url: str, version: str) -> None:
    """Take a database from the last migration of the earlier series to the first of this one, in one transaction.

    ClickException if the database is at another migration. Do nothing if another migrator was faster.
    """
    if version != LAST_EARLIER_MIGRATION:
        raise click.ClickException(OLDER_DATABASE_MESSAGE.format(found=version))
    click.echo(f"bringing the tables from migration {version} to {FIRST_MIGRATION}", err=True)
    with psycopg.connect(url, **connection_parameters("leadhub-cli", statement_timeout=0)) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        claimed = connection.execute(
            "UPDATE alembic_version SET version_num = %s WHERE version_num = %s",
            (FIRST_MIGRATION, LAST_EARLIER_MIGRATION),
        )
        for script in EARLIER_UPGRADE_SCRIPTS if claimed.rowcount else ():
            connection.execute(script.read_bytes())


def database_version(url: str) -> str:
    """Return the number of the database's migration; an empty text before the first one."""
    return tables_state(url).version


def tables_state(url: str, *, warns: bool = True) -> TablesState:
    """Return which tables the database has. Warn of a pooler unless told not to. Old databases have no `runs_from`."""
    with psycopg.connect(url, **connection_parameters("leadhub-cli")) as connection:
        refuse_old_server(connection.info.server_version)
        _refuse_other_encoding(connection.info.parameter_status("server_encoding"))
        if warns and connection.execute("SHOW statement_timeout").fetchone() == ("0",):
            click.echo(POOLER_WARNING, err=True)
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            return TablesState("")
        found = connection.execute("SELECT to_jsonb(v) FROM alembic_version v").fetchone()
        row = found[0] if found else {}
        return TablesState(row.get("version_num") or "", row.get("runs_from") or "")


def refuse_old_server(server_version: int) -> None:
    """Raise ClickException for a server that is too old. `server_version` is in the format of libpq."""
    if server_version < MIN_POSTGRESQL_MAJOR * 10_000:
        found = f"{server_version // 10_000}.{server_version % 10_000}"
        raise click.ClickException(
            f"LEADHUB_DATABASE_URL is a PostgreSQL {found}; LeadHub needs {MIN_POSTGRESQL_MAJOR} or newer"
        )


def _refuse_other_encoding(encoding: str | None) -> None:
    """Raise ClickException for a database that cannot hold every name."""
    if encoding != "UTF8":
        raise click.ClickException(
            f"the database of LEADHUB_DATABASE_URL has the encoding {encoding}; LeadHub needs UTF8: "
            "CREATE DATABASE leadhub ENCODING 'UTF8' TEMPLATE template0"
        )


def stamp_version(url: str, number: str) -> None:
    """Set the number that `version` returns."""
    with psycopg.connect(url, **connection_parameters("leadhub-cli")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (number,))


def head_version() -> str:
    """Return the number of the last migration. The name of its file begins with it, without the letter."""
    last = max(file.name for file in (MIGRATIONS_FOLDER / "versions").glob("[0-9]*.py"))
    return MIGRATION_SERIES + last.partition("_")[0]


def alembic_config(url: str) -> "Config":
    """Return Alembic's configuration. It works from any working directory."""
    from alembic.config import Config

    config = Config(PROJECT_ROOT / "alembic.ini")
    config.set_main_option("script_location", str(MIGRATIONS_FOLDER).replace("%", "%%"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def check_models(url: str) -> bool:
    """Return whether the migrations make exactly the tables of the models."""
    import alembic.command
    from alembic.util import CommandError

    upgrade_database(url)
    try:
        alembic.command.check(alembic_config(url))
    except CommandError as error:
        click.echo(str(error), err=True)
        return False
    return True


if __name__ == "__main__":
    upgrade_command()
