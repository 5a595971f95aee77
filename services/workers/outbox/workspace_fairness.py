"""Fairness between workspaces: a batch takes rows of every workspace that has any, so that none waits behind others."""

from collections.abc import Sequence
from typing import Any

from shared.platform.db.connections import Connection

LOOK_AHEAD_ROWS = (
    500  # rows that a batch looks at to find free ones, since other engines may have locked the first ones
)

# A prepared plan would be made for a queue that is mostly empty, and would read all of the queue when it is long.
PREPARE_STATEMENTS = False

# Condition on a workspace whose automations are not paused, as part of a statement with `%(paused)s`.
IS_NOT_PAUSED_SQL = "workspace_id <> ALL (%(paused)s::bigint[])"


class WorkspaceCursor:
    """The position of a process in its round through the workspaces.

    A batch serves at most as many workspaces as it may have rows, and the next batch continues after them. A batch that
    fails is repeated from the same position.
    """

    def __init__(self) -> None:
        self.after_workspace_id = 0  # a batch starts after this workspace id
        self.paused_workspaces: Sequence[int] = ()  # their rows stay where they are
        self._next_workspace_id = 0

    def note_reached(self, workspace_id: int | None) -> None:
        """Note the last workspace that a batch served; None if the batch reached the end of the round."""
        self._next_workspace_id = workspace_id or 0

    def advance(self) -> None:
        """Move on after the batch was committed."""
        self.after_workspace_id = self._next_workspace_id


def workspaces_cte(table: str, where: str = "true", *, only: str = "true") -> str:
    """Return a CTE `waiting` for a recursive query: the workspaces after `%(after)s` that have such rows.

    It skips from workspace to workspace in an index that begins with the workspace, so that a hundred thousand waiting
    rows of one workspace cost as little as one row. It stops when its reader needs no further workspace.
    """
    return f"""waiting AS (
    (SELECT workspace_id FROM {table} WHERE workspace_id > %(after)s AND {where} AND {only}
     ORDER BY workspace_id LIMIT 1)
    UNION ALL
    SELECT following.workspace_id FROM waiting w, LATERAL (
        SELECT workspace_id FROM {table} WHERE workspace_id > w.workspace_id AND {where}
        ORDER BY workspace_id LIMIT 1) following)"""


def due_rows_ctes(table: str, *key: str) -> str:
    """Return CTEs for a recursive query over due rows: `served`, the workspaces of the batch, and `head`, their rows.

    The table has the columns `workspace_id`, `key` and `due_at`. If fewer rows are due than a batch looks at, `head` is
    simply all of them. Workspaces are not searched then, since many may have rows that are due only later.
    """
    columns = ", ".join(("workspace_id", *key, "due_at"))
    late = f"{table} r WHERE r.workspace_id = s.workspace_id AND r.due_at <= clock_timestamp()"
    return f"""oldest AS MATERIALIZED (
    SELECT {columns} FROM {table} WHERE due_at <= clock_timestamp() ORDER BY due_at LIMIT {LOOK_AHEAD_ROWS}
), {
        workspaces_cte(table, "due_at IS NOT NULL", only=f"(SELECT count(*) FROM oldest) = {LOOK_AHEAD_ROWS}")
    }, served AS MATERIALIZED (
    SELECT workspace_id FROM waiting s
    WHERE (SELECT true FROM {late} LIMIT 1) AND {IS_NOT_PAUSED_SQL} LIMIT %(most)s
), head AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY workspace_id ORDER BY due_at) AS turn FROM oldest
    WHERE (SELECT count(*) FROM oldest) < {LOOK_AHEAD_ROWS} AND {IS_NOT_PAUSED_SQL}
    UNION ALL
    SELECT found.* FROM served s, LATERAL (
        SELECT {columns}, row_number() OVER (ORDER BY due_at) AS turn FROM {late}
        ORDER BY due_at LIMIT {LOOK_AHEAD_ROWS} / (SELECT count(*) FROM served)) found
)"""


# The workspace after which the next batch starts; NULL if this batch reached all of them.
LAST_SERVED_SQL = "(SELECT CASE WHEN count(*) = %(most)s THEN max(workspace_id) END FROM served) s (last)"


async def take_fair_batch(
    connection: Connection, take: str, most: int, round_: WorkspaceCursor
) -> list[tuple[Any, ...]]:
    """Run the statement `take` until it returns rows or the round is complete, and return the rows.

    The first column of each row is the last workspace served; it is not returned. At its end the round starts again.
    If other engines have locked everything, the statement returns one row of nulls and the next workspaces are tried.
    """
    after, is_last_lap = round_.after_workspace_id, not round_.after_workspace_id
    while True:
        numbered_rows = await (
            await connection.execute(
                take,
                {"after": after, "most": most, "paused": list(round_.paused_workspaces)},
                prepare=PREPARE_STATEMENTS,
            )
        ).fetchall()
        last = numbered_rows[0][0]
        round_.note_reached(last)
        rows = [row[1:] for row in numbered_rows if row[1] is not None]
        if rows or (last is None and is_last_lap):
            return rows
        after, is_last_lap = last or 0, is_last_lap or last is None
