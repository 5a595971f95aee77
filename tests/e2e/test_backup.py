"""`backup` and `restore`: the whole state as one file, taken under load, and what is refused."""

import asyncio
import io
import os
import signal
import stat
import subprocess
import tarfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support.backups import (
    databases_of,
    execute,
    has_database,
    is_private_and_whole,
    make_workspace,
    manifest_of,
    secret_of,
    spool_two,
    started,
)
from tests.support.checker import check
from tests.support.client import Client
from tests.support.load import Told, loaded
from tests.support.stack import LAUNCHER, Stack, running_stack
from tests.support.waiting import until

pytestmark = pytest.mark.e2e

BOOKS = ("done", "pending", "dead", "quarantined", "spooled")
Damage = Callable[[bytes], bytes]


@contextmanager
def restoring(stack: Stack, file: Path) -> Iterator[subprocess.Popen[str]]:
    """A `restore --force` under way."""
    command = [LAUNCHER, "restore", str(file), "--force", "--data-dir", str(stack.folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ledger_of(stack: Stack) -> dict[str, int]:
    state = stack.status()
    assert state["accepted"] == sum(state[name] for name in BOOKS)
    return {name: state[name] for name in ("accepted", *BOOKS)}


def refused(stack: Stack, *words: str) -> tuple[int, str]:
    """Exit status of a command that must fail, and what it says."""
    done = stack.run(*words, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


async def restored_under_load(first: Stack, file: Path) -> tuple[Told, str, str]:
    """A backup in the midst of a load: what was acknowledged before, and a submission with the key it came under."""
    key, client = str(uuid.uuid4()), Client(first)
    keyed = (await client.post({"email": "key@example.com"}, Idempotency_Key=key)).body["submission_id"]
    await client.close()
    async with loaded(first, rate=50) as told:
        await told.more(150)
        before = Told()
        before.acknowledged = dict(told.acknowledged)
        saved = await asyncio.to_thread(first.run, "backup", str(file))
        await told.more(30)
    assert saved.stdout == f"{file}\n"
    assert (told.refused, told.broken) == (0, 0)
    return before, key, keyed


async def test_backup_under_load_restores_everything_acknowledged_before(tmp_path: Path) -> None:
    file, second = tmp_path / "saved.tar", Stack(tmp_path / "two")
    with running_stack(tmp_path / "one") as first:
        before, key, keyed = await restored_under_load(first, file)
        code, said = refused(first, "restore", str(file), "--force")
        assert (code, "stop that one first" in said) == (2, True)
    assert is_private_and_whole(file)

    second.key = first.key
    printed = second.run("restore", str(file)).stdout
    saved = manifest_of(file)["ledger"]
    assert {name: int(count) for name, count in map(str.split, printed.strip().splitlines())} == saved
    assert ledger_of(second) == saved
    with started(second):
        (await check(second.database_url, second.spool_url, before)).assert_exact()
        again = Client(second)
        answer = await again.post({"email": "key@example.com"}, Idempotency_Key=key)
        await again.close()
        assert answer.body["submission_id"] == keyed
        assert second.status()["accepted"] <= saved["accepted"]  # less what had been in both stores

    code, said = refused(second, "restore", str(file))
    assert (code, "pass --force" in said) == (2, True)
    second.run("restore", str(file), "--force")
    assert ledger_of(second) == saved
    with started(second):
        (await check(second.database_url, second.spool_url, before)).assert_exact()


@pytest.mark.extended
async def test_backup_includes_the_spool_and_ingests_it_once(tmp_path: Path) -> None:
    """Entered twice, as one that moved into the journal between the two halves of a backup would be."""
    first, second, file = Stack(tmp_path / "one"), Stack(tmp_path / "two + 2 words"), tmp_path / "saved.tar"
    make_workspace(first)
    await spool_two(first.folder, times=2)
    first.run("backup", str(file))
    second.run("restore", str(file))
    assert ledger_of(second) == {**dict.fromkeys(BOOKS, 0), "accepted": 4, "spooled": 4}
    with started(second):
        (await check(second.database_url, second.spool_url, Told())).assert_exact()
        assert ledger_of(second) == {**dict.fromkeys(BOOKS, 0), "accepted": 2, "done": 2}
    assert secret_of(first) == secret_of(second)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A backup's content."""
    file = tmp_path_factory.mktemp("saved") / "saved.tar"
    make_workspace(stack := Stack(file.parent / "data"))
    stack.run("backup", str(file))
    return file.read_bytes()


HELD_RESTORE = """
CREATE FUNCTION held(n integer) RETURNS boolean LANGUAGE sql RETURN true;
CREATE TABLE held_rows (n integer CHECK (held(n)));
INSERT INTO held_rows VALUES (1);
CREATE OR REPLACE FUNCTION held(n integer) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(120); RETURN true; END $$;
"""


@pytest.fixture(scope="module")
def saved_held(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A backup whose restore takes two minutes, so that a signal never comes too late: a check of one row sleeps."""
    folder = tmp_path_factory.mktemp("saved-held")
    stack = Stack(folder / "data")
    make_workspace(stack)
    execute(stack, HELD_RESTORE)
    stack.run("backup", str(folder / "saved.tar"))
    return (folder / "saved.tar").read_bytes()


@pytest.fixture(scope="module")
def holder(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A data dir, nothing running on it, with two leads."""
    stack = Stack(tmp_path_factory.mktemp("holder") / "data")
    make_workspace(stack)
    asyncio.run(spool_two(stack.folder))
    return stack


def flipped(content: bytes) -> bytes:
    at = content.index(b"PGDMP") + 1000
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def a_tar_of_others(_: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("hello"))
    return file.getvalue()


@pytest.mark.extended
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: b"", "no backup of LeadHub"),
        (lambda content: b"no archive" * 1000, "no backup of LeadHub"),
        (a_tar_of_others, "it has no manifest.json"),
        (lambda content: content[: len(content) // 2], "cut short"),
        (lambda content: content[: content.index(b"manifest.json") + 600], "no backup of LeadHub"),
        (flipped, "database.dump in it is damaged"),
        (lambda content: content.replace(b'"format": 1', b'"format": 9'), "its format is 9"),
        (lambda content: content.replace(b'"ledger"', b'"lodger"'), "its manifest cannot be read"),
        (lambda content: content.replace(b'"postgresql": "18', b'"postgresql": "99'), "cannot go into PostgreSQL 18"),
        (lambda content: content.replace(b'"accepted": 0', b'"accepted": 7'), "nothing was changed"),
    ],
)
def test_a_bad_archive_is_refused_and_changes_nothing(
    damage: Damage, message: str, saved: bytes, holder: Stack, tmp_path: Path
) -> None:
    file, state, secret = tmp_path / "bad.tar", ledger_of(holder), secret_of(holder)
    file.write_bytes(damage(saved))
    code, said = refused(holder, "restore", str(file), "--force")
    assert (code, message in said) == (1, True), said
    assert (ledger_of(holder), secret_of(holder)) == (state, secret)
    assert databases_of(holder) == {"leadhub", "postgres"}


@pytest.mark.extended
def test_leads_that_wait_in_the_spool_are_not_replaced_unasked(saved: bytes, holder: Stack, tmp_path: Path) -> None:
    file, state = tmp_path / "saved.tar", ledger_of(holder)
    assert (state["spooled"], state["done"]) == (2, 0)
    file.write_bytes(saved)
    code, said = refused(holder, "restore", str(file))
    assert (code, "pass --force" in said) == (2, True), said
    assert ledger_of(holder) == state


@pytest.mark.extended
def test_a_restore_killed_half_way_leaves_the_old_state(saved_held: bytes, holder: Stack, tmp_path: Path) -> None:
    file, own, state = tmp_path / "saved.tar", tmp_path / "own.tar", ledger_of(holder)
    file.write_bytes(saved_held)
    holder.run("backup", str(own))
    with restoring(holder, file) as process:
        until(lambda: has_database(holder, "leadhub_restoring"), what="a restore half way")
        process.kill()
    assert ledger_of(holder) == state
    holder.run("restore", str(own), "--force")
    assert ledger_of(holder) == state
    assert databases_of(holder) == {"leadhub", "postgres"}


@pytest.mark.extended
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_restore_changes_nothing(
    number: signal.Signals, saved_held: bytes, holder: Stack, tmp_path: Path
) -> None:
    file, state, secret = tmp_path / "saved.tar", ledger_of(holder), secret_of(holder)
    file.write_bytes(saved_held)
    with restoring(holder, file) as process:
        until(lambda: has_database(holder, "leadhub_restoring"), what="a restore half way")
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
    assert (process.returncode, "nothing was changed" in said) == (1, True), said
    assert (ledger_of(holder), secret_of(holder)) == (state, secret)
    assert databases_of(holder) == {"leadhub", "postgres"}


@pytest.mark.extended
def test_a_restore_interrupted_after_the_renaming_is_complete(saved: bytes, tmp_path: Path) -> None:
    file, stack = tmp_path / "saved.tar", Stack(tmp_path / "data")
    file.write_bytes(saved)
    make_workspace(stack)
    asyncio.run(spool_two(stack.folder))
    secret = secret_of(stack)
    with restoring(stack, file) as process:
        while process.poll() is None and not has_database(stack, "leadhub_before_restore"):
            pass
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert ("restored the state" in said, "nothing was changed" in said) == (True, False), said
    assert ledger_of(stack) == dict.fromkeys(("accepted", *BOOKS), 0)
    assert secret_of(stack) != secret


@pytest.mark.extended
def test_a_restore_whose_key_did_not_follow_is_refused_until_it_is_run_again(saved: bytes, tmp_path: Path) -> None:
    """As after a kill in these milliseconds; a folder in the key's place stops it there."""
    stack = Stack(tmp_path / "data", env={"LEADHUB_SECRET_KEY": "x" * 32})
    make_workspace(stack)
    asyncio.run(spool_two(stack.folder))
    file, key = tmp_path / "saved.tar", stack.folder / "secrets" / "key"
    file.write_bytes(saved)
    key.unlink()
    key.mkdir()
    code, said = refused(stack, "restore", str(file), "--force")
    assert (code, "run it again, with --force" in said, "nothing was changed" in said) == (1, True, False), said
    for words in (("up", "--port", "0"), ("status",), ("backup", str(tmp_path / "other.tar"))):
        code, said = refused(stack, *words)
        assert (code, "A restore was cut short" in said) == (1, True), said
    key.rmdir()
    stack.run("restore", str(file), "--force")
    assert ledger_of(stack) == dict.fromkeys(("accepted", *BOOKS), 0)


@pytest.mark.extended
def test_a_backup_replaces_no_file_unasked(saved: bytes, tmp_path: Path) -> None:
    stack, file = Stack(tmp_path / "data"), tmp_path / "saved.tar"
    make_workspace(stack)
    asyncio.run(spool_two(stack.folder))
    file.write_bytes(saved)
    code, said = refused(stack, "backup", str(file))
    assert (code, "pass --force" in said, file.read_bytes() == saved) == (2, True, True)
    stack.run("backup", str(file), "--force")
    assert manifest_of(file)["ledger"]["spooled"] == 2


@pytest.mark.extended
@pytest.mark.parametrize(
    ("kind", "through", "force"),
    [
        ("device", "itself", ["--force"]),
        ("pipe", "itself", ["--force"]),
        ("pipe", "itself", []),
        ("device", "a link", ["--force"]),
        ("pipe", "its part", []),
    ],
)
def test_a_backup_replaces_nothing_but_files(
    kind: str, through: str, force: list[str], holder: Stack, tmp_path: Path
) -> None:
    file = tmp_path / "saved.tar"
    taken = {"itself": file, "a link": tmp_path / "taken", "its part": tmp_path / "saved.tar.part"}[through]
    try:
        os.mknod(taken, 0o600 | (stat.S_IFIFO if kind == "pipe" else stat.S_IFCHR), os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")
    if through == "a link":
        file.symlink_to(taken)
    before = sorted(tmp_path.iterdir()), os.lstat(taken)
    code, said = refused(holder, "backup", str(file), *force)
    assert (code, "is no regular file" in said) == (2, True), said
    assert (sorted(tmp_path.iterdir()), os.lstat(taken)) == before


@pytest.mark.extended
def test_a_backup_goes_where_a_link_leads(holder: Stack, tmp_path: Path) -> None:
    """As where a shell writes: also where nothing is yet; what is there is replaced only when asked."""
    (tmp_path / "disk").mkdir()
    file, link = tmp_path / "disk" / "saved.tar", tmp_path / "latest.tar"
    link.symlink_to("disk/saved.tar")
    assert holder.run("backup", str(link)).stdout == f"{link}\n"
    first = file.read_bytes()
    code, said = refused(holder, "backup", str(link))
    assert (code, "pass --force" in said) == (2, True)
    holder.run("backup", str(link), "--force")
    assert file.read_bytes() != first
    assert (link.is_symlink(), is_private_and_whole(file), len(list(tmp_path.glob("**/*")))) == (True, True, 3)


@pytest.mark.extended
@pytest.mark.external
def test_a_database_of_ones_own_is_saved_and_restored(external_database: str, saved: bytes, tmp_path: Path) -> None:
    stack, file = Stack(tmp_path / "data", env={"LEADHUB_DATABASE_URL": external_database}), tmp_path / "saved.tar"
    stack.run("migrate")
    make_workspace(stack)
    stack.run("backup", str(file))
    with psycopg.connect(external_database, autocommit=True) as database:
        database.execute("UPDATE workspaces SET name = 'Changed'")
        code, said = refused(stack, "restore", str(file))
        assert (code, "stop every service" in said) == (1, True)
    stack.run("restore", str(file))
    assert "Main" in stack.run("workspace", "list").stdout

    file.write_bytes(saved)
    code, said = refused(stack, "restore", str(file))
    assert (code, "the backup is of PostgreSQL 18" in said) == (1, True)
