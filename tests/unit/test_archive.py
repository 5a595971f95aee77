"""The file that a backup writes: whole or not there, and nobody else's."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli import archive
from cli.archive import CONTENT, DUMP, FORMAT, KEY, MANIFEST, SPOOL, Manifest, Writer, reading, writing

pytestmark = pytest.mark.unit


def fill(writer: Writer) -> None:
    """As a backup does: what each member holds is its name, twice."""
    for name in sorted(CONTENT):
        with writer.member(name) as write:
            write(name.encode())
            write(name.encode())
    now = datetime.now(UTC)
    manifest = Manifest(format=FORMAT, leadhub="1", postgresql="18.1 (x)", made_at=now, ledger={}, sha256=writer.sha256)
    with writer.member(MANIFEST) as write:
        write(manifest.model_dump_json().encode())


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    with writing(path) as writer:
        fill(writer)
        assert not path.exists()
    with reading(path) as found:
        assert {name: found.open(name).read() for name in CONTENT} == {name: (name * 2).encode() for name in CONTENT}
        assert found.manifest.postgresql_major == 18
    assert os.listdir(tmp_path) == ["backup.tar"]


@pytest.mark.parametrize("name", [DUMP, KEY, SPOOL])
def test_a_member_that_was_damaged_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "backup.tar"
    with writing(path) as writer:
        fill(writer)
    content = path.read_bytes()
    path.write_bytes(content.replace((name * 2).encode(), (name + name.upper()).encode()))
    with pytest.raises(RuntimeError, match=f"{name} in it is damaged"), reading(path):
        pass


def fail_midway(path: Path) -> None:
    with writing(path) as writer, writer.member("a") as write:
        write(b"x")
        raise LookupError


def test_a_backup_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    path.write_text("the one before")
    with pytest.raises(LookupError):
        fail_midway(path)
    assert path.read_text() == "the one before"
    assert os.listdir(tmp_path) == ["backup.tar"]


def test_what_a_killed_backup_left_is_emptied_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    part = archive.part_of(path)
    part.write_bytes(b"x" * 1_000_000)
    part.chmod(0o644)
    with writing(path) as writer:
        fill(writer)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size < 100_000
    with reading(path):
        pass


def test_a_second_backup_into_a_file_leaves_the_first_to_end(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    with writing(path) as writer:
        fill(writer)
        with pytest.raises(RuntimeError, match="another backup is writing"), writing(path):
            pass
    with reading(path):
        pass


def test_a_backup_that_came_in_the_moment_of_anothers_end_leaves_that_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "backup.tar"
    with archive.writing(path) as first, first.member("a") as write:
        write(b"x")
        opened = os.open(archive.part_of(path), os.O_WRONLY)  # by the second, and then the first is complete
    before = path.read_bytes()
    monkeypatch.setattr(os, "open", lambda *_: opened)
    with pytest.raises(RuntimeError, match="another backup"), archive.writing(path):
        pass
    assert path.read_bytes() == before
