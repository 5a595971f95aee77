"""One whole drill: copy, load, faults, counts, certificate."""

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cli.common import notify_operator
from cli.drill.copy_settings import COPIED_SETTINGS, copy_environment, outside_settings
from cli.drill.drill_copy import THIS_VERSION_COMMAND, DrillCopy
from cli.drill.drill_faults import FaultCourse, FaultPeriod, command_of_version
from cli.drill.drill_findings import CopyContent, DrillFindings, count_findings, read_content
from cli.drill.drill_ledger import DrillLedger
from cli.drill.drill_load import DrillLoad
from cli.drill.drill_report import COUNT_SECONDS, DrillReport
from cli.drill.machine_facts import MachineFacts
from cli.drill.made_up_posts import PostMaker
from cli.drill.traffic_shape import TrafficShape
from shared import __version__
from shared.operations.drill_certificates import DrillCertificate, DrillFault, DrillMachine, DrillTotals
from shared.operations.drill_progress import COUNTING_PHASE, RECOVERY_PHASE, REMOVAL_PHASE, STARTING_PHASE
from shared.platform.data_dir import free_port
from shared.platform.settings import Settings

FOLDER_PREFIX = ".leadhub-drill-"


@dataclass(frozen=True)
class DrillOrder:
    """What a drill is to do. `parent` is the folder in which the copy's data dir is made, and removed at the end."""

    settings: Settings
    shape: TrafficShape
    machine: MachineFacts
    rate: float
    seconds: float
    parent: Path
    other_place: Path | None
    command: str

    @property
    def workers(self) -> int:
        return max(self.shape.workers, self.settings.workers)

    @property
    def gateways(self) -> int:
        return max(self.shape.gateways, self.settings.web)


def run_drill(order: DrillOrder, report: DrillReport) -> DrillCertificate:
    """Run a drill and return its certificate.

    RuntimeError if the copy does not start, or not again to be counted; ValueError if the other version is none.
    """
    with _temporary_folder(order.parent) as folder:
        environment = _copy_environment(order, folder / "copy")
        other = command_of_version(order.other_place, folder / "wheel") if order.other_place else None
        copy = DrillCopy(folder / "copy", environment, order.settings.embedded_postgres)
        other_version = _version_of(copy, other) if other else ""
        report.enter(STARTING_PHASE, f"starting a copy in {folder}, at {copy.base_url}")
        try:
            try:
                copy.start()
                return _drill_copy(order, copy, other, other_version, report)
            finally:
                report.accept_no_stop()  # apart from what follows, so that a stop that comes just now skips none of it
        finally:
            report.enter(REMOVAL_PHASE, "stopping the copy")
            copy.stop()
            notify_operator("the copy is stopped and removed")


def _drill_copy(
    order: DrillOrder, copy: DrillCopy, other: tuple[str, ...] | None, other_version: str, report: DrillReport
) -> DrillCertificate:
    targets, posts = copy.prepare_workspace(), DrillLedger()
    maker = PostMaker(order.shape, targets, secrets.randbelow(1 << 30))
    load = DrillLoad(copy.base_url, maker.make_posts(), posts, order.rate)
    notify_operator(f"{order.rate:.1f} posts a second for {order.seconds:.0f} s")
    report.count(posts)
    load.start()
    try:
        periods = FaultCourse(copy, load, order.seconds, other, report).run_faults()
        if not periods[-1].is_back:
            report.enter(RECOVERY_PHASE, "the copy is restarted, so that it can be counted", 2 * COUNT_SECONDS)
            copy.restart(THIS_VERSION_COMMAND)
        report.enter(COUNTING_PHASE, "the load ends; waiting until all of it is ingested", COUNT_SECONDS)
        load.finish()
    finally:
        load.abandon()
    content = asyncio.run(read_content(copy.database_url, copy.spool_url, targets.workspace_id))
    return make_certificate(order, posts, content, periods, copy.server_version(), other_version)


