"""Backups without the key that encrypts credentials, and backups by the machine's own pg_dump."""

import os
import shutil
import tarfile
from pathlib import Path

import psycopg
import pytest

from cli.pg_tools import find_pg_dump
from tests.support.backups import make_workspace, manifest_of, secret_of
from tests.support.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.extended]


def members_of(file: Path) -> set[str]:
    with tarfile.open(file) as tar:
        return {member.name for member in tar}


def test_backup_without_the_key_keeps_the_present_key(tmp_path: Path) -> None:
    first, second, file = Stack(tmp_path / "first"), Stack(tmp_path / "second"), tmp_path / "saved.tar"
    make_workspace(first)
    first.run("secrets", "rotate")  # makes a key
    said = first.run("backup", "--without-key", str(file)).stderr
    assert "keep secrets/key" in said
    assert members_of(file) == {"spool.jsonl", "database.dump", "files.tar", "manifest.json"}
    assert "secrets/key" not in manifest_of(file)["sha256"]
    assert secret_of(first).encode() not in file.read_bytes()

    make_workspace(second)
    second.run("secrets", "rotate")
    before = secret_of(second)
    said = second.run("restore", str(file)).stderr
    assert "the backup holds no key, and the key that is here stays" in said
    assert secret_of(second) == before != secret_of(first)
    assert "Main" in second.run("workspace", "list").stdout


@pytest.mark.external
def test_a_server_of_ones_own_is_dumped_by_the_machines_pg_dump(external_database: str, tmp_path: Path) -> None:
    """Which knows TLS, unlike the embedded one."""
    found = shutil.which("pg_dump")
    with psycopg.connect(external_database) as database:
        if found is None or find_pg_dump(database.info.server_version // 10000, embedded=False) != found:
            pytest.skip("the machine has no pg_dump as new as its PostgreSQL")
    (bin_folder := tmp_path / "bin").mkdir()
    (bin_folder / "pg_dump").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexec {found} "$@"\n')
    (bin_folder / "pg_dump").chmod(0o755)
    env = {"LEADHUB_DATABASE_URL": external_database, "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    stack, file = Stack(tmp_path / "data", env=env), tmp_path / "saved.tar"
    stack.run("migrate")
    make_workspace(stack)
    stack.run("backup", str(file))
    assert "--snapshot" in (tmp_path / "asked").read_text()
    with psycopg.connect(external_database, autocommit=True) as database:
        database.execute("UPDATE workspaces SET name = 'Changed'")
    stack.run("restore", str(file))
    assert "Main" in stack.run("workspace", "list").stdout
