"""The supervisor, with small real programs as its children."""

import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cli import common, logs, watchdog
from cli import supervisor as supervising
from cli.supervisor import StopRequested, SupervisedChild, Supervisor
from embedded.process import ChildProgram
from tests.support.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.unit
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); "
SLEEP = "import time; time.sleep(600)"


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    """A supervisor that handles signals; what was there before comes back."""
    numbers = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    found = Supervisor()
    with found.handling_signals():
        yield found
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., ChildProgram]:
    def make(name: str, code: str, stage: int = 0) -> ChildProgram:
        argv = (sys.executable, "-S", "-c", code)
        return ChildProgram(name=name, argv=argv, log=tmp_path / f"{name}.log", env={}, stop_stage=stage)

    return make


Make = Callable[..., ChildProgram]


@contextmanager
def rescued(child: SupervisedChild) -> Iterator[None]:
    """A block that ends the child; else the test ends it in the end, and fails."""
    rescue = threading.Timer(DEADLINE_SECONDS, child.kill)
    rescue.start()
    try:
        yield
        assert rescue.is_alive(), "the supervisor did not end it"
    finally:
        rescue.cancel()


def test_program_that_is_started_once_stays_ended(supervisor: Supervisor, program: Make) -> None:
    child = supervisor.start_once(program("errand", "import sys; sys.exit(3)"))
    supervisor.wait_until(lambda: not supervisor.children)
    assert child.process
    assert (child.process.returncode, child.failures) == (3, 0)


def test_dead_program_is_restarted_with_growing_pauses(supervisor: Supervisor, program: Make) -> None:
    supervisor.start_child(program("brief", "import sys; sys.exit(3)"))
    (child,) = supervisor.children
    supervisor.wait_until(lambda: child.failures == 3)
    assert child.restart_at - time.monotonic() <= 1.0 <= child.restart_at - child.started_at


@pytest.mark.parametrize(("failures", "pause"), [(0, 0.0), (1, 0.5), (2, 1.0), (3, 2.0), (50, 2.0)])
def test_restart_pause_grows_with_failures(program: Make, failures: int, pause: float) -> None:
    child = SupervisedChild(program("any", ""), started_at=time.monotonic(), failures=failures)
    before = time.monotonic()
    child.schedule_restart("ended")
    assert before + pause <= child.restart_at <= time.monotonic() + pause


def test_ten_seconds_of_life_are_forgiveness(program: Make) -> None:
    child = SupervisedChild(program("any", ""), started_at=time.monotonic() - 11, failures=50)
    child.schedule_restart("ended")
    assert child.failures == 1


def test_says_what_died_and_how(supervisor: Supervisor, program: Make, capfd: pytest.CaptureFixture[str]) -> None:
    supervisor.start_child(program("victim", SLEEP))
    (child,) = supervisor.children
    child.send_signal(signal.SIGKILL)
    supervisor.wait_until(lambda: child.failures == 1 and child.is_running)
    assert "victim ended with signal SIGKILL; starting it again now" in capfd.readouterr().err
    supervisor.wait_until(lambda: child.died_at is None)
    assert child.process
    assert re.fullmatch(rf"victim is back after \d+\.\d s \(pid {child.process.pid}\)\n", capfd.readouterr().err)


def test_up_tells_the_time_and_keeps_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(common, "_operator_log", None)
    common.notify_operator("before")
    common.log_operator_lines(tmp_path / "up.log")
    common.notify_operator("after")
    said = capfd.readouterr().err
    assert re.fullmatch(r"before\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ after\n", said)
    assert (tmp_path / "up.log").read_text() == said.removeprefix("before\n")


def test_stops_stage_by_stage_the_highest_first(supervisor: Supervisor, program: Make, tmp_path: Path) -> None:
    order = tmp_path / "order"
    note = "import signal, sys, time\ndef end(*_):\n open({0!r}, 'a').write({1!r}); sys.exit()\n"
    for stage, name in enumerate("abc"):
        code = note.format(str(order), name) + f"signal.signal(15, end); print('on', flush=True); {SLEEP}"
        supervisor.start_child(program(name, code, stage))
    supervisor.wait_until(lambda: all(_says(tmp_path / f"{name}.log", "on") for name in "abc"))
    supervisor.stop()
    assert order.read_text() == "cba"


def test_a_second_signal_ends_what_does_not_listen(
    supervisor: Supervisor, program: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "CHILD_STOP_SECONDS", 600)
    supervisor.start_child(program("stubborn", STUBBORN + SLEEP))
    (child,) = supervisor.children
    supervisor.wait_until(lambda: _says(tmp_path / "stubborn.log", "deaf"))
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    with rescued(child):
        supervisor.stop()
        assert not child.is_running
    assert supervisor.forced_ends == ["stubborn"]


