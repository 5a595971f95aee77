"""Imports in the test's own process: a text goes in, the engine and a worker run until it has ended."""

import io
from typing import Any

from services.workers.imports.import_engine import ImportEngine
from shared.imports.file_head import HEAD_BYTES, read_head
from shared.imports.import_control import read_import
from shared.imports.import_options import resolve_mapping
from shared.imports.import_quota import ImportLimits
from shared.imports.import_storage import NewImport, store_import
from shared.imports.text_encoding import EncodingJudge
from shared.intake.change_author import ChangeAuthor
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors
from tests.support.ingesting import drain, workspace_id
from tests.support.waiting import until_async

NO_LIMITS = ImportLimits(0, 0)
AUTHOR = ChangeAuthor("user", 1, "Ada")


async def start_import(
    connection: Connection,
    data: bytes | str,
    *,
    dry_run: bool = False,
    workspace: int | None = None,
    limits: ImportLimits = NO_LIMITS,
    **options: Any,
) -> int:
    """The id of a new import of the workspace `main`."""
    content = data.encode() if isinstance(data, str) else data
    judge = EncodingJudge()
    judge.feed(content)
    head = read_head(content[:HEAD_BYTES], judge.judge(), len(content))
    errors: FieldErrors = {}
    mapping = resolve_mapping(options, head.columns, errors)
    assert not errors
    new = NewImport(dry_run, "people.csv", len(content), head, mapping, options)
    workspace = workspace or await workspace_id(connection)
    async with connection.transaction():
        return await store_import(connection, workspace, new, io.BytesIO(content), AUTHOR, limits)


async def finish_imports(url: str, connection: Connection, import_id: int) -> dict[str, Any]:
    """Run until the import has ended, or its undo where one was asked for."""
    engine, workspace = ImportEngine(), await workspace_id(connection)

    async def has_ended() -> bool:
        await engine.run(connection, seconds=1)
        await drain(url)
        found = await read_import(connection, workspace, import_id)
        return bool(found["is_settled"]) and (not found["undo"] or found["undo"]["state"] == "done")

    await until_async(has_ended, 60, "the end of the import")
    return await read_import(connection, workspace, import_id)


def counts_of(found: dict[str, Any]) -> tuple[int, ...]:
    """How many rows were created, merged, unchanged and invalid."""
    return tuple(found[name] for name in ("created", "merged", "unchanged", "invalid"))
