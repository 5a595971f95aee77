"""References to pipelines, stages and users in the settings of forms, their drafts, and integrations."""

import orjson

from shared.forms.form_notices import notify_changed
from shared.platform.db.connections import Connection

TABLES_WITH_PLACEMENT = ("forms", "form_drafts", "integrations")
REMOVE_SETTINGS_SQL = (
    "UPDATE {table} SET settings = settings - %s::text[] WHERE workspace_id = %s AND settings @> %s::jsonb"
)
REPLACE_SETTING_SQL = """
UPDATE {table} SET settings = settings || %s::jsonb WHERE workspace_id = %s AND settings @> %s::jsonb
"""


async def replace_placement(connection: Connection, workspace_id: int, name: str, id_: int, to: int) -> None:
    """Name another record in the settings that refer to one that this transaction deletes.

    The caller holds the exclusive reference lock.
    """
    for table in TABLES_WITH_PLACEMENT:
        values = (orjson.dumps({name: to}).decode(), workspace_id, orjson.dumps({name: id_}).decode())
        await connection.execute(REPLACE_SETTING_SQL.format(table=table), values)
    await notify_changed(connection)


async def clear_placement(connection: Connection, workspace_id: int, name: str, id_: int) -> None:
    """Remove a record that this transaction deletes from the settings that refer to it.

    The caller holds the exclusive reference lock. A deleted pipeline takes its stage along. Writers of settings lock
    the referenced records before the settings, so that they cannot deadlock with a delete.
    """
    gone = ["pipeline_id", "pipeline_stage_id"] if name == "pipeline_id" else [name]
    for table in TABLES_WITH_PLACEMENT:
        await connection.execute(
            REMOVE_SETTINGS_SQL.format(table=table), (gone, workspace_id, orjson.dumps({name: id_}).decode())
        )
    await notify_changed(connection)
