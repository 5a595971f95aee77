"""Which pg_dump and pg_restore are used: the machine's own where they are new enough."""

import io
from pathlib import Path

import pytest

from cli.pg_tools import find_pg_dump, find_pg_restore
from embedded.postgres_programs import find_postgres_programs

pytestmark = pytest.mark.integration

PROGRAMS = find_postgres_programs()
MAJOR_VERSION, OURS = PROGRAMS.major_version, str(PROGRAMS.path("pg_dump"))


def program(folder: Path, name: str, version: str, then: str = "exit 1") -> str:
    """A program of the machine that says so of its version, and does `then` otherwise."""
    path = folder / name
    path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "{name} (PostgreSQL) {version}" && exit 0\n{then}\n')
    path.chmod(0o755)
    return str(path)


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of the PATH but for the shell."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/nowhere")
    return tmp_path


@pytest.mark.parametrize(
    ("version", "server", "is_taken"),
    [("17.2", 17, True), ("19beta1", 17, True), ("16.9 (Debian 16.9-1)", 17, False), ("20.0", MAJOR_VERSION + 2, True)],
)
def test_the_machines_pg_dump_is_used_where_it_is_new_enough(
    machine: Path, version: str, server: int, is_taken: bool
) -> None:
    path = program(machine, "pg_dump", version)
    assert find_pg_dump(server, embedded=False) == (path if is_taken else OURS)


def test_the_embedded_server_is_dumped_by_its_own(machine: Path) -> None:
    program(machine, "pg_dump", "19.1")
    assert find_pg_dump(MAJOR_VERSION, embedded=True) == OURS


def test_pg_dump_without_a_version_is_not_used(machine: Path) -> None:
    assert find_pg_dump(15, embedded=False) == OURS
    (machine / "pg_dump").write_text("#!/bin/sh\nexit 1\n")
    (machine / "pg_dump").chmod(0o755)
    assert find_pg_dump(15, embedded=False) == OURS


def test_a_server_that_no_pg_dump_can_read_is_named_with_the_remedy(machine: Path) -> None:
    program(machine, "pg_dump", "18.1")
    with pytest.raises(RuntimeError, match=f"cannot read PostgreSQL {MAJOR_VERSION + 2}.*on the PATH"):
        find_pg_dump(MAJOR_VERSION + 2, embedded=False)


@pytest.mark.parametrize(("then", "is_taken"), [("exit 0", True), ("exit 1", False)])
def test_a_pg_restore_is_used_where_it_can_read_the_dump(machine: Path, then: str, is_taken: bool) -> None:
    path, dump = program(machine, "pg_restore", "15.4", then), io.BytesIO(bytes(4 << 20))
    assert find_pg_restore(15, dump) == (path if is_taken else str(PROGRAMS.path("pg_restore")))
    assert dump.tell() == 0
