"""The database's tables, by Alembic."""

import alembic.command
import alembic.config
import click
from alembic.util import CommandError

from shared.embedded.process import PROJECT_ROOT


def upgrade(url: str) -> None:
    """Run all migrations that are missing, under an advisory lock."""
    alembic.command.upgrade(config(url), "head")


def config(url: str) -> alembic.config.Config:
    """Alembic's configuration, from any working directory."""
    found = alembic.config.Config(PROJECT_ROOT / "alembic.ini")
    found.set_main_option("script_location", str(PROJECT_ROOT / "migrations").replace("%", "%%"))
    found.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return found


def check(url: str) -> bool:
    """Whether the migrations make exactly the tables of the models."""
    upgrade(url)
    try:
        alembic.command.check(config(url))
    except CommandError as error:
        click.echo(str(error), err=True)
        return False
    return True
