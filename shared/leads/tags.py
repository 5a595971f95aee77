"""Find and create tags, and change the tags of leads. Callers use names, leads hold ids; case does not matter."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.leads.edit import LeadChange, LeadEdit
from shared.leads.submission import MAX_LEAD_TAGS, LeadKey, LeadState, TagIds, TagKey, unique_tags
from shared.platform.db.connections import Connection, StatementExecutor, as_json

# Sorted, as every unique key that two transactions may insert at once. Runs after the leads are locked. Of several
# spellings the first one stays.
INSERT_TAGS_SQL = """
INSERT INTO tags (workspace_id, name)
SELECT (t->>0)::bigint, t->>1 FROM json_array_elements(%s::json) WITH ORDINALITY AS s(t, n)
ORDER BY 1, lower(upper(t->>1)), n
ON CONFLICT DO NOTHING
"""
FIND_TAGS_SQL = """
SELECT t.workspace_id, n.name, coalesce(t.alias_of, t.id)
FROM (SELECT (t->>0)::bigint AS w, t->>1 AS name FROM json_array_elements(%s::json) t) n
JOIN tags t ON t.workspace_id = n.w AND lower(upper(t.name)) = lower(upper(n.name))
"""
TAG_NAMES_SQL = "SELECT id, name FROM tags WHERE workspace_id = ANY(%s) AND id = ANY(%s)"

TAGS_FULL_MESSAGE = f"The tag field must not bring the lead's tags above {MAX_LEAD_TAGS:,}."


async def find_or_make_tags(connection: StatementExecutor, names: Iterable[TagKey]) -> TagIds:
    """Return the ids of tags by name. Missing tags are created."""
    wanted = list(dict.fromkeys(names))
    return await make_missing_tags(connection, wanted, await find_tags(connection, wanted)) if wanted else {}


async def make_missing_tags(connection: StatementExecutor, wanted: Collection[TagKey], known_ids: TagIds) -> TagIds:
    """Create the wanted tags that were not found, in their order. Return the ids of all."""
    missing = [key for key in wanted if key not in known_ids]
    if not missing:
        return known_ids
    await connection.execute(INSERT_TAGS_SQL, (as_json(missing),))
    return known_ids | await find_tags(connection, missing)


async def find_tags(connection: StatementExecutor, names: Iterable[TagKey]) -> TagIds:
    """Return the ids of the tags that exist. Another name of a tag has the id of that tag."""
    rows = await (await connection.execute(FIND_TAGS_SQL, (as_json(list(names)),))).fetchall()
    return {(row[0], row[1]): row[2] for row in rows}


async def tag_names(connection: StatementExecutor, workspace_ids: Iterable[int], ids: Iterable[int]) -> dict[int, str]:
    """Return the names of tags of those workspaces, by id."""
    rows = await (await connection.execute(TAG_NAMES_SQL, (list(set(workspace_ids)), list(set(ids))))).fetchall()
    return dict(rows)


@dataclass(frozen=True, slots=True)
class TagChanges:
    """The tags that some changes add or may remove: ids by name, and names by id."""

    ids: TagIds
    names: dict[int, str]

    def check_room(self, edit: LeadEdit, state: LeadState) -> None:
        """Add an error if the lead would have too many tags."""
        if len(self._tags_after(edit.change, state)) > max(MAX_LEAD_TAGS, len(state["tag_ids"])):
            edit.errors["tag"] = [TAGS_FULL_MESSAGE]

    def apply_to(self, change: LeadChange, state: LeadState) -> dict[str, Any]:
        """Set the tags in the state of a lead. Return the change for the timeline."""
        before, after = dict.fromkeys(state["tag_ids"]), dict.fromkeys(self._tags_after(change, state))
        state["tag_ids"] = list(after)
        lists = {
            "tags_added": [self.names[id_] for id_ in after if id_ not in before],
            # A tag without a name was deleted. Nobody sees it any more, so it is not reported as removed.
            "tags_removed": [self.names[id_] for id_ in before if id_ in self.names and id_ not in after],
        }
        return {name: tags for name, tags in lists.items() if tags}

    def _tags_after(self, change: LeadChange, state: LeadState) -> list[int]:
        w = change.workspace_id
        named = [self.ids[w, name] for name in _named_tags(change)]
        after = named if "tags" in change.set_fields else [*state["tag_ids"], *named]
        gone = {self.ids.get((w, name)) for name in change.remove_tags}
        return [id_ for id_ in dict.fromkeys(after) if id_ not in gone]


async def load_tag_changes(
    connection: Connection, changes: Sequence[LeadChange], states: Mapping[LeadKey, LeadState]
) -> TagChanges:
    """Read the tags that changes need, and create missing ones. Lock the leads first: the lock order demands it."""
    added: list[TagKey] = [(change.workspace_id, name) for change in changes for name in _named_tags(change)]
    removed = {(change.workspace_id, name) for change in changes for name in change.remove_tags}
    if not added and not removed and not any("tags" in change.set_fields for change in changes):
        return TagChanges({}, {})
    ids = await find_or_make_tags(connection, added)
    ids |= await find_tags(connection, removed) if removed else {}
    borne = {id_ for state in states.values() for id_ in state["tag_ids"]}
    names = await tag_names(connection, {change.workspace_id for change in changes}, borne | set(ids.values()))
    return TagChanges(ids, names)


def _named_tags(change: LeadChange) -> list[str]:
    """Return the tags that a change adds to its lead."""
    return unique_tags([*(change.set_fields.get("tags") or ()), *change.add_tags])
