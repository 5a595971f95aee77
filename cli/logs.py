"""`logs`: show the logs of the services of an `up`. Log files are rotated at a size limit."""

import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import click

from cli.common import data_dir_option, escape_unprintable, make_settings
from cli.log_lines import ROTATED_SUFFIX, LogFile, LogLine, merge_by_time
from shared.platform.data_dir import DataDir

MAX_LOG_BYTES = 64 * 1024 * 1024  # bytes
OWN_LOG_NAME = "up.log"  # holds the lines of `up` itself
FOLLOW_INTERVAL_SECONDS = 0.3  # seconds


def rotate_log(log: Path) -> None:
    """Move the content to `<name>.1` once the file is larger than the limit, replacing the older content there.

    The file is copied and truncated, since its writer keeps it open for appending. Lines that are written between the
    copy and the truncation are lost, which is acceptable for a log.
    """
    try:
        if log.stat().st_size < MAX_LOG_BYTES:
            return
        shutil.copyfile(log, log.with_name(log.name + ROTATED_SUFFIX))
        os.truncate(log, 0)
    except OSError:  # such as a full disk; the next call tries again
        return


@click.command("logs")
@click.argument("service", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is added, until Ctrl-C.")
@click.option(
    "-n", "--lines", type=click.IntRange(0), default=100, show_default=True, help="How many lines to begin with."
)
@data_dir_option
def logs(service: str | None, follow: bool, lines: int) -> None:
    """Show the logs of an `up`, running or stopped.

    SERVICE is gateway, worker, sweeper, postgres, broker, spool or up, which is what `up` itself said; worker-2 is the
    second worker alone. Without it the lines of all come in the order of their times, each behind its service's name.
    A service that is run alone logs to stderr, and is not shown.

    Example: leadhub logs gateway --follow
    """
    folder = DataDir(make_settings().data_dir).logs_dir
    files = _log_files(folder, service)
    if not files:
        raise click.UsageError(_no_logs_message(folder, service))
    is_one = service is not None and len(files) == 1
    shown = list(merge_by_time(each.read_tail(lines) for each in files))
    _print_lines(shown[-lines:] if lines else [], is_one)
    while follow:
        try:
            time.sleep(FOLLOW_INTERVAL_SECONDS)
            files += [each for each in _log_files(folder, service) if each.path not in {known.path for known in files}]
            _print_lines(merge_by_time(each.read_added() for each in files), is_one)
        except KeyboardInterrupt:
            return


def _log_files(folder: Path, service: str | None) -> list[LogFile]:
    """Return the log files of a service, which may have several processes; without a service all log files."""
    paths = sorted(folder.glob("*.log"))
    return [LogFile(path) for path in paths if service in (None, path.stem, path.stem.rpartition("-")[0])]


def _no_logs_message(folder: Path, service: str | None) -> str:
    names = sorted(path.stem for path in folder.glob("*.log"))
    if not names:
        return f"there are no logs in {folder}: name the data dir of an `up` with --data-dir"
    return f"there is no service {service}; there are {', '.join(names)}"


def _print_lines(lines: Iterable[LogLine], is_one: bool) -> None:
    for line in lines:
        text = escape_unprintable(line.text.expandtabs())
        click.echo(text if is_one else f"{line.service:<9} | {text}")
