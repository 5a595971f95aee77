"""A cache of forms for processes that receive form submissions."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from shared.forms.definition import FormDefinition, SpamRule, complete_settings
from shared.forms.field_definition import complete_fields
from shared.forms.form_notices import FORMS_CHANNEL
from shared.outbound.mail_setup import SENDS_MAIL_CONDITION
from shared.platform.db.connections import Connection, ConnectionPool
from shared.platform.db.notifications import NotificationListener
from shared.platform.db.row_cache import RowCache

MAX_CACHED_FORMS = 5_000  # forms

FormKey = tuple[int, int]  # workspace id, form id
PublicFormCache = RowCache[str, FormDefinition]  # by public id

FORM_CACHE = web.AppKey[RowCache[FormKey, FormDefinition]]("form_book")  # in a process that receives form submissions
PUBLIC_FORM_CACHE = web.AppKey[PublicFormCache]("public_forms")

# Rules for the form and for all forms of its workspace. They are few, so that they ride along with each form.
_COLUMNS = f"""f.id, f.workspace_id, f.is_active, f.fields, f.settings, f.public_id, f.name, f.version,
       (SELECT w.name FROM workspaces w WHERE w.id = f.workspace_id),
       (SELECT w.spam_threshold FROM workspaces w WHERE w.id = f.workspace_id),
       (SELECT coalesce(json_agg(json_build_array(r.id, r.verdict, r.kind, r.value) ORDER BY r.id), '[]')
        FROM spam_rules r WHERE r.workspace_id = f.workspace_id AND (r.form_id = f.id OR r.form_id IS NULL)),
       EXISTS (SELECT FROM integrations i WHERE i.workspace_id = f.workspace_id AND {SENDS_MAIL_CONDITION})"""
SELECT_FORMS_SQL = f"""
SELECT {_COLUMNS}
FROM unnest(%s::bigint[], %s::bigint[]) AS wanted(workspace_id, id)
JOIN forms f ON f.workspace_id = wanted.workspace_id AND f.id = wanted.id
"""
SELECT_PUBLIC_FORMS_SQL = f"SELECT {_COLUMNS} FROM forms f WHERE f.public_id = ANY(%s)"
SELECT_NEWEST_FORMS_SQL = f"SELECT {_COLUMNS} FROM forms f WHERE f.is_active ORDER BY f.id DESC LIMIT %s"


def make_form_cache(pool: ConnectionPool, notices: NotificationListener) -> RowCache[FormKey, FormDefinition]:
    """Return a cache of recently used forms. One per process."""
    return RowCache(pool, notices, FORMS_CHANNEL, _read_forms, _read_newest, MAX_CACHED_FORMS)


def make_public_form_cache(pool: ConnectionPool, notices: NotificationListener) -> PublicFormCache:
    """Return a cache of forms by their public id, for processes that show forms to visitors. One per process."""
    return RowCache(pool, notices, FORMS_CHANNEL, _read_public_forms, _read_newest_public, MAX_CACHED_FORMS)


def forget_form(app: web.Application, workspace_id: int, form: Mapping[str, Any]) -> None:
    """Remove a form from the caches of this process. `form` has its `id` and its `public_id`.

    With `up` the gateway runs here, and the notification of the change arrives a moment later. Whoever submits or opens
    the form right after the change would otherwise meet the old form.
    """
    if forms := app.get(FORM_CACHE):
        forms.invalidate((workspace_id, form["id"]))
    if public_forms := app.get(PUBLIC_FORM_CACHE):
        public_forms.invalidate(form["public_id"])


async def _read_forms(connection: Connection, keys: list[FormKey]) -> dict[FormKey, FormDefinition]:
    rows = await (await connection.execute(SELECT_FORMS_SQL, tuple(map(list, zip(*keys, strict=True))))).fetchall()
    return {(row[1], row[0]): _form_from_row(row) for row in rows}


async def _read_newest(connection: Connection, n: int) -> dict[FormKey, FormDefinition]:
    rows = await (await connection.execute(SELECT_NEWEST_FORMS_SQL, (n,))).fetchall()
    return {(row[1], row[0]): _form_from_row(row) for row in rows}


async def _read_public_forms(connection: Connection, public_ids: list[str]) -> dict[str, FormDefinition]:
    rows = await (await connection.execute(SELECT_PUBLIC_FORMS_SQL, (public_ids,))).fetchall()
    return {row[5]: _form_from_row(row) for row in rows}


async def _read_newest_public(connection: Connection, n: int) -> dict[str, FormDefinition]:
    rows = await (await connection.execute(SELECT_NEWEST_FORMS_SQL, (n,))).fetchall()
    return {row[5]: _form_from_row(row) for row in rows}


def _form_from_row(row: tuple[Any, ...]) -> FormDefinition:
    id_, workspace_id, is_active, fields, settings, public_id, name, version, *of_workspace = row
    workspace_name, threshold, rules, mails = of_workspace
    return FormDefinition(
        id=id_,
        workspace_id=workspace_id,
        is_active=is_active,
        fields=complete_fields(fields),
        settings=complete_settings(settings),
        public_id=public_id,
        name=name,
        version=version,
        workspace_name=workspace_name,
        spam_rules=tuple(SpamRule(*rule) for rule in rules),
        has_mail_integration=mails,
        workspace_threshold=threshold,
    )
