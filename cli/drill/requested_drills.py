"""Drills that operators ask for in the console, run by `up`."""

import os
import signal
import sys
from contextlib import suppress
from datetime import datetime

from cli.child_programs import LAUNCHER_PATH
from cli.common import notify_operator
from cli.supervisor import SupervisedChild, Supervisor
from embedded.process import PROJECT_ROOT, ChildProgram, last_lines
from shared.operations.drill_certificates import read_certificates
from shared.operations.drill_requests import (
    ASKED_STATE,
    FAILED_STATE,
    RUNNING_STATE,
    RequestedDrill,
    forget_drill,
    note_drill,
    offer_drills,
    read_requested_drill,
    read_stop,
)
from shared.platform.data_dir import DataDir
from shared.platform.settings import Settings

DRILL_NICENESS = 10  # of 19: the copy takes what the services of the installation leave over
DRILL_STOP_STAGE = 9  # it is stopped before all services
INTERRUPTED_MESSAGE = "LeadHub was stopped before the drill had ended."


class RequestedDrills:
    """Starts what was asked for, one drill at a time, and says how it ended. Use it from the supervisor's thread."""

    def __init__(self, supervisor: Supervisor, settings: Settings) -> None:
        self._supervisor = supervisor
        self._home = DataDir(settings.data_dir)
        self._log = self._home.logs_dir / "drill.log"
        self._child: SupervisedChild | None = None
        self._earlier: set[datetime] = set()
        with suppress(OSError):  # such as a full disk: then no drill is offered
            if (left := read_requested_drill(self._home.path)) and left.is_under_way:
                self._note(left, FAILED_STATE, INTERRUPTED_MESSAGE)
            offer_drills(self._home.path)

    def tend(self) -> None:
        """Start the drill that was asked for, or note the end of the one that ran. It is a chore of the supervisor."""
        drill = read_requested_drill(self._home.path)
        if drill is None:
            return
        with suppress(OSError):  # the next call tries again
            if self._child is None and drill.state == ASKED_STATE:
                if not self._forget_stopped(drill):
                    self._start(drill)
            elif self._child and not self._child.is_running:
                self._note_end(drill)
                self._child = None

    def _start(self, drill: RequestedDrill) -> None:
        self._earlier = self._certificate_times()
        self._log.unlink(missing_ok=True)
        notify_operator(f"a drill of {drill.minutes} minutes starts, as an operator asked for (log: {self._log})")
        self._note(drill, RUNNING_STATE)
        try:
            self._child = self._supervisor.start_once(self._program(drill.minutes))
        except OSError as error:
            self._note(drill, FAILED_STATE, str(error))
        else:
            self._lower_priority(self._child)

    def _lower_priority(self, child: SupervisedChild) -> None:
        with suppress(OSError):  # it has ended already
            if child.process:
                os.setpriority(os.PRIO_PROCESS, child.process.pid, DRILL_NICENESS)

    def _program(self, minutes: int) -> ChildProgram:
        data_dir = str(self._home.path)
        return ChildProgram(
            name="the drill",
            argv=(sys.executable, str(LAUNCHER_PATH), "drill", "--minutes", str(minutes), "--data-dir", data_dir),
            log=self._log,
            env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
            stop_stage=DRILL_STOP_STAGE,
            death_signal=signal.SIGTERM,
        )

    def _note_end(self, drill: RequestedDrill) -> None:
        if self._certificate_times() - self._earlier:
            notify_operator("the drill has ended; its certificate is in the console")
            forget_drill(self._home.path)
        elif not self._forget_stopped(drill):
            notify_operator(f"the drill ended without a certificate (log: {self._log})")
            self._note(drill, FAILED_STATE, last_lines(self._log, 1).strip())

    def _forget_stopped(self, drill: RequestedDrill) -> bool:
        """Return whether somebody stopped the drill; then its end is no failure."""
        stop = read_stop(self._home.path, drill.asked_at)
        if stop is None:
            return False
        notify_operator(stop.sentence)
        forget_drill(self._home.path)
        return True

    def _certificate_times(self) -> set[datetime]:
        return {certificate.made_at for certificate in read_certificates(self._home.path)}

    def _note(self, drill: RequestedDrill, state: str, message: str = "") -> None:
        note_drill(self._home.path, drill.model_copy(update={"state": state, "message": message}))