def test_what_a_foreign_process_forks_later_is_spared(program: Make, tmp_path: Path) -> None:
    """Such as the backends of a server that ran before the supervisor: a kill of one ends the whole server's work."""
    fork = "import subprocess, sys; sys.stdin.read(1); child = subprocess.Popen(['sleep', '600']); "
    code = f"{fork}print(child.pid, flush=True); sys.stdin.read(1); print(child.poll()); child.kill()"
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdin=-1, stdout=-1, text=True) as foreign:
        assert foreign.stdin
        assert foreign.stdout
        supervisor = Supervisor()
        foreign.stdin.write(".")
        foreign.stdin.flush()
        assert foreign.stdout.readline().strip().isdigit()
        supervisor.start_child(program("own", SLEEP))
        (own,) = supervisor.children
        supervisor.stop()
        assert not own.is_running
        assert foreign.communicate(".")[0] == "None\n"  # alive
    assert supervisor.forced_ends == []


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_first_signal_leaves_all_time_to_end_in_order(
    supervisor: Supervisor, program: Make, tmp_path: Path, asked: signal.Signals
) -> None:
    orderly = "import signal, sys, time\ndef end(*_): time.sleep(0.3); print('ended', flush=True); sys.exit()\n"
    code = orderly + f"signal.signal({asked:d}, end); print('on', flush=True); {SLEEP}"
    for name in "ab":
        supervisor.start_child(replace(program(name, code), stop_signal=asked))
    supervisor.wait_until(lambda: all(_says(tmp_path / f"{name}.log", "on") for name in "ab"))
    signal.raise_signal(signal.SIGINT)
    supervisor.stop()
    assert all(_says(tmp_path / f"{name}.log", "ended") for name in "ab")


def test_program_that_ignores_sigterm_is_killed(
    supervisor: Supervisor, program: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "CHILD_STOP_SECONDS", 0.2)
    supervisor.start_child(program("stubborn", STUBBORN + SLEEP))
    (child,) = supervisor.children
    supervisor.wait_until(lambda: _says(tmp_path / "stubborn.log", "deaf"))
    with rescued(child):
        supervisor.stop()
    assert supervisor.forced_ends == ["stubborn"]


def test_suspended_program_is_continued_to_end_orderly(supervisor: Supervisor, program: Make, tmp_path: Path) -> None:
    orderly = "import signal, sys\ndef end(*_): print('ended', flush=True); sys.exit()\n"
    supervisor.start_child(program("asleep", orderly + f"signal.signal(15, end); print('on', flush=True); {SLEEP}"))
    (child,) = supervisor.children
    supervisor.wait_until(lambda: _says(tmp_path / "asleep.log", "on"))
    child.send_signal(signal.SIGSTOP)
    supervisor.stop()
    assert _says(tmp_path / "asleep.log", "ended")
    assert supervisor.forced_ends == []


def test_a_signal_ends_the_wait_for_a_start(supervisor: Supervisor, program: Make) -> None:
    waiting = threading.Timer(0.2, signal.raise_signal, (signal.SIGTERM,))
    waiting.start()
    with pytest.raises(StopRequested):
        supervisor.start_children_ready([replace(program("slow", SLEEP), is_ready=lambda: False)])
    waiting.join()
    supervisor.stop()
    assert supervisor.forced_ends == []


def test_signal_interrupts_a_blocking_step_of_the_start(supervisor: Supervisor) -> None:
    done: list[str] = []

    def connect() -> None:
        with supervisor.interruptible():
            signal.raise_signal(signal.SIGTERM)
            done.append("connected")

    with pytest.raises(StopRequested):
        connect()
    assert not done


def test_program_that_cannot_start_is_retried(supervisor: Supervisor, program: Make, tmp_path: Path) -> None:
    folder = tmp_path / "full"
    supervisor.start_child(replace(program("late", SLEEP), log=folder / "late.log"))
    (child,) = supervisor.children
    assert (child.is_running, child.failures) == (False, 1)
    folder.mkdir()
    supervisor.wait_until(lambda: child.is_running)


def test_a_first_start_that_is_impossible_is_an_error(supervisor: Supervisor, program: Make, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="late could not be started"):
        supervisor.start_children_ready([replace(program("late", SLEEP), log=tmp_path / "full" / "late.log")])


