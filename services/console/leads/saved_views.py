"""Saved views of the list of leads, the columns that an account chose, and the view that its list opens with.

A view belongs to one account or to the team. Whoever changes one names the account and whether they may change the
team's: of any other view it is as if it were not there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.platform.db.connections import Connection, as_json
from shared.platform.errors import Conflict, NotFound

MAX_VIEWS = 40  # views of one account, and of the team
MAX_VIEW_NAME = 80  # characters
RESTORE_HOURS = 24  # hours in which a deletion can be taken back

LIST_VIEWS_SQL = f"""
SELECT v.id, v.account_id, v.name, v.query, v.columns, a.name FROM saved_views v
LEFT JOIN accounts a ON a.id = v.created_by
WHERE v.workspace_id = %s AND v.deleted_at IS NULL AND (v.account_id IS NULL OR v.account_id = %s)
ORDER BY v.id LIMIT {2 * MAX_VIEWS}
"""
READ_SETTINGS_SQL = (
    "SELECT columns, default_view_id FROM lead_list_settings WHERE workspace_id = %s AND account_id = %s"
)
SET_COLUMNS_SQL = """
INSERT INTO lead_list_settings (workspace_id, account_id, columns) VALUES (%s, %s, %s)
ON CONFLICT (workspace_id, account_id) DO UPDATE SET columns = excluded.columns
"""
SET_DEFAULT_SQL = """
INSERT INTO lead_list_settings (workspace_id, account_id, default_view_id) VALUES (%s, %s, %s)
ON CONFLICT (workspace_id, account_id) DO UPDATE SET default_view_id = excluded.default_view_id
"""
COUNT_VIEWS_SQL = """
SELECT count(*) FROM saved_views WHERE workspace_id = %s AND deleted_at IS NULL AND account_id IS NOT DISTINCT FROM %s
"""
ADD_VIEW_SQL = """
INSERT INTO saved_views (workspace_id, account_id, name, query, columns, created_by)
VALUES (%s, %s, %s, %s::jsonb, %s, %s) RETURNING id
"""
_CHANGEABLE_SQL = """
WHERE workspace_id = %(workspace)s AND id = %(id)s
  AND CASE WHEN %(is_team)s THEN account_id IS NULL ELSE account_id = %(account)s END
"""
CHANGE_VIEW_SQL = f"""
UPDATE saved_views SET query = %(query)s::jsonb, columns = %(columns)s, updated_at = now()
{_CHANGEABLE_SQL} AND deleted_at IS NULL
"""
RENAME_VIEW_SQL = f"""
UPDATE saved_views SET name = %(name)s, updated_at = now() {_CHANGEABLE_SQL} AND deleted_at IS NULL
"""
DELETE_VIEW_SQL = f"UPDATE saved_views SET deleted_at = now() {_CHANGEABLE_SQL} AND deleted_at IS NULL"
RESTORE_VIEW_SQL = f"UPDATE saved_views SET deleted_at = NULL {_CHANGEABLE_SQL} AND deleted_at IS NOT NULL"
DELETED_VIEW_SQL = """
SELECT id, account_id, name FROM saved_views
WHERE workspace_id = %s AND id = %s AND deleted_at IS NOT NULL AND (account_id IS NULL OR account_id = %s)
"""
DROP_DELETED_SQL = f"""
DELETE FROM saved_views WHERE workspace_id = %s AND deleted_at < now() - interval '{RESTORE_HOURS} hours'
"""


@dataclass(frozen=True)
class LeadView:
    """A saved view: what an address says, and the columns if it keeps any. `author` is who made it."""

    id: int
    account_id: int | None
    name: str
    query: dict[str, str]
    columns: Sequence[str] | None
    author: str | None

    @property
    def is_team(self) -> bool:
        return self.account_id is None


@dataclass(frozen=True)
class ListSettings:
    """What an account chose for its list."""

    columns: Sequence[str] | None = None
    default_view_id: int | None = None


@dataclass(frozen=True)
class ViewOwner:
    """Whose views are meant: those of an account, or with `is_team` the team's."""

    workspace_id: int
    account_id: int
    is_team: bool


