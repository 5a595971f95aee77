"""What a backup asks of the database while it reads it."""

import asyncio
from pathlib import Path

import psycopg
import pytest

from cli import key_rotation
from cli.archive import writing_archive
from cli.backup import _save_database
from shared.platform.db import connections
from shared.platform.db.connections import Connection
from tests.support.serving import settings_of
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

IDLES = """
SELECT coalesce(max(clock_timestamp() - state_change) > interval '1 s', false) OR count(*) = 0 FROM pg_stat_activity
WHERE application_name = 'leadhub-cli' AND datname = current_database()
"""
WAITS = "SELECT count(*) > 0 FROM pg_locks WHERE relation = 'tags'::regclass AND NOT granted"


async def test_a_backup_may_take_its_time_and_nobody_rotates_meanwhile(
    database_url: str, database: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However soon the server ends who idles in a transaction: its snapshot is held by one while pg_dump works."""
    monkeypatch.setattr(
        connections,
        "SESSION_OPTIONS",
        connections.SESSION_OPTIONS.replace("session_timeout=10s", "session_timeout=300ms"),
    )

    async def is_so(query: str) -> bool:
        row = await (await database.execute(query)).fetchone()
        return bool(row and row[0])

    async with await psycopg.AsyncConnection.connect(database_url) as holder:
        with writing_archive(tmp_path / "backup.tar") as archive:
            await holder.execute("LOCK TABLE tags IN ACCESS EXCLUSIVE MODE")
            saving = asyncio.create_task(_save_database(settings_of(database_url, tmp_path), archive, 0))
            await until_async(lambda: is_so(WAITS), what="pg_dump at work")
            await until_async(lambda: is_so(IDLES), what="a session that idles")
            with pytest.raises(RuntimeError, match=key_rotation.ROTATION_BUSY_MESSAGE):
                await key_rotation.lock_rotation(database)
            await holder.rollback()
            await saving
    assert (tmp_path / "backup.tar").exists()
