"""The commands `workspace export` and `workspace import`."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.archive import refuse_existing_file, writing_archive
from cli.common import data_dir_option, make_settings, notify_operator, print_table, with_database
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings

if TYPE_CHECKING:  # other commands of workspaces and keys start without the tables, which take a while to load
    from cli.workspace_moves.import_rows import ImportReport
    from cli.workspace_moves.move_archive import MoveArchive, MoveHead

PASSPHRASE_TYPE = click.Path(exists=True, dir_okay=False, path_type=Path)
NOT_MOVED_MESSAGE = (
    "{count} submissions were on their way and are not in the file: stop what sends to the workspace, wait until "
    "`status` shows none pending, and export it again before you move for good"
)
AFTER_IMPORT_MESSAGE = (
    "nothing of it is done twice: deliveries, events and waiting runs stayed behind, and timers of inactivity begin "
    "with the next entry of each lead"
)
SECRETS_MESSAGE = "the file has the workspace's credentials under the passphrase: keep the two in different places"
NO_SECRETS_MESSAGE = "the file has no credentials: integrations and webhooks have to be set up again after the import"


@click.command("export")
@click.argument("slug")
@click.option(
    "--out", "file", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write."
)
@click.option("--passphrase-file", type=PASSPHRASE_TYPE, help="Take credentials along, under the passphrase in it.")
@click.option("--without-secrets", is_flag=True, help="Leave credentials out.")
@click.option("--force", is_flag=True, help="Replace the file if there is one.")
@data_dir_option
def workspace_export(slug: str, file: Path, passphrase_file: Path | None, without_secrets: bool, force: bool) -> None:
    """Write the workspace SLUG into a file.

    It is written as it is at one moment, while everything goes on. The file has its settings, leads, timelines,
    submissions, files, forms, automations, sources, webhooks and keys, for `workspace import` in another installation.
    Pass --passphrase-file or --without-secrets: no other installation can decrypt what is stored here. Passwords, the
    audit log and messages that were sent stay behind, and so does all work under way. Whoever has the file can read
    all leads in it.

    Example: leadhub workspace export acme --out /moves/acme.tar --passphrase-file /moves/passphrase
    """
    if bool(passphrase_file) == without_secrets:
        raise click.UsageError("pass either --passphrase-file or --without-secrets")
    refuse_existing_file(file, force=force)
    from cli.workspace_moves.export_rows import WorkspaceExport
    from cli.workspace_moves.move_secrets import new_cipher, read_passphrase

    settings = make_settings()
    try:
        sealing = new_cipher(read_passphrase(passphrase_file)) if passphrase_file else None
    except ValueError as error:
        raise click.UsageError(str(error)) from None

    async def write(use: Connection) -> "MoveHead":
        with writing_archive(file) as archive:
            return await WorkspaceExport(use, archive, settings, sealing).write(slug)

    head = with_database(settings, write)
    print_table(["TABLE", "ROWS"], [[table, count] for table, count in head.counts.items() if count])
    pending = head.ledger.get("accepted", 0) - sum(head.ledger.get(name, 0) for name in ("done", "dead", "quarantined"))
    if pending > 0:
        notify_operator(NOT_MOVED_MESSAGE.format(count=pending))
    notify_operator(SECRETS_MESSAGE if sealing else NO_SECRETS_MESSAGE)
    notify_operator(f"exported the workspace {slug}: {file.stat().st_size:,} bytes, {head.contents} files")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--slug", help="Its name here, where that of the export is taken or will not do.")
@click.option("--passphrase-file", type=PASSPHRASE_TYPE, help="The passphrase of the export.")
@click.option("--dry-run", is_flag=True, help="Do all of it, say what came of it, and take it back.")
@data_dir_option
def workspace_import(file: Path, slug: str | None, passphrase_file: Path | None, dry_run: bool) -> None:
    """Make a workspace of an exported FILE.

    FILE is from `workspace export`. Everything goes on meanwhile. The workspace is there as a whole or not at all: all
    rows are written in one transaction. Ids of leads, entries and submissions stay. Other ids stay where they are free
    here, and all that names a changed one follows. Public ids of forms, webhook URLs and API keys stay, so that
    websites and providers go on: one that is taken here is named. Prints the rows in the file and in the workspace.

    Example: leadhub workspace import /moves/acme.tar --passphrase-file /moves/passphrase --dry-run
    """
    from cli.workspace_moves.move_archive import reading_move
    from cli.workspace_moves.move_secrets import read_passphrase

    settings = make_settings()
    try:
        passphrase = read_passphrase(passphrase_file) if passphrase_file else None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    with reading_move(file) as archive:
        name = slug or archive.head.slug
        report = with_database(
            settings, lambda use: _import_archive(use, archive, settings, passphrase, name, dry_run), may_found=True
        )
        _print_report(archive.head, report)
    notify_operator(AFTER_IMPORT_MESSAGE)
    notify_operator(
        f"dry run: the workspace {name} was made and taken back" if dry_run else f"imported the workspace {name}"
    )


async def _import_archive(
    use: Connection, archive: "MoveArchive", settings: Settings, passphrase: str | None, slug: str, dry_run: bool
) -> "ImportReport":
    from cli.workspace_moves.import_rows import WorkspaceImport
    from cli.workspace_moves.move_contents import list_contents, store_contents

    importing = WorkspaceImport(use, archive, settings, passphrase)
    with archive.open_contents() as contents:
        if dry_run:
            digests = await asyncio.to_thread(list_contents, contents)
        else:
            digests = await asyncio.to_thread(store_contents, settings.files_folder, contents)
    return await importing.run(slug, digests, dry_run=dry_run)


def _print_report(head: "MoveHead", report: "ImportReport") -> None:
    """Print the rows in the file and in the workspace, table by table, and what is to be done by hand."""
    print_table(
        ["TABLE", "IN THE FILE", "IMPORTED"],
        [[table, head.counts.get(table, 0), rows] for table, rows in report.counts.items() if head.counts.get(table)],
    )
    for note in report.notes:
        notify_operator(note)
