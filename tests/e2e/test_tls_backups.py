"""`backup` and `restore` with a PostgreSQL and a spool by TLS: what they do, and what they say of a wrong CA."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.intake.journal import NewJournalRow
from shared.intake.spool import Spool, open_spool_client
from shared.platform.store_tls import UNKNOWN_AUTHORITY
from tests.support.certificates import CertificateAuthority
from tests.support.commands import ended, started
from tests.support.stack import Stack
from tests.support.tls_stores import TlsStores, running_tls_databases

pytestmark = [pytest.mark.e2e, pytest.mark.external]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsStores]:
    with running_tls_databases(tmp_path_factory.mktemp("stores")) as stores:
        yield stores


@pytest.fixture(scope="module")
def stack(stores: TlsStores, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Commands on these stores, which hold a workspace, and three submissions in the spool."""
    stack = Stack(tmp_path_factory.mktemp("stack") / "data", env=settings_of(stores))
    stack.run("migrate")
    stack.run("workspace", "create", "saved", "--name", "Saved")
    asyncio.run(spool_three(stores.redis_url()))
    return stack


@pytest.fixture(scope="module")
def saved(stack: Stack) -> Path:
    """A backup of them."""
    file = stack.folder.with_name("saved.tar")
    stack.run("backup", str(file))
    return file


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an authority that issued none of the stores' certificates."""
    return CertificateAuthority(tmp_path_factory.mktemp("other"), "other").trusted


@pytest.mark.extended
def test_a_backup_is_restored(stack: Stack, stores: TlsStores, saved: Path) -> None:
    stack.run("workspace", "create", "later", "--name", "Later")
    ledger = stack.run("restore", str(saved), "--force").stdout.split()
    assert dict(zip(ledger[::2], ledger[1::2], strict=True)) == {
        **dict.fromkeys(("done", "pending", "dead", "quarantined"), "0"),
        **dict.fromkeys(("accepted", "spooled"), "3"),
    }
    workspaces = stack.run("workspace", "list").stdout
    assert ("saved" in workspaces, "later" in workspaces) == (True, False)
    assert asyncio.run(count_of_first_workspace(stores.redis_url())) == 3


@pytest.mark.extended
def test_a_spool_of_another_authority_is_refused_in_one_sentence(
    stores: TlsStores, saved: Path, other: Path, tmp_path: Path
) -> None:
    urls = {**settings_of(stores), "LEADHUB_SPOOL_URL": stores.redis_url(trusted=other)}
    sentence = f"leadhub: the spool of LEADHUB_SPOOL_URL does not answer ({UNKNOWN_AUTHORITY})"
    assert ended(started(tmp_path, "backup", str(tmp_path / "new.tar"), **urls)) == (1, f"{sentence}\n")
    said = f"{sentence}; nothing was changed\n"
    assert ended(started(tmp_path, "restore", str(saved), "--force", **urls)) == (1, said)


@pytest.mark.extended
def test_a_restore_into_a_postgresql_of_another_authority_is_refused(
    stores: TlsStores, saved: Path, other: Path, tmp_path: Path
) -> None:
    urls = {**settings_of(stores), "LEADHUB_DATABASE_URL": stores.database_url(other)}
    status, said = ended(started(tmp_path, "restore", str(saved), "--force", **urls))
    assert (status, said.count("\n")) == (1, 1)
    assert "name the file of its CA in the URL, as sslrootcert=" in said
    assert said.endswith("; nothing was changed\n")
    assert stores.postgres.password not in said


@pytest.mark.extended
def test_programs_without_tls_are_named(stores: TlsStores, saved: Path, tmp_path: Path) -> None:
    """Those that come with LeadHub, where the PATH has no others."""
    for words in (("backup", str(tmp_path / "new.tar")), ("restore", str(saved), "--force")):
        status, said = ended(started(tmp_path, *words, **settings_of(stores), PATH=str(tmp_path)))
        assert (status, "put pg_dump and pg_restore of PostgreSQL itself on the PATH" in said) == (1, True)


def settings_of(stores: TlsStores) -> dict[str, str]:
    return {"LEADHUB_DATABASE_URL": stores.database_url(), "LEADHUB_SPOOL_URL": stores.redis_url()}


async def count_of_first_workspace(url: str) -> int:
    client = open_spool_client(url)
    count = await Spool(client).count_workspace_submissions(1)
    await client.aclose()
    return count


async def spool_three(url: str) -> None:
    client = open_spool_client(url)
    await Spool(client).append_row(NewJournalRow(0, 3, "", "[[1, 3]]", b"{}"))
    await client.aclose()
