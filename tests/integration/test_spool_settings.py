"""A spool may come, or come back, with settings that lose what it was given: then nothing is given to it."""

from pathlib import Path

import pytest
import redis

from shared.intake.journal import JournalItem, Lane, NewJournalRow
from shared.intake.spool import SPOOL_COUNT_KEY, SPOOL_KEYS, NotDurable, Spool, open_spool_client
from shared.platform.data_dir import free_port
from shared.platform.db.connections import Connection
from tests.support.spooling import DURABLE, server

pytestmark = pytest.mark.integration

ROW = NewJournalRow.from_items(
    Lane.PROMPT, [JournalItem("0199d3f4-6a70-7cc3-98c4-dc0c0c07398f", 0, 1, "inbound", None, b"{}")], "nobody"
)
TIMEOUTS = {"socket_timeout": 1.5, "socket_connect_timeout": 1.0}


@pytest.mark.parametrize("options", ["--appendonly no", "--appendonly yes --appendfsync everysec"])
async def test_spool_without_durable_settings_is_refused(tmp_path: Path, options: str) -> None:
    port = free_port("127.0.0.1")
    client = open_spool_client(f"redis://127.0.0.1:{port}", **TIMEOUTS)
    spool = Spool(client)
    with server(tmp_path, port, *options.split()), pytest.raises(NotDurable):
        await spool.append_row(ROW)
    with server(tmp_path, port, *DURABLE):
        await spool.append_row(ROW)
        assert await spool.count_submissions() == 1
    with server(tmp_path, port, *options.split()):
        with pytest.raises(redis.ConnectionError):
            await spool.check_writable()  # on the connection to the one before
        with pytest.raises(NotDurable):
            await spool.check_writable()
    await client.aclose()


async def test_spool_entry_deleted_late_is_counted_once(tmp_path: Path, database: Connection) -> None:
    port = free_port("127.0.0.1")
    client = open_spool_client(f"redis://127.0.0.1:{port}", **TIMEOUTS)
    spool = Spool(client)
    with server(tmp_path, port, *DURABLE):
        await spool.append_row(ROW)
        entries = [entry async for entry in spool.all_entries()]
        assert await spool.drain_chunk(database) == 1
        await spool.append_row(ROW)
        # The command of a drainer that was slow.
        await spool._delete_entries(keys=SPOOL_KEYS, args=[entries[0].id, 1, ROW.accepted])
        assert await spool.count_submissions() == 1
        await client.incrby(SPOOL_COUNT_KEY, 5)  # whatever went wrong
        assert await spool.drain_chunk(database) == 1
        assert await spool.count_submissions() == 0
    await client.aclose()


async def test_spool_counts_each_workspace_by_itself(tmp_path: Path, database: Connection) -> None:
    port = free_port("127.0.0.1")
    client = open_spool_client(f"redis://127.0.0.1:{port}", **TIMEOUTS)
    spool = Spool(client)

    async def counts() -> list[int]:
        return [await spool.count_workspace_submissions(workspace_id) for workspace_id in (1, 2, 3)]

    of_two_workspaces = NewJournalRow.from_items(
        Lane.PROMPT, [item(1, number) for number in range(2)] + [item(2, number) for number in range(2, 5)], "nobody"
    )
    with server(tmp_path, port, *DURABLE):
        assert await counts() == [0, 0, 0]
        await spool.append_row(of_two_workspaces)
        assert await counts() == [2, 3, 0]
        await spool.append_row(NewJournalRow.from_items(Lane.PROMPT, [item(2, 5)], "nobody"), is_repeat=True)
        assert await counts() == [2, 4, 0]
        entries = [entry async for entry in spool.all_entries()]
        assert await spool.drain_chunk(database) == 6
        assert await counts() == [0, 0, 0]
        await spool.append_row(of_two_workspaces)
        drained = entries[0]
        await spool._delete_entries(keys=SPOOL_KEYS, args=[drained.id, drained.row.n, drained.row.accepted])
        assert await counts() == [2, 3, 0]
    await client.aclose()


def item(workspace_id: int, number: int) -> JournalItem:
    return JournalItem(f"0199d3f4-6a70-7cc3-98c4-{number:012d}", 0, workspace_id, "inbound", None, b"{}")
