"""A cache of forms for processes that receive form submissions."""

from typing import Any

from aiohttp import web

from shared.cached import Cached
from shared.db import Connection, Pool
from shared.forms.definition import Form, complete_settings
from shared.notices import Notices

CHANNEL = "forms"
CACHED = 5_000  # forms

FormKey = tuple[int, int]  # workspace id, form id

BOOK = web.AppKey[Cached[FormKey, Form]]("form_book")  # in a process that receives form submissions

SELECT = """
SELECT f.id, f.workspace_id, f.is_active, f.fields, f.settings
FROM unnest(%s::bigint[], %s::bigint[]) AS wanted(workspace_id, id)
JOIN forms f ON f.workspace_id = wanted.workspace_id AND f.id = wanted.id
"""

SELECT_FIRST = """
SELECT id, workspace_id, is_active, fields, settings FROM forms WHERE is_active ORDER BY id DESC LIMIT %s
"""


def form_book(pool: Pool, notices: Notices) -> Cached[FormKey, Form]:
    """Return a cache of recently used forms. One per process."""
    return Cached(pool, notices, CHANNEL, _read, _read_first, CACHED)


async def tell(connection: Connection) -> None:
    """Notify all caches, when the transaction commits, that a form was changed."""
    await connection.execute("SELECT pg_notify(%s, '')", (CHANNEL,))


async def _read(connection: Connection, keys: list[FormKey]) -> dict[FormKey, Form]:
    rows = await (await connection.execute(SELECT, tuple(map(list, zip(*keys, strict=True))))).fetchall()
    return {(row[1], row[0]): _form(row) for row in rows}


async def _read_first(connection: Connection, n: int) -> dict[FormKey, Form]:
    rows = await (await connection.execute(SELECT_FIRST, (n,))).fetchall()
    return {(row[1], row[0]): _form(row) for row in rows}


def _form(row: tuple[Any, ...]) -> Form:
    id_, workspace_id, is_active, fields, settings = row
    return Form(id_, workspace_id, is_active, fields, complete_settings(settings))
