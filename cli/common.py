"""Helpers that the commands share: the data dir option, settings from options, database connections, output."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import pydantic

from cli.env_file import unknown_name_warnings
from cli.schema import upgrade_database
from embedded.servers import EmbeddedServers, ensure_database
from shared.platform.db.connections import Connection, connect
from shared.platform.observability import logging
from shared.platform.settings import LOCAL_VALUE, Settings
from shared.platform.store_url_checks import find_unreadable_file

_operator_log: Path | None = None

ResultT = TypeVar("ResultT")
CommandT = TypeVar("CommandT", bound=Callable[..., Any])

USUAL_DATA_DIR_HELP = "Where all state lies; .leadhub/ in the project unless given here or in LEADHUB_DATA_DIR."

# The newest encrypted values, which show the key that is in use. These two columns are never empty.
NEWEST_SECRETS_SQL = """
(SELECT 'integrations.credentials', credentials FROM integrations ORDER BY id DESC LIMIT 1) UNION ALL
(SELECT 'webhook_subscriptions.secret', secret FROM webhook_subscriptions ORDER BY id DESC LIMIT 1)
"""
WRONG_KEY_WARNING = (
    "leadhub: WARNING: the key at hand does not decrypt {}: stored credentials are of no use with it, nor with a "
    "backup that holds it. Put back the data dir's secrets/key, or pass the LEADHUB_SECRET_KEY that the services had"
)

STORE_URL_NAMES = ("database_url", "replica_url", "broker_url", "redis_url", "spool_url")

# Settings that all processes of one database share, and the damage where one of them has a value of its own.
SHARED_SETTINGS = {
    "spool_url": "the Redis that holds leads while PostgreSQL is away. No sweeper looks into another one",
    "broker_url": "the broker that wakes workers. Nobody hears a message that goes to another one",
    "secret_key": "the key that encrypts stored credentials. Nobody decrypts what another one encrypted",
}
MISSING_SHARED_SETTINGS_MESSAGE = """\
LEADHUB_DATABASE_URL is set, so this service may be one of several that share a database. Not set:
{missing}
Set each one to the value that all services share. The value `{local}` chooses the server or key of the data dir\
"""


def data_dir_option(command: CommandT) -> CommandT:
    """Add `--data-dir DIR` to a command or a group. It may stand anywhere after the command's name."""
    return make_data_dir_option(USUAL_DATA_DIR_HELP)(command)


def make_data_dir_option(text: str) -> Callable[[CommandT], CommandT]:
    """Return the decorator that adds `--data-dir DIR`, with this help."""

    def keep(context: click.Context, _: click.Parameter, value: str | None) -> None:
        if value == "":  # an unset shell variable; as a path it would mean the current folder
            raise click.BadParameter("the name is empty; leave the option out for the usual one in the project")
        if value is not None:
            context.find_root().meta["data_dir"] = Path(value).absolute()

    kind = click.Path(file_okay=False)
    return click.option("--data-dir", type=kind, expose_value=False, callback=keep, help=text)


