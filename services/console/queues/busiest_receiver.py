"""The receiver that holds most of what waits to be sent: what to look at where deliveries pile up."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from services.console.web.page_view import PageView
from shared.platform.db.connections import Connection

COUNTED_DUE = 20_000  # due deliveries that are looked at
LEAST_DUE = 20  # with fewer nobody is to blame
READ_SECONDS = 5.0  # seconds for which an answer is kept

BUSIEST_SQL = f"""
WITH due AS (
    SELECT endpoint FROM deliveries
    WHERE workspace_id = %(workspace)s AND state = 'pending' AND sending_since IS NULL AND due_at <= clock_timestamp()
    LIMIT {COUNTED_DUE}
), busiest AS (
    SELECT endpoint, count(*) AS n, sum(count(*)) OVER () AS due FROM due GROUP BY endpoint ORDER BY n DESC LIMIT 1
)
SELECT b.n, b.due::bigint, s.id, coalesce(s.description, ''), s.url FROM busiest b
JOIN webhook_subscriptions s ON s.workspace_id = %(workspace)s AND b.endpoint = 'subscription:' || s.id
"""


@dataclass(frozen=True)
class BusiestReceiver:
    """A webhook for which `waiting` of `due` deliveries wait."""

    waiting: int
    due: int
    webhook_id: int
    name: str


async def find_busiest_receiver(view: PageView) -> BusiestReceiver | None:
    """Return the webhook that holds at least half of what is due, if much is. It is some seconds old at most."""
    workspace_id = view.workspace.workspace_id

    async def read() -> BusiestReceiver | None:
        async with view.console.reading() as connection:
            return await read_busiest_receiver(connection, workspace_id)

    return await view.console.recent.read_or_last(("busiest receiver", workspace_id), READ_SECONDS, read, None)


async def read_busiest_receiver(connection: Connection, workspace_id: int) -> BusiestReceiver | None:
    """Return the webhook that holds at least half of what is due in a workspace, None if there is none."""
    row = await (await connection.execute(BUSIEST_SQL.encode(), {"workspace": workspace_id})).fetchone()
    if row is None or row[1] < LEAST_DUE or 2 * row[0] < row[1]:
        return None
    waiting, due, id_, description, url = row
    return BusiestReceiver(waiting, due, id_, description.strip() or urlsplit(url).hostname or url)


def receiver_sentence(view: PageView, receiver: BusiestReceiver | None) -> str:
    """Return that one receiver holds what waits, empty if none does."""
    if receiver is None:
        return ""
    number = view.formatting.number
    return view.translate(
        "One receiver holds %(n)s of %(all)s that wait: %(name)s.",
        n=number(receiver.waiting),
        all=number(receiver.due),
        name=receiver.name,
    )
