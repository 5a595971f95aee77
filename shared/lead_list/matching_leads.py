"""Walk over all leads that match, in the order of their ids, in windows of flat cost: for exports.

A page of the list is chosen by plans that are made for the first matches. To read all of them the table is walked once,
whatever the filters are.
"""

from shared.lead_list.filters import LeadFilters
from shared.platform.db.connections import Connection

WINDOW_LEADS = 1_000  # leads that are looked at in one statement

MATCHES_SQL = """
WITH walked AS MATERIALIZED (
    SELECT * FROM leads WHERE workspace_id = %(workspace)s AND id > %(after)s ORDER BY id LIMIT {window}
)
SELECT (SELECT max(id) FROM walked), (SELECT count(*) FROM walked),
       ARRAY(SELECT id FROM walked WHERE {conditions} ORDER BY id)
"""


async def read_matching_ids(connection: Connection, filters: LeadFilters, after: int) -> tuple[list[int], int | None]:
    """Return the ids of matches among the next leads, and where to go on; None at the end."""
    if filters.lead_id is not None and after < filters.lead_id:
        after = filters.lead_id - 1
    conditions = [*filters.lead_conditions(by_update=False), *filters.walked_conditions]
    statement = MATCHES_SQL.format(window=WINDOW_LEADS, conditions=" AND ".join(conditions) or "true")
    values = {**filters.sql_parameters, "after": after}
    row = await (await connection.execute(statement, values)).fetchone()
    assert row is not None  # noqa: S101  # it has no FROM
    last, n, ids = row
    is_end = n < WINDOW_LEADS or filters.lead_id is not None
    return ids, None if is_end else last