def test_signal_during_the_start_stops_the_supervisor(supervisor: Supervisor, program: Make) -> None:
    supervisor.start_child(program("first", SLEEP))
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(StopRequested):
        supervisor.start_child(program("second", SLEEP))
    assert [child.program.name for child in supervisor.children] == ["first"]


def test_a_first_start_that_fails_is_an_error_with_the_log(supervisor: Supervisor, tmp_path: Path) -> None:
    argv = (sys.executable, "-S", "-c", "print('no such disk'); raise SystemExit(4)")
    failing = ChildProgram(name="failing", argv=argv, log=tmp_path / "failing.log", env={}, is_ready=lambda: False)
    with pytest.raises(RuntimeError, match=r"failing ended with status 4: \nno such disk"):
        supervisor.start_children_ready([failing])


def test_run_ends_at_a_signal(supervisor: Supervisor, program: Make) -> None:
    supervisor.start_child(program("child", SLEEP))
    (child,) = supervisor.children
    supervisor.add_chore(lambda: signal.raise_signal(signal.SIGINT))
    supervisor.run()
    assert child.is_running
    supervisor.stop()
    assert not child.is_running


def test_chores_are_done_again_and_again(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "CHORES_INTERVAL_SECONDS", 0.05)
    done: list[str] = []

    def chore() -> None:
        done.append("chore")
        if len(done) == 3:
            signal.raise_signal(signal.SIGINT)

    supervisor.add_chore(chore)
    rescue = threading.Timer(DEADLINE_SECONDS, signal.raise_signal, (signal.SIGINT,))
    rescue.start()
    supervisor.run()
    rescue.cancel()
    assert len(done) == 3


def test_logs_are_rotated_under_their_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_LOG_BYTES", 10)
    log = tmp_path / "any.log"
    with log.open("a") as writer:
        print("0123456789", file=writer, flush=True)
        logs.rotate_log(log)
        print("next", file=writer, flush=True)
    assert log.read_text() == "next\n"
    assert (tmp_path / "any.log.1").read_text() == "0123456789\n"


def _says(log: Path, text: str) -> bool:
    return log.exists() and text in log.read_text()


def _is_suspended(child: SupervisedChild) -> bool:
    assert child.process
    return Path(f"/proc/{child.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


BEAT = "import os, time\nwhile True: os.write(int(os.environ['LEADHUB_PULSE']), b'.'); time.sleep(0.05)"


def test_program_without_liveness_is_killed(
    supervisor: Supervisor, program: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("well", "hung"):
        supervisor.start_child(replace(program(name, BEAT), has_liveness_pipe=True))
    well, hung = supervisor.children
    pulses = watchdog.LivenessWatch(supervisor.children)
    for child in (well, hung):
        supervisor.wait_until(child.note_beat)
    hung.send_signal(signal.SIGSTOP)
    supervisor.wait_until(lambda: _is_suspended(hung) and not hung.note_beat())
    pipe = well.liveness_pipe
    assert pipe is not None
    supervisor.wait_until(lambda: select.select([pipe], [], [], 0)[0] != [])  # a beat that nobody noted
    for child in (well, hung):
        child.last_beat_at -= watchdog.HEARTBEAT_STALE_SECONDS

    def is_over() -> bool:
        pulses.kill_unresponsive()
        return hung.failures == 1 and hung.is_running

    supervisor.wait_until(is_over)
    assert well.failures == 0
    said = capfd.readouterr().err
    assert "hung gave no sign of life" in said
    assert "well" not in said
    supervisor.wait_until(hung.note_beat)  # the new one beats


def test_restarts_leak_no_file_descriptor(supervisor: Supervisor, program: Make) -> None:
    """Else a crash every two seconds ends the supervisor within the hour."""
    supervisor.start_child(replace(program("brief", "import sys; sys.exit(3)"), has_liveness_pipe=True))
    (child,) = supervisor.children
    before = len(os.listdir("/proc/self/fd"))
    supervisor.wait_until(lambda: child.failures == 3)
    assert len(os.listdir("/proc/self/fd")) <= before  # of tests before some may be closed only now


def test_watchdog_kills_nothing_after_it_was_suspended_itself(
    supervisor: Supervisor, program: Make, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watchdog, "HEARTBEAT_STALE_SECONDS", 0.5)
    supervisor.start_child(replace(program("hung", SLEEP), has_liveness_pipe=True))
    (child,) = supervisor.children
    pulses = watchdog.LivenessWatch(supervisor.children)
    time.sleep(0.6)
    pulses.kill_unresponsive()
    assert child.is_running
    assert capfd.readouterr().err == ""
