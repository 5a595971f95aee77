"""The course of a drill: what is killed and restarted, in which order, under load."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

from cli.common import notify_operator
from cli.drill.drill_copy import THIS_VERSION_COMMAND, DrillCopy, PartAway
from cli.drill.drill_load import DrillLoad
from cli.drill.drill_report import COUNT_SECONDS, DrillReport
from shared.operations.drill_certificates import CodedSentence

KILLED_PARTS = ("worker", "broker", "database", "gateway")
RESTARTED_PARTS = ("gateway", "worker", "sweeper")
CALM_FAULT, RESTART_FAULT, UPGRADE_FAULT, RETURN_FAULT = "none", "restart one by one", "upgrade", "way back"
KILL_FAULT = "kill -9 {}"
ROUND_SECONDS = 180.0  # seconds of a round: a longer drill has several
# Parts of a round's time.
CALM_SHARE, KILL_SHARE = 0.1, 0.15
SAME_VERSION_NOTE = "the same version: no other one was given"
SAME_VERSION = CodedSentence(code="same_version")


@dataclass(frozen=True)
class FaultPeriod:
    """A time with a fault, in CLOCK_MONOTONIC. `back_after` is seconds, None where nothing was ended.

    `is_back` is false where a part stayed away, or where the other version did not start.
    """

    fault: str
    started_at: float
    ended_at: float
    back_after: float | None
    note: str = ""
    coded_note: CodedSentence | None = None
    is_back: bool = True


class FaultResult(NamedTuple):
    """What a fault comes to: the seconds until the parts were back, and a note."""

    back_after: float | None = None
    note: str = ""
    coded_note: CodedSentence | None = None


class FaultCourse:
    """Runs the faults on a copy, each followed by load until its time is over."""

    def __init__(
        self, copy: DrillCopy, load: DrillLoad, seconds: float, other: tuple[str, ...] | None, report: DrillReport
    ) -> None:
        self._copy, self._load, self._other, self._report = copy, load, other, report
        self._rounds = max(1, int(seconds // ROUND_SECONDS))
        self._round_seconds = seconds / self._rounds
        self._remaining_seconds = seconds  # of the load

    def run_faults(self) -> list[FaultPeriod]:
        """Run all rounds and return their periods. The first one whose part does not come back is the last."""
        periods = []
        for period in chain.from_iterable(self._run_round(number + 1) for number in range(self._rounds)):
            periods.append(period)
            if not period.is_back:
                break
        return periods

    def _run_round(self, number: int) -> Iterator[FaultPeriod]:
        self._report.begin_round(number, self._rounds)
        if self._rounds > 1:
            notify_operator(f"round {number} of {self._rounds}")
        yield self._run_fault(CALM_FAULT, CALM_SHARE, FaultResult)
        for part in KILLED_PARTS:
            yield self._run_fault(KILL_FAULT.format(part), KILL_SHARE, partial(self._kill_part, part))
        last_share = 1 - CALM_SHARE - KILL_SHARE * len(KILLED_PARTS)
        if self._other is None:
            yield self._run_fault(RESTART_FAULT, last_share, self._restart_parts)
            return
        other = self._other
        yield self._run_fault(UPGRADE_FAULT, last_share / 2, lambda: self._change_version(other))
        yield self._run_fault(RETURN_FAULT, last_share / 2, lambda: self._change_version(THIS_VERSION_COMMAND))

    def _run_fault(self, fault: str, share: float, act: Callable[[], FaultResult]) -> FaultPeriod:
        """Act, and let the load go on until the fault's share of the round is over."""
        self._load.raise_error()
        started = time.monotonic()
        line = "load without a fault" if fault == CALM_FAULT else f"fault: {fault}"
        self._report.enter(fault, line, self._remaining_seconds + COUNT_SECONDS)
        self._remaining_seconds -= share * self._round_seconds
        try:
            result = act()
        except RuntimeError as error:
            notify_operator(f"  {error}")
            reason = str(error).split("\n", 1)[0].split(": ", 1)[0]
            coded = None
            if isinstance(error, PartAway):
                coded = CodedSentence(code="part_away", values={"part": error.part})
            return FaultPeriod(fault, started, time.monotonic(), None, reason, coded, is_back=False)
        if result.back_after is not None:
            notify_operator(f"  back after {result.back_after:.1f} s")
        time.sleep(max(0.0, started + share * self._round_seconds - time.monotonic()))
        return FaultPeriod(fault, started, time.monotonic(), *result)

    def _kill_part(self, part: str) -> FaultResult:
        return FaultResult(self._copy.kill_one(part))

    def _restart_parts(self) -> FaultResult:
        """Stop one service after the other; the supervisor starts each again. Then migrate, as an upgrade does."""
        longest = max(self._copy.kill_one(part, signal.SIGTERM) for part in self._services())
        self._copy.run_command("migrate", "--plan")
        self._copy.run_command("migrate")
        return FaultResult(longest, SAME_VERSION_NOTE, SAME_VERSION)

    def _services(self) -> Iterator[str]:
        for part in RESTARTED_PARTS:
            yield from [part] * len(self._copy.find_pids(part))

    def _change_version(self, command: tuple[str, ...]) -> FaultResult:
        """Migrate beside the running version, then stop it and start the one of this command."""
        self._copy.command = command
        with suppress(RuntimeError):  # earlier versions make no plan
            self._copy.run_command("migrate", "--plan")
        self._copy.run_command("migrate")
        started = time.monotonic()
        self._copy.restart(command)
        back_after, version, tables = time.monotonic() - started, self._copy.version(), self._copy.tables_version()
        coded = CodedSentence(code="other_version", values={"version": version, "tables": tables})
        return FaultResult(back_after, f"to {version}, on tables {tables}", coded)


def command_of_version(place: Path, folder: Path) -> tuple[str, ...]:
    """Return the command of another version: of a checkout, of a wheel, which is unpacked into `folder`, or a program.

    A wheel runs with the libraries of this version. ValueError if `place` is none of these.
    """
    if (place / "leadhub").is_file():
        return (sys.executable, str((place / "leadhub").absolute()))
    if place.suffix == ".whl":
        launcher = folder / "leadhub_app" / "_root" / "leadhub"
        with suppress(BadZipFile, OSError), ZipFile(place) as wheel:
            wheel.extractall(folder)
        if not launcher.is_file():
            raise ValueError(f"{place} is not a whole wheel of LeadHub")
        return (sys.executable, str(launcher))
    if place.is_file() and os.access(place, os.X_OK):
        return (str(place.absolute()),)
    raise ValueError(f"{place} is neither a checkout of LeadHub, nor a wheel, nor a command that may be run")
