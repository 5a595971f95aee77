"""The tags of a workspace as they are listed, made, renamed and deleted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import class_row
from typing_extensions import TypedDict

from shared.leads import reference_locks
from shared.leads.lead_fields import UniqueTagName
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound, ValidationFailed
from shared.platform.validation.schema import FieldsSchema
from shared.platform.validation.types import ColorText

NAME_TAKEN_ERRORS: Final = {"name": ["The name has already been taken."]}

# Exact at any moment: the counters, and the deltas that are not folded into them.
LEADS_COUNT_SQL = """
coalesce((SELECT sum(n) FROM lead_counts_by_field c
          WHERE c.workspace_id = t.workspace_id AND c.field = 'tag_ids' AND c.value = t.id::text), 0)::bigint
+ coalesce((SELECT sum(n) FROM lead_count_deltas d
            WHERE d.workspace_id = t.workspace_id AND t.id = ANY (d.tag_ids)), 0)::bigint
"""
TAG_COLUMNS = f"""
t.id, t.name, t.color, t.created_at, {LEADS_COUNT_SQL} AS leads_count,
ARRAY(SELECT a.name FROM tags a WHERE a.workspace_id = t.workspace_id AND a.alias_of = t.id ORDER BY a.id) AS aliases
"""
LIST_TAGS_SQL = f"""
SELECT {TAG_COLUMNS}
FROM (SELECT * FROM tags WHERE workspace_id = %(workspace)s AND alias_of IS NULL
        AND (%(text)s = '' OR strpos(lower(upper(name)), lower(upper(%(text)s))) > 0)
      ORDER BY lower(upper(name)), id LIMIT %(limit)s OFFSET %(offset)s) t
ORDER BY lower(upper(t.name)), t.id
"""
COUNT_TAGS_SQL = """
SELECT count(*) FROM tags WHERE workspace_id = %(workspace)s AND alias_of IS NULL
    AND (%(text)s = '' OR strpos(lower(upper(name)), lower(upper(%(text)s))) > 0)
"""
FIND_TAG_SQL = f"""
SELECT {TAG_COLUMNS}
FROM tags t WHERE t.workspace_id = %s AND t.id = %s AND t.alias_of IS NULL
"""
FIND_FOR_CHANGE_SQL = f"{FIND_TAG_SQL} FOR NO KEY UPDATE OF t"
FIND_BY_NAME_SQL = """
SELECT coalesce(alias_of, id) FROM tags WHERE workspace_id = %s AND lower(upper(name)) = lower(upper(%s))
"""
IS_SAME_NAME_SQL = "SELECT lower(upper(%s)) = lower(upper(%s))"
CREATE_TAG_SQL = "INSERT INTO tags (workspace_id, name, color) VALUES (%s, %s, %s) RETURNING id"
CHANGE_TAG_SQL = """
UPDATE tags SET name = %s, color = %s, updated_at = now() WHERE workspace_id = %s AND id = %s AND alias_of IS NULL
"""
# A tag may have a name back that is only another name of it, once no lead waits for its merge any more.
TAKE_BACK_NAME_SQL = """
DELETE FROM tags t WHERE workspace_id = %(workspace)s AND alias_of = %(tag)s
    AND lower(upper(name)) = lower(upper(%(name)s))
    AND NOT EXISTS (SELECT FROM leads l WHERE l.workspace_id = t.workspace_id AND l.tag_ids @> ARRAY[t.id])
