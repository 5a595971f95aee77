"""Turns between workspaces: a batch takes from each that has something, so that none waits for the others' load."""

from typing import Any

from shared.db import Connection

AHEAD = 500  # rows that a batch looks at to find its own: those before may be in other engines' hands

# Made once and kept, a plan would be for the queue as it was then, mostly empty, and read all of it when it is long.
PREPARE = False


class Round:
    """How far a process has come on its way round the workspaces.

    A batch takes from as many as it may hold rows, and the next goes on behind them. One that fails is begun again at
    the same place, smaller, until what makes it fail stands alone.
    """

    def __init__(self) -> None:
        self.after = 0  # the workspace behind which a batch begins
        self._next = 0

    def reached(self, workspace_id: int | None) -> None:
        """The last workspace that a batch came to; None where there is none behind it."""
        self._next = workspace_id or 0

    def passed(self) -> None:
        """The batch is committed."""
        self.after = self._next


def walk(table: str, where: str = "true", *, only: str = "true") -> str:
    """A CTE `waiting` for a recursive query: the workspaces behind `%(after)s` that have such rows, one by one.

    It goes by an index that begins with the workspace and skips from each to the next: a hundred thousand rows that
    wait in one cost as little as one. It goes no further than what reads it wants.
    """
    return f"""waiting AS (
    (SELECT workspace_id FROM {table} WHERE workspace_id > %(after)s AND {where} AND {only}
     ORDER BY workspace_id LIMIT 1)
    UNION ALL
    SELECT following.workspace_id FROM waiting w, LATERAL (
        SELECT workspace_id FROM {table} WHERE workspace_id > w.workspace_id AND {where}
        ORDER BY workspace_id LIMIT 1) following)"""  # noqa: S608  # constants only


def due(table: str, *key: str) -> str:
    """CTEs for a recursive query, of rows with a key beside their workspace and a time at which they are due: `served`,
    the workspaces that have their turn, and `head`, what is looked at of each.

    Where no more is due than a batch looks at, that is all of it, and no workspace is looked for: many may have rows
    that are due some day.
    """
    columns = ", ".join(("workspace_id", *key, "due_at"))
    late = f"{table} r WHERE r.workspace_id = s.workspace_id AND r.due_at <= clock_timestamp()"
    return f"""oldest AS MATERIALIZED (
    SELECT {columns} FROM {table} WHERE due_at <= clock_timestamp() ORDER BY due_at LIMIT {AHEAD}
), {walk(table, "due_at IS NOT NULL", only=f"(SELECT count(*) FROM oldest) = {AHEAD}")}, served AS MATERIALIZED (
    SELECT workspace_id FROM waiting s WHERE (SELECT true FROM {late} LIMIT 1) LIMIT %(most)s
), head AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY workspace_id ORDER BY due_at) AS turn FROM oldest
    WHERE (SELECT count(*) FROM oldest) < {AHEAD}
    UNION ALL
    SELECT found.* FROM served s, LATERAL (
        SELECT {columns}, row_number() OVER (ORDER BY due_at) AS turn FROM {late}
        ORDER BY due_at LIMIT {AHEAD} / (SELECT count(*) FROM served)) found
)"""  # noqa: S608  # constants only


# Behind which workspace the next batch begins: none where this one came to all.
LAST = "(SELECT CASE WHEN count(*) = %(most)s THEN max(workspace_id) END FROM served) s (last)"


async def served(connection: Connection, take: str, most: int, round_: Round) -> list[tuple[Any, ...]]:
    """The rows of a take that begins each with the workspace that it came to; the round begins anew at its end.

    Where all is in other hands there is one row of nulls, and the next workspaces are looked at.
    """
    after, is_last_lap = round_.after, not round_.after
    while True:
        found = await (await connection.execute(take, {"after": after, "most": most}, prepare=PREPARE)).fetchall()
        last = found[0][0]
        round_.reached(last)
        rows = [row[1:] for row in found if row[1] is not None]
        if rows or (last is None and is_last_lap):
            return rows
        after, is_last_lap = last or 0, is_last_lap or last is None
