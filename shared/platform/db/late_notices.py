"""Notifications in a transaction of their own, sent after the commit of what they tell of.

A transaction that notifies takes a lock of the whole database just before its commit and holds it until the commit is
done: with a synchronous standby until that one has answered. All such commits then go one after the other. So a
notification of what happens often is sent after the commit, and its own commit waits for nothing. A process that dies
in between sends nothing: whoever waits for the notification must also look for what it tells of now and then.

Source: PreCommit_Notify in https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/commands/async.c
"""

from collections.abc import Sequence
from typing import Final

from shared.platform.db.connections import ASYNC_COMMIT, StatementExecutor, as_json

Notice = tuple[str, str]  # the channel, and the payload

NOTICES_SQL: Final = f"SELECT {ASYNC_COMMIT}, pg_notify(n->>0, n->>1)::text FROM json_array_elements(%s::json) n"


async def send_notices(connection: StatementExecutor, notices: Sequence[Notice]) -> None:
    """Send notifications, outside a transaction: on a connection in autocommit."""
    if notices:
        await connection.execute(NOTICES_SQL, (as_json(notices),))
