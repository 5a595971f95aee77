"""Files of moved workspaces: written and read in the test's own process, and changed as an attacker would."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.archive import MANIFEST_MEMBER, writing_archive
from cli.workspace_moves.export_rows import WorkspaceExport
from cli.workspace_moves.import_rows import ImportReport, WorkspaceImport
from cli.workspace_moves.move_archive import MoveHead, member_name, reading_move
from cli.workspace_moves.move_contents import list_contents
from cli.workspace_moves.move_secrets import new_cipher
from shared.platform.db.connections import connect
from shared.platform.settings import Settings

PASSPHRASE = "a passphrase of the tests"
Members = dict[str, bytes]


def settings_at(folder: Path) -> Settings:
    """Of an installation whose key lies in that folder."""
    return Settings(data_dir=folder, secret_key="")


async def export_workspace(url: str, file: Path, folder: Path, slug: str = "main", *, sealed: bool = True) -> MoveHead:
    """Export a workspace of a database, by default with its secrets under `PASSPHRASE`."""
    async with connect(url, "leadhub-cli") as connection:
        with writing_archive(file) as archive:
            sealing = new_cipher(PASSPHRASE) if sealed else None
            return await WorkspaceExport(connection, archive, settings_at(folder), sealing).write(slug)


async def import_workspace(
    url: str,
    file: Path,
    folder: Path,
    slug: str = "moved",
    *,
    passphrase: str | None = PASSPHRASE,
    dry_run: bool = False,
) -> ImportReport:
    """Import a file into a database. RuntimeError for a file that is refused."""
    async with connect(url, "leadhub-cli") as connection:
        with reading_move(file) as archive:
            importing = WorkspaceImport(connection, archive, settings_at(folder), passphrase)
            return await importing.run(slug, list_contents(archive.open_contents()), dry_run=dry_run)


def members_of(file: Path) -> Members:
    """The members of a file, by name."""
    with tarfile.open(file) as tar:
        return {name: content.read() for name in tar.getnames() if (content := tar.extractfile(name))}


def head_of(file: Path) -> dict[str, Any]:
    """What a file says of itself."""
    head: dict[str, Any] = json.loads(members_of(file)[MANIFEST_MEMBER])
    return head


def rows_of(file: Path, table: str) -> list[dict[str, bytes]]:
    """The rows of a table in a file, by column, as COPY writes them."""
    columns = head_of(file)["columns"][table]
    lines = members_of(file)[member_name(table)].splitlines()
    return [dict(zip(columns, line.split(b"\t"), strict=True)) for line in lines]


def forge(file: Path, forged: Path, change: Callable[[Members, dict[str, Any]], None]) -> Path:
    """Write a changed copy of a file, with digests and counts that fit."""
    members = members_of(file)
    head = json.loads(members.pop(MANIFEST_MEMBER))
    change(members, head)
    head["sha256"] = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    for table in head["counts"]:
        head["counts"][table] = members.get(member_name(table), b"").count(b"\n")
    with tarfile.open(forged, "w") as tar:
        for name, content in {**members, MANIFEST_MEMBER: json.dumps(head).encode()}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return forged
