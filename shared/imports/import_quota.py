"""How much a workspace's imports may hold: those that wait, and dry runs, by number and bytes of their files."""

from typing import Final, NamedTuple

from shared.imports.import_erasure import WAITING_FILE_DAYS
from shared.platform.db.advisory_locks import IMPORT_QUOTA_LOCK_CLASS
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict
from shared.platform.settings import Settings

NAMED_IMPORTS: Final = 3  # in the answer, the largest ones

# The files of imports shrink as their rows are read.
HOLDING_IMPORTS_SQL: Final = """
SELECT id, is_dry_run, file_name, greatest(CASE WHEN is_dry_run THEN file_size ELSE file_size - read_offset END, 0)
FROM imports WHERE workspace_id = %s AND has_file ORDER BY 4 DESC, id
"""
LOCK_QUOTA_SQL: Final = f"SELECT pg_advisory_xact_lock({IMPORT_QUOTA_LOCK_CLASS}, %s::int)"


class ImportLimits(NamedTuple):
    """What one workspace may hold. 0: there is no limit."""

    number: int
    size: int  # bytes

    @classmethod
    def from_settings(cls, settings: Settings) -> "ImportLimits":
        return cls(settings.max_waiting_imports, settings.imports_quota_mb << 20)


class HoldingImport(NamedTuple):
    """An import whose file is kept."""

    id: int
    is_dry_run: bool
    file_name: str
    size: int  # bytes that are left of the file


class ImportQuotaReached(Conflict):
    """No room for one more. `holding` are the imports that fill it, the largest first."""

    def __init__(self, holding: list[HoldingImport], limits: ImportLimits) -> None:
        self.holding, self.limits = holding, limits
        dry = sum(one.is_dry_run for one in holding)
        largest = ", ".join(f"{one.id} ({one.file_name}, {megabytes(one.size)} MB)" for one in holding[:NAMED_IMPORTS])
        super().__init__(
            f"This workspace holds {len(holding)} imports, {megabytes(self.used)} MB: {dry} dry runs and "
            f"{len(holding) - dry} that wait. It may hold {limits.number or 'any number'} and "
            f"{megabytes(limits.size) or 'any number of'} MB. {f'The largest: {largest}. ' if largest else ''}"
            f"Run or cancel some of them; dry runs go by themselves after {WAITING_FILE_DAYS * 24} hours."
        )

    @property
    def used(self) -> int:
        """The bytes of all of them."""
        return sum(one.size for one in self.holding)


def megabytes(size: int) -> int:
    """Return a number of bytes in MB, rounded up."""
    return -(-size >> 20)


async def require_import_room(connection: Connection, workspace_id: int, limits: ImportLimits, size: int) -> None:
    """Raise ImportQuotaReached if one more import, of `size` bytes, has no room. A look ahead: nothing is locked."""
    _require_room(await _holding_imports(connection, workspace_id), limits, size)


async def check_stored_import(
    connection: Connection, workspace_id: int, limits: ImportLimits, import_id: int, size: int
) -> None:
    """Raise ImportQuotaReached if the import that this transaction has just stored is one too many.

    It comes last in the transaction: imports of a workspace wait for one another here, and only for moments.
    """
    await connection.execute(LOCK_QUOTA_SQL, (workspace_id,))
    others = [one for one in await _holding_imports(connection, workspace_id) if one.id != import_id]
    _require_room(others, limits, size)


async def _holding_imports(connection: Connection, workspace_id: int) -> list[HoldingImport]:
    rows = await (await connection.execute(HOLDING_IMPORTS_SQL, (workspace_id,))).fetchall()
    return [HoldingImport(*row) for row in rows]


def _require_room(holding: list[HoldingImport], limits: ImportLimits, size: int) -> None:
    used = sum(one.size for one in holding) + size
    if (limits.number and len(holding) >= limits.number) or (limits.size and used > limits.size):
        raise ImportQuotaReached(holding, limits)