def parse_time_option(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """Parse an option's value, a date (00:00 UTC) or a time, and return it in UTC."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        # Times whose year in UTC would be 0 could be stored, but not read.
        raise click.BadParameter("a date or time in ISO 8601, as 2027-01-31") from None


def make_settings(**options: Any) -> Settings:
    """Return the settings from the environment; options that were given take precedence. UsageError on a bad value."""
    for warning in unknown_name_warnings(os.environ):
        notify_operator(warning)
    values = {name: value for name, value in options.items() if value is not None}
    data_dir = click.get_current_context().find_root().meta.get("data_dir")
    if data_dir is not None:
        values["data_dir"] = data_dir
    try:
        settings = Settings(**values)
    except pydantic.ValidationError as error:
        raise click.UsageError(_settings_error(error, options)) from None
    _refuse_unreadable_files(settings)
    return settings.model_copy(update={"data_dir": settings.data_dir.absolute()})


def expect_installation(settings: Settings) -> None:
    """Raise UsageError if a command that needs existing data would create new data, as with a mistyped --data-dir."""
    embedded = EmbeddedServers(settings)
    is_there = embedded.postgres is None or embedded.postgres.data_folder.exists()
    if not is_there and not embedded.data_dir.lock_owner():  # its holder may be creating it at the moment
        raise click.UsageError(f"there is no LeadHub in {settings.data_dir}: name its data dir with --data-dir")


def expect_shared_settings(settings: Settings) -> None:
    """Raise UsageError if a service would create a spool, broker or key of its own instead of sharing one."""
    missing = [name for name in SHARED_SETTINGS if name not in settings.model_fields_set]
    if settings.database_url and missing:
        lines = "\n".join(f"  LEADHUB_{name.upper()}: {SHARED_SETTINGS[name]}" for name in missing)
        raise click.UsageError(MISSING_SHARED_SETTINGS_MESSAGE.format(missing=lines, local=LOCAL_VALUE))


def with_database(
    settings: Settings, use: Callable[[Connection], Awaitable[ResultT]], *, may_found: bool = False
) -> ResultT:
    """Run `use` on one connection. Its ValueError means wrong usage and exits with status 2.

    Migrate an embedded database first, since no other command may have done so; leave an external database alone.
    Create a database only with `may_found`.
    """
    if not may_found:
        expect_installation(settings)
    with ensure_database(settings) as url:
        if not settings.database_url:
            upgrade_database(url)
        try:
            return asyncio.run(_run_on_connection(url, use))
        except ValueError as error:
            raise click.UsageError(str(error)) from None


def log_operator_lines(log: Path) -> None:
    """Put the time before every line to the operator from now on, and write it into this file as well."""
    global _operator_log
    _operator_log = log


def notify_operator(text: str) -> None:
    """Print a line to the operator on stderr, since stdout is for results. It is lost if the disk is full."""
    if _operator_log is not None:
        text = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}"
    line = f"{text}\n".encode(errors="backslashreplace")
    logging.write_lines(line)
    if _operator_log is not None:
        with (
            suppress(OSError),
            os.fdopen(os.open(_operator_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file,
        ):
            file.write(line)


async def warn_of_wrong_key(connection: Connection, settings: Settings) -> None:
    """Warn that the present key does not decrypt stored credentials. It is no error, since everything else works."""
    secrets_ = await (await connection.execute(NEWEST_SECRETS_SQL)).fetchall()
    if secrets_:
        from shared.platform.crypto.encryption import Cipher  # imported late, since most databases hold no secrets

        cipher = Cipher.from_settings(settings)
        for place, value in secrets_:
            if not cipher.can_decrypt(value):
                notify_operator(WRONG_KEY_WARNING.format(place))


def print_new_key(text: str) -> None:
    """Print a new key before it is committed, since a key that nobody saw must not exist. RuntimeError on failure."""
    try:
        click.echo(text)
    except OSError as error:
        raise RuntimeError(
            f"stdout takes nothing ({error.strerror}); a key is shown only once, so none was made"
        ) from None


def print_table(headings: list[str], rows: list[list[object]]) -> None:
    """Print aligned columns to stdout, with their headings if there are any."""
    cells = [[("" if cell is None else escape_unprintable(str(cell))) for cell in row] for row in rows]
    lines = [headings, *cells] if headings else cells
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def escape_unprintable(text: str) -> str:
    """Escape control characters: a name that anybody chose must not send commands to the terminal."""
    return "".join([char if char.isprintable() else char.encode("unicode_escape").decode() for char in text])


async def _run_on_connection(url: str, use: Callable[[Connection], Awaitable[ResultT]]) -> ResultT:
    async with connect(url, "leadhub-cli") as connection:
        return await use(connection)


def _refuse_unreadable_files(settings: Settings) -> None:
    """Raise UsageError if a store's URL names a file that is not there: libpq ignores some of these.

    It is checked at the start of a command alone: a file that goes away later is an outage, and no wrong setting.
    """
    for name in STORE_URL_NAMES:
        if mistake := find_unreadable_file(getattr(settings, name)):
            raise click.UsageError(f"LEADHUB_{name.upper()} {mistake}")


def _settings_error(error: pydantic.ValidationError, options: Mapping[str, object]) -> str:
    """Describe the errors by option or variable, without the values, since some hold passwords."""
    sentences = []
    for item in error.errors(include_input=False):
        field = "_".join(map(str, item["loc"]))
        name = f"--{field}" if options.get(field) is not None else f"LEADHUB_{field.upper()}"
        sentences.append(f"{name} {item['msg'].removeprefix('Value error, ')}")
    return "; ".join(sentences)
