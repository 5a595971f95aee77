"""The colours of tags where leads show them: as on the page of tags, by their names."""

from collections.abc import Iterable, Mapping

from services.console.web.colors import nearest_hue
from shared.platform.db.connections import Connection

TAG_COLORS_SQL = """
SELECT id, name, color FROM tags
WHERE workspace_id = %s AND lower(upper(name)) IN (SELECT lower(upper(one)) FROM unnest(%s::text[]) one)
"""


async def read_tag_hues(connection: Connection, workspace_id: int, names: Iterable[str]) -> Mapping[str, int]:
    """Return the number of the class of each tag. One that is gone by now has none."""
    found = await connection.execute(TAG_COLORS_SQL, (workspace_id, list(set(names))))
    return {name: nearest_hue(color, id_) for id_, name, color in await found.fetchall()}
