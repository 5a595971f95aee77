"""`logs`: lines of several files in the order of their times, from their ends on, and as they grow."""

from pathlib import Path

import pytest

from cli.log_lines import LogFile, line_time, merge_by_time
from tests.support.commands import logs_of

pytestmark = pytest.mark.unit
SERVICE = '{"timestamp":"2026-03-28T09:30:00.25Z","level":"info","event":"batch"}'


@pytest.mark.parametrize(
    ("line", "at"),
    [
        (SERVICE, "2026-03-28T09:30:00.250000"),
        ('{"event":"batch","timestamp":"2026-03-28T09:30:00.25Z"}', "2026-03-28T09:30:00.250000"),
        ("2026-03-28T09:30:00Z gateway is back after 0.4 s (pid 7)", "2026-03-28T09:30:00.000000"),
        ("2026-03-28 09:30:00.123 UTC [7] LOG:  ready", "2026-03-28T09:30:00.123000"),
        ("7:M 28 Mar 2026 09:30:00.007 * Ready to accept connections", "2026-03-28T09:30:00.007000"),
        ("Traceback (most recent call last):", ""),
        ("", ""),
    ],
)
def test_every_kind_of_line_tells_its_time(line: str, at: str) -> None:
    assert line_time(line) == at


def test_a_files_end_goes_back_before_its_rotation(tmp_path: Path) -> None:
    (tmp_path / "any.log.1").write_text("1\n2\n3\n")
    log = tmp_path / "any.log"
    log.write_text("4\n5\nhalf a li")
    file = LogFile(log)
    assert [line.text for line in file.read_tail(4)] == ["2", "3", "4", "5"]
    assert file.read_added() == []
    with log.open("a") as writer:
        writer.write("ne\n6\n")
    assert [line.text for line in file.read_added()] == ["half a line", "6"]
    log.write_text("7\n")
    assert [line.text for line in file.read_added()] == ["7"]


@pytest.mark.parametrize("count", [0, 1, 999, 20_000, 30_000])
def test_a_long_files_end_is_found(tmp_path: Path, count: int) -> None:
    log = tmp_path / "any.log"
    log.write_text("".join(f"line {number}\n" for number in range(20_000)))
    assert [line.text for line in LogFile(log).read_tail(count)] == [f"line {n}" for n in range(20_000)][
        20_000 - min(count, 20_000) :
    ]


def test_lines_of_several_files_come_in_order_and_what_has_no_time_stays_behind_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("2026-03-28T09:00:00Z first\n  its second line\n2026-03-28T09:00:02Z third\n")
    (tmp_path / "b.log").write_text("2026-03-28 09:00:01.5 UTC second\n")
    lines = merge_by_time(LogFile(tmp_path / name).read_tail(10) for name in ("a.log", "b.log"))
    assert [line.text.split()[-1] for line in lines] == ["first", "line", "second", "third"]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "worker-1.log").write_text(f"{SERVICE}\n")
    (tmp_path / "logs" / "worker-2.log").write_text("2026-03-28T09:29:00Z \x1b[2J\n")
    (tmp_path / "logs" / "up.log").write_text("2026-03-28T09:31:00Z stopping\n")
    return tmp_path


def test_logs_command_shows_all_services_or_one(data_dir: Path) -> None:
    with logs_of(data_dir) as command:
        shown = command.communicate(timeout=60)[0].splitlines()
    assert [line.partition(" ")[0] for line in shown] == ["worker-2", "worker-1", "up"]
    assert "\\x1b[2J" in shown[0]
    with logs_of(data_dir, "worker-1") as command:
        assert command.communicate(timeout=60)[0] == f"{SERVICE}\n"
    with logs_of(data_dir, "worker", "--lines", "1") as command:
        assert command.communicate(timeout=60)[0] == f"worker-1  | {SERVICE}\n"


def test_the_command_names_what_there_is(data_dir: Path, tmp_path: Path) -> None:
    for folder, words, said in (
        (data_dir, ["workers"], "there is no service workers; there are up, worker-1, worker-2"),
        (tmp_path / "none", [], "there are no logs in"),
    ):
        with logs_of(folder, *words) as command:
            assert said in command.communicate(timeout=60)[1]
            assert command.returncode == 2


def test_the_command_follows_until_it_is_interrupted(data_dir: Path) -> None:
    with logs_of(data_dir, "worker", "--follow") as command:
        assert command.stdout is not None
        assert [command.stdout.readline() for _ in range(2)][-1] == f"worker-1  | {SERVICE}\n"
        with (data_dir / "logs" / "worker-3.log").open("w") as added:
            added.write("2026-03-28T09:32:00Z new\n")
        assert command.stdout.readline() == "worker-3  | 2026-03-28T09:32:00Z new\n"
        command.send_signal(2)
        assert command.wait(60) == 0
