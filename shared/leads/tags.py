"""Tags by name: made when missing, whatever their case."""

from collections.abc import Iterable

from shared.db import Statements, as_json

# Sorted like every unique key that two transactions may want at once; after the leads are locked.
INSERT = """
INSERT INTO tags (workspace_id, name)
SELECT (t->>0)::bigint, t->>1 FROM json_array_elements(%s::json) t ORDER BY 1, lower(upper(t->>1))
ON CONFLICT DO NOTHING
"""
SELECT = """
SELECT t.workspace_id, n.name, t.id
FROM (SELECT (t->>0)::bigint AS w, t->>1 AS name FROM json_array_elements(%s::json) t) n
JOIN tags t ON t.workspace_id = n.w AND lower(upper(t.name)) = lower(upper(n.name))
"""
NAMES = "SELECT id, name FROM tags WHERE workspace_id = ANY(%s) AND id = ANY(%s)"

TagName = tuple[int, str]  # workspace, name as sent
Tags = dict[TagName, int]


async def load_tags(connection: Statements, names: Iterable[TagName]) -> Tags:
    """The ids of tags by name. Missing ones are made."""
    wanted = set(names)
    return await make_tags(connection, wanted, await find_tags(connection, wanted)) if wanted else {}


async def make_tags(connection: Statements, wanted: set[TagName], found: Tags) -> Tags:
    """Those found, and the others, made."""
    missing = wanted - found.keys()
    if not missing:
        return found
    await connection.execute(INSERT, (as_json(list(missing)),))
    return found | await find_tags(connection, missing)


async def find_tags(connection: Statements, names: Iterable[TagName]) -> Tags:
    """The ids of those tags that are there."""
    rows = await (await connection.execute(SELECT, (as_json(list(names)),))).fetchall()
    return {(row[0], row[1]): row[2] for row in rows}


async def tag_names(connection: Statements, workspace_ids: Iterable[int], ids: Iterable[int]) -> dict[int, str]:
    """The names of tags of those workspaces, by id."""
    rows = await (await connection.execute(NAMES, (list(set(workspace_ids)), list(set(ids))))).fetchall()
    return dict(rows)