async def list_views(connection: Connection, workspace_id: int, account_id: int) -> list[LeadView]:
    """Return the views that an account sees: its own and the team's, the oldest first."""
    rows = await (await connection.execute(LIST_VIEWS_SQL.encode(), (workspace_id, account_id))).fetchall()
    return [LeadView(*row) for row in rows]


async def read_settings(connection: Connection, workspace_id: int, account_id: int) -> ListSettings:
    """Return what an account chose for its list."""
    row = await (await connection.execute(READ_SETTINGS_SQL, (workspace_id, account_id))).fetchone()
    return ListSettings(*row) if row else ListSettings()


async def set_columns(
    connection: Connection, workspace_id: int, account_id: int, columns: Sequence[str] | None
) -> None:
    """Keep the columns that an account chose; None for the usual ones."""
    await connection.execute(SET_COLUMNS_SQL, (workspace_id, account_id, list(columns) if columns else None))


async def set_default_view(connection: Connection, workspace_id: int, account_id: int, view_id: int | None) -> None:
    """Let the list of an account open with a view."""
    await connection.execute(SET_DEFAULT_SQL, (workspace_id, account_id, view_id))


async def add_view(
    connection: Connection, owner: ViewOwner, name: str, query: Mapping[str, str], columns: Sequence[str]
) -> int:
    """Save a view and return its id. Raises Conflict if there are too many."""
    of_account = None if owner.is_team else owner.account_id
    row = await (await connection.execute(COUNT_VIEWS_SQL, (owner.workspace_id, of_account))).fetchone()
    if row and row[0] >= MAX_VIEWS:
        raise Conflict(f"There are {MAX_VIEWS} views already: delete one first.")
    values = (owner.workspace_id, of_account, name, as_json(dict(query)), list(columns) or None, owner.account_id)
    added = await (await connection.execute(ADD_VIEW_SQL, values)).fetchone()
    assert added is not None  # noqa: S101  # the statement returns what it inserts
    return int(added[0])


async def change_view(
    connection: Connection, owner: ViewOwner, view_id: int, query: Mapping[str, str], columns: Sequence[str]
) -> None:
    """Let a view keep other filters, order and columns. Raises NotFound."""
    await _change(connection, CHANGE_VIEW_SQL, owner, view_id, query=as_json(dict(query)), columns=list(columns))


async def rename_view(connection: Connection, owner: ViewOwner, view_id: int, name: str) -> None:
    """Give a view another name. Raises NotFound."""
    await _change(connection, RENAME_VIEW_SQL, owner, view_id, name=name)


async def delete_view(connection: Connection, owner: ViewOwner, view_id: int) -> None:
    """Delete a view. It can be restored for a day. Raises NotFound."""
    await connection.execute(DROP_DELETED_SQL.encode(), (owner.workspace_id,))
    await _change(connection, DELETE_VIEW_SQL, owner, view_id)


async def restore_view(connection: Connection, owner: ViewOwner, view_id: int) -> None:
    """Take a deletion back. Raises NotFound."""
    await _change(connection, RESTORE_VIEW_SQL, owner, view_id)


async def read_deleted_view(
    connection: Connection, workspace_id: int, view_id: int, account_id: int
) -> LeadView | None:
    """Return a view whose deletion can be taken back."""
    row = await (await connection.execute(DELETED_VIEW_SQL, (workspace_id, view_id, account_id))).fetchone()
    return LeadView(row[0], row[1], row[2], {}, None, None) if row else None


async def _change(connection: Connection, statement: str, owner: ViewOwner, view_id: int, **values: object) -> None:
    key = {
        "workspace": owner.workspace_id,
        "id": view_id,
        "is_team": owner.is_team,
        "account": owner.account_id,
    }
    if not (await connection.execute(statement.encode(), {**key, **values})).rowcount:
        raise NotFound
