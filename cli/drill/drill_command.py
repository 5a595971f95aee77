"""`drill`: try on a copy what happens when parts of the installation die, and certify it."""

import asyncio
import fcntl
import math
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from cli.common import data_dir_option, make_settings, notify_operator
from cli.drill.certificate_text import certificate_text
from cli.drill.drill_report import DrillReport
from cli.drill.drill_run import DrillOrder, run_drill
from cli.drill.machine_facts import copy_needs, missing_needs, read_machine
from cli.drill.traffic_shape import MAX_RATE, MIN_RATE, TrafficShape, read_shape, usual_shape
from embedded.servers import EmbeddedServers
from shared.operations.drill_certificates import DrillCertificate, save_certificate
from shared.operations.drill_requests import forget_stop
from shared.platform.data_dir import SERVICE_KIND
from shared.platform.installation import COMMAND_NAME
from shared.platform.settings import Settings

DEFAULT_MINUTES, MIN_MINUTES, MAX_MINUTES = 3.0, 0.3, 240.0
LOCK_NAME = "drill.lock"
MAX_PROCESSES = 16  # workers and gateways of a copy


class _FiniteRange(click.FloatRange):
    """A range of numbers without "nan", which every bound lets pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


@click.command()
@click.option(
    "--minutes",
    type=_FiniteRange(MIN_MINUTES, MAX_MINUTES),
    default=DEFAULT_MINUTES,
    show_default=True,
    help="How long the load lasts. Each three minutes are a round of all faults.",
)
@click.option(
    "--rate",
    type=_FiniteRange(0.5, MAX_RATE),
    help=f"Posts a second; unless given, as in the busiest minute of the last hour, at least {MIN_RATE:g}.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the certificate into this file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of Markdown.")
@click.option(
    "--other-version",
    type=click.Path(exists=True, path_type=Path),
    help="Go to this version and back: a checkout, a wheel, or its command. A restart unless given.",
)
@data_dir_option
def drill(minutes: float, rate: float | None, out: Path | None, as_json: bool, other_version: Path | None) -> None:
    """Kill parts of a copy under load, and count what is lost.

    A copy of this LeadHub starts beside it, with the same settings, on servers and ports of its own. Made-up people
    post to it like the last hour's senders did: as fast, by the same channels, in bodies of the same sizes. Of the
    installation only these figures are read, and nothing of it is changed. The copy can reach neither its database nor
    its broker, and sends nothing.

    Then a worker, the broker, the database and a gateway are killed, each once a round, and all services are restarted
    one by one; with --other-version the copy goes to that version and back. At the end each acknowledged post must be
    in the copy's database once, with its lead.

    The certificate goes to stdout, or into the file of --out. A data dir that is there keeps it, too, and the console's
    page "Drill" shows it. Exit status 1: something was lost or doubled, or the file could not be written.

    The drill says beforehand how much memory and disk it needs, and refuses if there is less. It takes processor time
    from the real services. Ctrl-C stops it and removes the copy; so does an operator in the console, where its page
    shows how far it is.

    Example: leadhub drill --minutes 9 --out certificate.md
    """
    settings = make_settings()
    _expect_writable(out)
    report = DrillReport(settings.data_dir, minutes * 60)
    try:
        with _only_drill(settings.data_dir), _stopping_on_sigterm(), report.telling():
            order = _make_order(settings, find_shape(settings), minutes, rate, other_version)
            certificate = run_drill(order, report)
            if settings.data_dir.is_dir():
                notify_operator(f"kept in {save_certificate(settings.data_dir, certificate)}")
                forget_stop(settings.data_dir)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except KeyboardInterrupt:
        if report.stop is None:
            raise
        raise RuntimeError(f"{report.stop.sentence}; it has no certificate") from None
    show_certificate(certificate, out, as_json)
    sys.exit(0 if certificate.is_exact else 1)


def find_shape(settings: Settings) -> TrafficShape:
    """Return the traffic of the running installation, or usual traffic if none runs."""
    embedded = EmbeddedServers(settings)
    owner = embedded.data_dir.lock_owner()
    if embedded.postgres and not (owner and owner[1] == SERVICE_KIND):
        return usual_shape("no_installation")
    return asyncio.run(read_shape(embedded.postgres.database_url if embedded.postgres else settings.database_url))


def _make_order(
    settings: Settings, shape: TrafficShape, minutes: float, rate: float | None, other: Path | None
) -> DrillOrder:
    """Return the order. RuntimeError if the machine has too little memory or disk for it."""
    order = DrillOrder(
        settings=settings,
        shape=shape,
        machine=read_machine(),
        rate=rate or shape.rate,
        seconds=minutes * 60,
        parent=_place_of_copy(settings.data_dir),
        other_place=other,
        command=_repeating_command(settings.data_dir, minutes, rate or shape.rate, other),
    )
    processes = order.workers + order.gateways
    if processes > MAX_PROCESSES:
        raise RuntimeError(f"a copy has at most {MAX_PROCESSES} workers and gateways; the installation has {processes}")
    needs = copy_needs(order.rate * order.seconds, processes)
    notify_operator(f"traffic: {shape.origin}")
    notify_operator(f"the drill needs up to {needs.memory_mb:,} MB of memory and {needs.disk_mb:,} MB of disk")
    if problems := missing_needs(needs, order.machine, order.parent):
        raise RuntimeError("; ".join(problems))
    return order


def _place_of_copy(data_dir: Path) -> Path:
    """Return the folder for the copy: beside the data dir or in it, so that it is on the same disk, if that can be."""
    places = (data_dir.parent, data_dir, Path(tempfile.gettempdir()))
    return next((place for place in places if os.access(place, os.W_OK | os.X_OK)), places[-1])


def _repeating_command(data_dir: Path, minutes: float, rate: float, other: Path | None) -> str:
    words = [COMMAND_NAME, "drill", "--minutes", f"{minutes:g}", "--rate", f"{rate:.3g}"]
    if other:
        words += ["--other-version", str(other)]
    if data_dir != Settings.model_fields["data_dir"].default:
        words += ["--data-dir", str(data_dir)]
    return shlex.join(words)


def _expect_writable(out: Path | None) -> None:
    """Refuse a file that cannot be written, before the drill and not after it."""
    if out and (out.is_dir() or not os.access(out if out.exists() else out.absolute().parent, os.W_OK)):
        raise click.BadParameter(f"{out} cannot be written: name a file in a folder that is there", param_hint="--out")


@contextmanager
def _only_drill(data_dir: Path) -> Iterator[None]:
    """Refuse a second drill of the data dir: each would measure the other. RuntimeError says so."""
    if not data_dir.is_dir():
        yield
        return
    with (data_dir / LOCK_NAME).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError("another drill of this data dir runs; start this one when it has ended") from None
        yield


def show_certificate(certificate: DrillCertificate, out: Path | None, as_json: bool) -> None:
    """Write the certificate to its file or to stdout. RuntimeError if the file cannot be written."""
    text = certificate.model_dump_json(indent=2) + "\n" if as_json else certificate_text(certificate)
    if out:
        try:
            out.write_text(text)
        except OSError as error:
            click.echo(text, nl=False)  # what took so long is not to be lost
            raise RuntimeError(f"{out} cannot be written: {error.strerror}; the certificate went to stdout") from None
        text = f"{out}\n"
    click.echo(text, nl=False)


@contextmanager
def _stopping_on_sigterm() -> Iterator[None]:
    """Let SIGTERM end the drill as Ctrl-C does, so that the copy is stopped and removed."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
