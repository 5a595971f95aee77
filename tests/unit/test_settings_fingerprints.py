"""Fingerprints tell whether two processes use the same servers and the same key, and nothing else."""

import os
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.files.folder_id import ABSENT_ID, ID_NAME, MAX_READ_SECONDS, FolderIdReader
from shared.operations.settings_mismatch import group_mismatches
from shared.platform.crypto.settings_fingerprints import fingerprint_reader, server_location
from shared.platform.settings import LOCAL_VALUE, Settings

pytestmark = pytest.mark.unit

KEY = "a key of some length"


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("redis://spool:6379/0", "redis://reader:secret@SPOOL", True),
        ("redis://spool", "rediss://spool:6379/0", True),
        ("redis://spool/0", "redis://spool/1", False),
        ("redis://spool", "redis://spool?db=2", False),
        ("redis://spool", "redis://other", False),
        ("redis://spool", "redis://spool:6380", False),
        ("amqp://broker//", "amqp://me:secret@broker:5672/", True),
        ("unix://:secret@/run/a.sock?db=0", "unix:///run/../run/a.sock", True),
        ("unix:///run/a.sock", "unix:///run/b.sock", False),
        ("redis+socket:///run/a.sock?virtual_host=1", "redis+socket:///run/a.sock?virtual_host=0", False),
    ],
)
def test_a_place_is_that_of_the_server_whoever_asks(one: str, other: str, is_same: bool) -> None:
    assert (server_location(one) == server_location(other)) is is_same
    assert "secret" not in server_location(one) + server_location(other)


@pytest.mark.parametrize("url", ["redis://localhost", "redis://127.0.0.1:6379", "redis://[::1]", "unix:///run/a.sock"])
def test_a_server_of_the_machines_own_is_no_other_machines(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = server_location(url)
    assert server_location("redis://spool") == "spool:6379/0"
    monkeypatch.setattr("shared.platform.crypto.settings_fingerprints._machine_id", lambda: "another machine")
    assert server_location(url) != here


def test_a_fingerprint_shows_nothing_of_what_it_is_of(tmp_path: Path) -> None:
    settings = Settings(
        spool_url="redis://:secret@spool", broker_url="redis://:secret@spool", secret_key=SecretStr(KEY)
    )
    found = fingerprint_reader(settings)()
    assert found.keys() == {"spool", "broker", "secret_key"}
    assert len(set(found.values())) == 3  # one place for two things has two
    assert all(len(value) == 12 and int(value, 16) >= 0 for value in found.values())
    assert found == fingerprint_reader(settings.model_copy(update={"secret_key": SecretStr(f" {KEY} ")}))()


def test_a_key_of_the_data_dir_is_read_anew(tmp_path: Path) -> None:
    read = fingerprint_reader(Settings(data_dir=tmp_path, secret_key=SecretStr(LOCAL_VALUE)))
    before = read()
    (tmp_path / "secrets" / "key").write_text(KEY)
    assert read()["secret_key"] != before["secret_key"]


def test_processes_are_grouped_by_what_they_use_where_that_differs() -> None:
    same = {"broker": "b", "secret_key": "k"}
    used = {"a": {"spool": "1", **same}, "b": {"spool": "2", **same}, "c": {"spool": "2", **same}, "d": {"broker": "b"}}
    assert group_mismatches(used) == {"spool": [["b", "c"], ["a"]]}
    assert group_mismatches({"a": used["a"]}) == {}


def fingerprint_of(folder: Path) -> str:
    return fingerprint_reader(Settings(secret_key=SecretStr(KEY)), FolderIdReader(folder))()["files"]


def test_a_folder_of_files_is_the_same_wherever_it_is_mounted(tmp_path: Path) -> None:
    first = fingerprint_of(tmp_path / "shared")
    (tmp_path / "mounted").symlink_to(tmp_path / "shared")
    assert fingerprint_of(tmp_path / "mounted") == first == fingerprint_of(tmp_path / "shared")
    assert fingerprint_of(tmp_path / "own") != first


def test_a_service_that_cannot_use_the_folder_differs_from_those_that_can(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert FolderIdReader(tmp_path / "file" / "files")() == ABSENT_ID
    assert fingerprint_of(tmp_path / "file" / "files") != fingerprint_of(tmp_path / "shared")


def test_a_command_makes_no_folder(tmp_path: Path) -> None:
    assert FolderIdReader(tmp_path / "files", makes_id=False)() == ABSENT_ID
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_hangs_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ID_NAME)  # whoever opens it waits for a writer
    began = time.monotonic()
    assert FolderIdReader(tmp_path)() == ABSENT_ID
    assert time.monotonic() - began < 10 * MAX_READ_SECONDS
