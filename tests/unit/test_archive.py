"""The file that a backup writes: whole or not there, and nobody else's."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli import archive
from cli.archive import (
    ARCHIVE_FORMAT,
    CONTENT_MEMBERS,
    DUMP_MEMBER,
    KEY_MEMBER,
    MANIFEST_MEMBER,
    SPOOL_MEMBER,
    ArchiveManifest,
    ArchiveWriter,
    reading_archive,
    writing_archive,
)

pytestmark = pytest.mark.unit


def fill(writer: ArchiveWriter) -> None:
    """As a backup does: what each member holds is its name, twice."""
    for name in sorted(CONTENT_MEMBERS):
        with writer.writing_member(name) as write:
            write(name.encode())
            write(name.encode())
    now = datetime.now(UTC)
    manifest = ArchiveManifest(
        format=ARCHIVE_FORMAT, leadhub="1", postgresql="18.1 (x)", made_at=now, ledger={}, sha256=writer.sha256
    )
    with writer.writing_member(MANIFEST_MEMBER) as write:
        write(manifest.model_dump_json().encode())


def test_archive_returns_every_member_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    with writing_archive(path) as writer:
        fill(writer)
        assert not path.exists()
    with reading_archive(path) as found:
        assert {name: found.open_member(name).read() for name in CONTENT_MEMBERS} == {
            name: (name * 2).encode() for name in CONTENT_MEMBERS
        }
        assert found.manifest.postgresql_major == 18
    assert os.listdir(tmp_path) == ["backup.tar"]


@pytest.mark.parametrize("name", [DUMP_MEMBER, KEY_MEMBER, SPOOL_MEMBER])
def test_a_member_that_was_damaged_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "backup.tar"
    with writing_archive(path) as writer:
        fill(writer)
    content = path.read_bytes()
    path.write_bytes(content.replace((name * 2).encode(), (name + name.upper()).encode()))
    with pytest.raises(RuntimeError, match=f"{name} in it is damaged"), reading_archive(path):
        pass


def fail_midway(path: Path) -> None:
    with writing_archive(path) as writer, writer.writing_member("a") as write:
        write(b"x")
        raise LookupError


def test_a_backup_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    path.write_text("the one before")
    with pytest.raises(LookupError):
        fail_midway(path)
    assert path.read_text() == "the one before"
    assert os.listdir(tmp_path) == ["backup.tar"]


def test_backup_overwrites_the_part_file_of_a_killed_backup(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    part = archive.partial_path(path)
    part.write_bytes(b"x" * 1_000_000)
    part.chmod(0o644)
    with writing_archive(path) as writer:
        fill(writer)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size < 100_000
    with reading_archive(path):
        pass


def test_a_second_backup_into_a_file_leaves_the_first_to_end(tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    with writing_archive(path) as writer:
        fill(writer)
        with pytest.raises(RuntimeError, match="another backup is writing"), writing_archive(path):
            pass
    with reading_archive(path):
        pass


def test_a_backup_that_came_in_the_moment_of_anothers_end_leaves_that_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "backup.tar"
    with archive.writing_archive(path) as first, first.writing_member("a") as write:
        write(b"x")
        opened = os.open(archive.partial_path(path), os.O_WRONLY)  # by the second, and then the first is complete
    before = path.read_bytes()
    monkeypatch.setattr(os, "open", lambda *_: opened)
    with pytest.raises(RuntimeError, match="another backup"), archive.writing_archive(path):
        pass
    assert path.read_bytes() == before
