"""The command line. Each module of `cli` holds the commands of one subject."""

import importlib
import io
import os
import sys
from typing import NoReturn

import click

from cli.env_file import ENV_FILE_VARIABLE, read_env_file
from cli.secret_files import read_secret_files
from shared import __version__
from shared.platform.installation import COMMAND_NAME, IS_CHECKOUT

COMMAND_MODULES = {
    "up": "cli.up",
    "gateway": "cli.services",
    "api": "cli.api_calls",
    "console": "cli.services",
    "worker": "cli.services",
    "sweeper": "cli.services",
    "migrate": "cli.migrate",
    "workspace": "cli.workspaces_and_keys",
    "key": "cli.workspaces_and_keys",
    "user": "cli.users",
    "status": "cli.status",
    "logs": "cli.logs",
    "alarms": "cli.alarms",
    "replay": "cli.replay",
    "secrets": "cli.secrets",
    "backup": "cli.backup",
    "restore": "cli.restore",
    "after-recovery": "cli.after_recovery",
    "drill": "cli.drill.drill_command",
    "demo": "cli.demo",
    "listen": "cli.listen",
    "mcp": "cli.mcp",
    "completion": "cli.completion",
    "test": "cli.test",
    "bench": "cli.bench",
}
CHECKOUT_COMMANDS = ("test", "bench")  # what they run is in the repository alone
HIDDEN_COMMAND_MODULES = {"fork-server": "cli.fork_server"}  # for `up` alone

HELP_TEXT = """Takes every lead, from every source, at any rate; loses none and doubles none.

Start with `{command} up`: it starts everything on this machine and prints a key and a curl line to try.
Results go to stdout, all else to stderr. Exit status: 0 done, 1 failed, 2 used wrongly. Settings are environment
variables: docs/settings.md has them all.
"""


class LazyCommandGroup(click.Group):
    """A command group that imports a command's module on first use: `key list` does not load Celery."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMAND_MODULES if IS_CHECKOUT or name not in CHECKOUT_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in CHECKOUT_COMMANDS and not IS_CHECKOUT:
            raise click.UsageError(f"`{cmd_name}` needs a clone of the repository: there it is `./leadhub {cmd_name}`.")
        module = HIDDEN_COMMAND_MODULES.get(cmd_name) or COMMAND_MODULES.get(cmd_name)
        command = getattr(importlib.import_module(module), cmd_name.replace("-", "_")) if module else None
        return command if isinstance(command, click.Command) else None


@click.group(
    cls=LazyCommandGroup,
    help=HELP_TEXT.format(command=COMMAND_NAME),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def command_line() -> None:
    """The group of all commands."""


# Variables of libpq. LeadHub names its database by a setting, and these variables would change sessions in ways that
# it does not support, such as the encoding of names or the timeout of statements.
MISLEADING_LIBPQ_VARIABLES = (
    "PGCLIENTENCODING",
    "PGDATESTYLE",
    "PGGEQO",
    "PGOPTIONS",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGTZ",
)

UNREADABLE_URL_MESSAGE = (
    "LEADHUB_DATABASE_URL cannot be read. It goes postgresql://USER:PASSWORD@HOST:PORT/DATABASE; in a password %, /, "
    "@, #, ? and : are written %25, %2F, %40, %23, %3F and %3A"
)
MISSING_RIGHTS_MESSAGE = (
    "the role of LEADHUB_DATABASE_URL may not do all that is needed: {}. Make it the database's owner, or "
    "GRANT CREATE ON DATABASE … and GRANT CREATE ON SCHEMA public to it"
)


def main(arguments: list[str]) -> None:
    """Run one command and exit."""
    for name in MISLEADING_LIBPQ_VARIABLES:
        os.environ.pop(name, None)
    _reserve_standard_streams()
    try:
        _read_files(arguments)
        command_line.main(arguments, prog_name="leadhub", standalone_mode=True)
    except (
        RuntimeError,
        OSError,
    ) as error:  # of a server, a lock or a disk; other errors are bugs
        _exit_with_error(str(error))
    except Exception as error:
        if said := _store_error_message(error):
            _exit_with_error(said)
        raise


def _read_files(arguments: list[str]) -> None:
    """Read `.env`, except for demo, tests and benchmarks: their services must not use an operator's database.

    Then read the files of secrets that are named.
    """
    if arguments[:1] in (["demo"], ["test"], ["bench"]):
        os.environ[ENV_FILE_VARIABLE] = os.devnull
        return
    for warning in read_env_file():
        click.echo(warning, err=True)
    read_secret_files()


def _reserve_standard_streams() -> None:
    """Reserve the numbers of standard streams that the caller closed, so that no file or socket of ours gets them.

    Writing to a closed stdout then fails, and a result is not lost silently.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # takes the lowest free number, which is this one
    unbuffered = io.FileIO(1, "w", closefd=False)  # a failed write is not repeated at exit
    sys.stdout = sys.stdout or io.TextIOWrapper(unbuffered, write_through=True)


def _exit_with_error(why: str) -> NoReturn:
    click.echo(f"leadhub: {why}", err=True)
    sys.exit(1)


def _store_error_message(error: Exception) -> str | None:
    """Return the message for an error of PostgreSQL, Redis or one of their URLs; None if the error is a bug."""
    import psycopg  # imported late, since they take longer to load than most commands run
    import redis
    import sqlalchemy.exc

    from shared.platform.db.database_errors import is_unavailable
    from shared.platform.store_tls import explain_postgres_failure

    cause = getattr(error, "orig", None) or error
    if isinstance(cause, psycopg.errors.UndefinedTable):
        return "the database has not the tables of this version: `leadhub migrate` makes them"
    is_bad_url = isinstance(cause, psycopg.ProgrammingError) and cause.sqlstate is None
    if is_bad_url or isinstance(cause, sqlalchemy.exc.ArgumentError):
        return UNREADABLE_URL_MESSAGE  # the message of the parser would quote the password
    if isinstance(cause, psycopg.errors.InsufficientPrivilege):
        return MISSING_RIGHTS_MESSAGE.format(cause.diag.message_primary)
    is_away = is_unavailable(error) or isinstance(cause, redis.ConnectionError | redis.TimeoutError)
    named = isinstance(cause, psycopg.Error) and os.environ.get("LEADHUB_DATABASE_URL")
    said = explain_postgres_failure(cause) if isinstance(cause, psycopg.Error) else str(cause)
    return f"{'LEADHUB_DATABASE_URL: ' if named else ''}{said}".strip() if is_away else None