"""
DELETE_TAG_SQL = "DELETE FROM tags WHERE workspace_id = %s AND id = %s AND alias_of IS NULL RETURNING id"
DELETE_ALIASES_SQL = "DELETE FROM tags WHERE workspace_id = %s AND alias_of = %s RETURNING id"


class TagFields(TypedDict, total=False):
    name: UniqueTagName
    color: ColorText | None


_SCHEMA = FieldsSchema(TagFields, required=("name",))


@dataclass(frozen=True, slots=True)
class ManagedTag:
    """A tag with the number of leads that have it, and its other names: those of tags that were merged into it."""

    id: int
    name: str
    color: str | None
    created_at: datetime
    leads_count: int
    aliases: list[str]


async def list_tags(
    connection: Connection, workspace_id: int, text: str = "", *, limit: int, offset: int = 0
) -> tuple[list[ManagedTag], int]:
    """Return tags by name, those whose name has the `text` in any case, and how many there are."""
    values = {"workspace": workspace_id, "text": text.strip(), "limit": limit, "offset": offset}
    [(total,)] = await (await connection.execute(COUNT_TAGS_SQL, values)).fetchall()
    async with connection.cursor(row_factory=class_row(ManagedTag)) as cursor:
        await cursor.execute(LIST_TAGS_SQL, values)
        return await cursor.fetchall(), int(total)


async def find_tag(connection: Connection, workspace_id: int, tag_id: int, *, for_change: bool = False) -> ManagedTag:
    """Return a tag, which nobody else renames until this transaction ends if it is `for_change`. Raises NotFound."""
    async with connection.cursor(row_factory=class_row(ManagedTag)) as cursor:
        await cursor.execute(FIND_FOR_CHANGE_SQL if for_change else FIND_TAG_SQL, (workspace_id, tag_id))
        tag = await cursor.fetchone()
    if tag is None:
        raise NotFound
    return tag


async def lock_tag(connection: Connection, workspace_id: int, tag_id: int) -> ManagedTag:
    """Return a tag whose number of leads stays as it is until this transaction ends. Raises NotFound."""
    await reference_locks.lock_exclusive(connection, workspace_id)
    return await find_tag(connection, workspace_id, tag_id)


async def create_tag(connection: Connection, workspace_id: int, sent: dict[str, Any]) -> int:
    """Make a tag and return its id. Raises ValidationFailed for a wrong or taken name or a wrong colour."""
    fields = _check(sent)
    try:
        cursor = await connection.execute(CREATE_TAG_SQL, (workspace_id, fields["name"], fields.get("color")))
    except psycopg.errors.UniqueViolation:
        raise ValidationFailed(NAME_TAKEN_ERRORS) from None
    return int((await cursor.fetchall())[0][0])


async def change_tag(connection: Connection, workspace_id: int, tag_id: int, sent: dict[str, Any]) -> None:
    """Give a tag another name and colour, which show on each of its leads. Raises NotFound and ValidationFailed."""
    fields = _check(sent)
    await connection.execute(TAKE_BACK_NAME_SQL, {"workspace": workspace_id, "tag": tag_id, "name": fields["name"]})
    try:
        changed = await connection.execute(CHANGE_TAG_SQL, (fields["name"], fields.get("color"), workspace_id, tag_id))
    except psycopg.errors.UniqueViolation:
        raise ValidationFailed(NAME_TAKEN_ERRORS) from None
    if not changed.rowcount:
        raise NotFound


async def delete_tag(connection: Connection, workspace_id: int, tag_id: int) -> None:
    """Delete a tag with its other names, and take it from all leads, in this transaction. Raises NotFound."""
    await reference_locks.lock_exclusive(connection, workspace_id)
    if await (await connection.execute(DELETE_TAG_SQL, (workspace_id, tag_id))).fetchone() is None:
        raise NotFound
    aliases = await (await connection.execute(DELETE_ALIASES_SQL, (workspace_id, tag_id))).fetchall()
    for id_ in (tag_id, *(row[0] for row in aliases)):  # a merge may not have reached all leads yet
        await reference_locks.clear_reference(connection, workspace_id, "tag", id_)


async def find_tag_named(connection: Connection, workspace_id: int, name: str) -> ManagedTag | None:
    """Return the tag that has this name, or another name like it, in any case."""
    row = await (await connection.execute(FIND_BY_NAME_SQL, (workspace_id, name.strip()))).fetchone()
    return await find_tag(connection, workspace_id, row[0]) if row else None


def _check(sent: dict[str, Any]) -> dict[str, Any]:
    fields, errors = _SCHEMA.validate_fields(sent)
    if errors:
        raise ValidationFailed(errors)
    return fields


async def is_same_name(connection: Connection, one: str, other: str) -> bool:
    """Return whether the database takes two names for one: Python folds more letters (`ß`)."""
    [(is_same,)] = await (await connection.execute(IS_SAME_NAME_SQL, (one, other))).fetchall()
    return bool(is_same)
