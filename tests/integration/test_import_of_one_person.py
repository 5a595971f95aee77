"""An import whose rows are all one person's: its cost, and that of its undo, grow with its rows and no faster."""

import pytest

from shared.imports.import_control import undo_import
from shared.platform.db.connections import Connection
from tests.support.importing import AUTHOR, counts_of, finish_imports, start_import
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.leads import rows

pytestmark = pytest.mark.integration

ROWS = 1_200
PHONE = "+14155550101"
MAX_READS_PER_ROW = (
    60  # entries of the timeline: in parts of 200 rows it is 6 times all of them; one by one it is 1,200
)


async def entries_read(connection: Connection) -> int:
    await rows(connection, "SELECT pg_stat_force_next_flush()")
    query = "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint FROM pg_stat_user_tables WHERE relname = %s"
    [(count,)] = await rows(connection, query, "activities")
    return int(count)


async def test_rows_of_one_person_cost_no_more_than_others(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    await accept(database, [item(workspace, {"first_name": "Ada", "email": "ada@example.com", "phone": PHONE})])
    await drain(database_url)
    data = "email,phone\n" + "".join(f"ada{n}@example.com,{PHONE}\n" for n in range(ROWS))
    import_id = await start_import(database, data)
    assert counts_of(await finish_imports(database_url, database, import_id)) == (0, 0, ROWS, 0)
    imported = await entries_read(database)
    assert imported < MAX_READS_PER_ROW * ROWS
    async with database.transaction():
        await undo_import(database, workspace, import_id, AUTHOR)
    await finish_imports(database_url, database, import_id)
    assert await entries_read(database) - imported < MAX_READS_PER_ROW * ROWS
    assert await rows(database, "SELECT count(*) FROM identities") == [(2,)]
