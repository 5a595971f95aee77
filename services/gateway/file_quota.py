"""How many bytes of files a workspace keeps, against its quota. Each process looks every half minute."""

import time
from dataclasses import dataclass

from shared.platform.db.connections import ConnectionPool, with_deadline
from shared.platform.db.database_errors import is_unavailable
from shared.platform.observability import logging

log = logging.get_logger()

LOOK_SECONDS = 30.0  # seconds between two looks at a workspace
LOOKUP_TIMEOUT_SECONDS = 1.0
MAX_KNOWN_WORKSPACES = 10_000

USED_BYTES_SQL = "SELECT coalesce(sum(size), 0)::bigint FROM files WHERE workspace_id = %s"


@dataclass(slots=True)
class _Usage:
    size: int  # bytes, with those that this process took since
    due_at: float


class FileQuota:
    """The room that workspaces have. `quota` is in bytes; 0: there is no limit."""

    def __init__(self, pool: ConnectionPool, quota: int) -> None:
        self._pool = pool
        self._quota = quota
        self._usages: dict[int, _Usage] = {}

    async def has_room(self, workspace_id: int) -> bool:
        """Return whether the workspace may keep more. While the database is away, what was known last counts."""
        if not self._quota:
            return True
        usage = self._usages.get(workspace_id)
        if usage is None or usage.due_at <= time.monotonic():
            usage = await self._look(workspace_id, usage.size if usage else 0)
        return usage.size < self._quota

    def add(self, workspace_id: int, size: int) -> None:
        """Count bytes that were taken in since the last look."""
        if usage := self._usages.get(workspace_id):
            usage.size += size

    async def _look(self, workspace_id: int, known_size: int) -> _Usage:
        size = known_size
        try:
            size = await with_deadline(LOOKUP_TIMEOUT_SECONDS, self._read_size(workspace_id))
        except Exception as error:
            if not is_unavailable(error):
                raise
        if size >= self._quota > known_size:
            log.warning("files.quota_reached", workspace_id=workspace_id, bytes=size)
        if len(self._usages) >= MAX_KNOWN_WORKSPACES:
            self._usages.clear()
        usage = self._usages[workspace_id] = _Usage(size, time.monotonic() + LOOK_SECONDS)
        return usage

    async def _read_size(self, workspace_id: int) -> int:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(USED_BYTES_SQL, (workspace_id,))).fetchone()
            return int(row[0]) if row else 0