def make_certificate(
    order: DrillOrder,
    posts: DrillLedger,
    content: CopyContent,
    periods: Sequence[FaultPeriod],
    postgresql: str,
    other_version: str,
) -> DrillCertificate:
    """Count, and return the certificate of it."""
    findings = count_findings(posts, content)
    machine = order.machine
    return DrillCertificate(
        made_at=datetime.now(UTC).replace(microsecond=0),
        version=__version__,
        other_version=other_version,
        machine=DrillMachine(
            cores=machine.cores, memory_mb=machine.memory_mb, system=machine.system, postgresql=postgresql
        ),
        origin=order.shape.origin,
        coded_origin=order.shape.coded_origin,
        rate=order.rate,
        seconds=periods[-1].ended_at - periods[0].started_at,
        repeat_share=order.shape.repeat_share,
        channels={channel.kind: channel.share for channel in order.shape.channels},
        settings=_shown_settings(order),
        faults=list(_fault_rows(posts, content, periods)),
        totals=_totals(posts, content, findings),
        is_exact=findings.is_exact and all(period.is_back for period in periods),
        command=order.command,
    )


def _totals(posts: DrillLedger, content: CopyContent, findings: DrillFindings) -> DrillTotals:
    broken = sum(1 for each in posts.lost_tries if each.status == 0)
    return DrillTotals(
        accepted=findings.acknowledged,
        lost=findings.lost,
        doubled=findings.doubled,
        refused=len(posts.lost_tries) - broken,
        broken=broken,
        given_up=findings.given_up,
        held=findings.held,
        waiting=findings.waiting,
        unaccounted=findings.unaccounted,
        repeats=posts.repeats,
        longest_wait=max((record.waited_seconds for record in posts.records), default=0.0),
        longest_ingest=max((row.ingest_seconds for row in content.stored.values()), default=0.0),
    )


def _fault_rows(posts: DrillLedger, content: CopyContent, periods: Sequence[FaultPeriod]) -> Iterator[DrillFault]:
    """Yield a row for each fault, over all its rounds, in the order of their first."""
    for fault in dict.fromkeys(period.fault for period in periods):
        own = [period for period in periods if period.fault == fault]
        records = [r for period in own for r in posts.records_between(period.started_at, period.ended_at)]
        tries = [each for period in own for each in posts.lost_tries_between(period.started_at, period.ended_at)]
        stored = [content.stored[r.submission_id] for r in records if r.submission_id in content.stored]
        broken = sum(1 for each in tries if each.status == 0)
        yield DrillFault(
            fault=fault,
            rounds=len(own),
            accepted=sum(1 for record in records if record.acknowledged_at is not None),
            refused=len(tries) - broken,
            broken=broken,
            longest_wait=max((record.waited_seconds for record in records), default=0.0),
            longest_ingest=max((row.ingest_seconds for row in stored), default=0.0),
            back_after=max((period.back_after for period in own if period.back_after is not None), default=None),
            note=own[-1].note,
            coded_note=own[-1].coded_note,
            is_back=own[-1].is_back,
        )


def _copy_environment(order: DrillOrder, folder: Path) -> Mapping[str, str]:
    environment = copy_environment(
        order.settings, folder=folder, port=free_port("127.0.0.1"), workers=order.workers, gateways=order.gateways
    )
    if leading := outside_settings(environment):
        raise RuntimeError(f"the copy would reach outside by {', '.join(leading)}; no drill is run")
    return environment


def _shown_settings(order: DrillOrder) -> dict[str, str]:
    """Return the settings that matter: processes, and what differs from its default."""
    fields = Settings.model_fields
    changed = {name: str(getattr(order.settings, name)) for name in COPIED_SETTINGS if name != "embedded_postgres"}
    changed = {name: value for name, value in changed.items() if value != str(fields[name].default)}
    return {"workers": str(order.workers), "web": str(order.gateways), **changed}


def _version_of(copy: DrillCopy, command: tuple[str, ...]) -> str:
    copy.command = command
    notify_operator(f"asking {command[-1]} for its version")
    try:
        return copy.version()
    finally:
        copy.command = THIS_VERSION_COMMAND


@contextmanager
def _temporary_folder(parent: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
