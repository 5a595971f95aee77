"""A cache of forms for processes that receive form submissions."""

from typing import Any

from aiohttp import web

from shared.db.connections import Connection, ConnectionPool
from shared.db.notifications import NotificationListener
from shared.db.row_cache import RowCache
from shared.forms.definition import FormDefinition, complete_settings

FORMS_CHANNEL = "forms"
MAX_CACHED_FORMS = 5_000  # forms

FormKey = tuple[int, int]  # workspace id, form id

FORM_CACHE = web.AppKey[RowCache[FormKey, FormDefinition]]("form_book")  # in a process that receives form submissions

SELECT_FORMS_SQL = """
SELECT f.id, f.workspace_id, f.is_active, f.fields, f.settings
FROM unnest(%s::bigint[], %s::bigint[]) AS wanted(workspace_id, id)
JOIN forms f ON f.workspace_id = wanted.workspace_id AND f.id = wanted.id
"""

SELECT_NEWEST_FORMS_SQL = """
SELECT id, workspace_id, is_active, fields, settings FROM forms WHERE is_active ORDER BY id DESC LIMIT %s
"""


def make_form_cache(pool: ConnectionPool, notices: NotificationListener) -> RowCache[FormKey, FormDefinition]:
    """Return a cache of recently used forms. One per process."""
    return RowCache(pool, notices, FORMS_CHANNEL, _read_forms, _read_newest, MAX_CACHED_FORMS)


async def notify_changed(connection: Connection) -> None:
    """Notify all caches, when the transaction commits, that a form was changed."""
    await connection.execute("SELECT pg_notify(%s, '')", (FORMS_CHANNEL,))


async def _read_forms(connection: Connection, keys: list[FormKey]) -> dict[FormKey, FormDefinition]:
    rows = await (await connection.execute(SELECT_FORMS_SQL, tuple(map(list, zip(*keys, strict=True))))).fetchall()
    return {(row[1], row[0]): _form_from_row(row) for row in rows}


async def _read_newest(connection: Connection, n: int) -> dict[FormKey, FormDefinition]:
    rows = await (await connection.execute(SELECT_NEWEST_FORMS_SQL, (n,))).fetchall()
    return {(row[1], row[0]): _form_from_row(row) for row in rows}


def _form_from_row(row: tuple[Any, ...]) -> FormDefinition:
    id_, workspace_id, is_active, fields, settings = row
    return FormDefinition(id_, workspace_id, is_active, fields, complete_settings(settings))
