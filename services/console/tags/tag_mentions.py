"""Forms, sources, automations and scoring rules that name a tag by its text.

Forms and sources only give tags: another name of a tag does for them. What automations and rules compare is the name
that leads show, so that these are changed when it is another one.
"""

from collections.abc import Iterator, Mapping, Set
from typing import Any, Literal, NamedTuple

from psycopg.types.json import Jsonb

from shared.platform.db.connections import Connection

MentionKind = Literal["form", "source", "automation", "scoring_rule"]
CHANGED_KINDS = ("automation", "scoring_rule")  # that a change of the name can change
MAX_MENTIONS = 50  # that are named

IS_NAMED = "jsonb_typeof(v) = 'string' AND lower(upper(v #>> '{}')) = lower(upper(%(name)s))"
IN_SETTINGS = f"EXISTS (SELECT FROM jsonb_path_query(settings, '$.tags[*]') v WHERE {IS_NAMED})"
IN_AUTOMATION = f"""(
    EXISTS (SELECT FROM jsonb_path_query(jsonb_build_array(trigger, steps), '$.**.tag') v WHERE {IS_NAMED})
    OR EXISTS (SELECT FROM jsonb_path_query(jsonb_build_array(trigger, steps),
                                            '$.** ? (@.field == "tags").value[*]') v WHERE {IS_NAMED}))
"""
IN_RULE = f"field = 'tags' AND EXISTS (SELECT FROM jsonb_path_query(value, '$[*]') v WHERE {IS_NAMED})"
MENTIONS_SQL = f"""
SELECT 'form', name FROM forms WHERE workspace_id = %(workspace)s AND {IN_SETTINGS}
UNION ALL SELECT 'source', name FROM integrations WHERE workspace_id = %(workspace)s AND {IN_SETTINGS}
UNION ALL SELECT 'automation', name FROM automations WHERE workspace_id = %(workspace)s AND {IN_AUTOMATION}
UNION ALL SELECT 'scoring_rule', points::text FROM scoring_rules WHERE workspace_id = %(workspace)s AND {IN_RULE}
ORDER BY 1, 2 LIMIT {MAX_MENTIONS}
"""
AUTOMATIONS_SQL = f"""
SELECT id, trigger, steps FROM automations WHERE workspace_id = %(workspace)s AND {IN_AUTOMATION} ORDER BY id FOR UPDATE
"""
CHANGE_AUTOMATION_SQL = """
UPDATE automations SET trigger = %s, steps = %s, updated_at = now() WHERE workspace_id = %s AND id = %s
"""
RULES_SQL = f"""
SELECT id, value FROM scoring_rules WHERE workspace_id = %(workspace)s AND {IN_RULE} ORDER BY id FOR UPDATE
"""
# The spellings of a name among texts: the database compares, since Python folds other letters.
SPELLINGS_SQL = "SELECT n FROM unnest(%s::text[]) n WHERE lower(upper(n)) = lower(upper(%s))"
CHANGE_RULE_SQL = "UPDATE scoring_rules SET value = %s, updated_at = now() WHERE workspace_id = %s AND id = %s"


class TagMention(NamedTuple):
    """A record that names a tag: its name, or the points of a scoring rule."""

    kind: MentionKind
    name: str


async def find_tag_mentions(connection: Connection, workspace_id: int, name: str) -> list[TagMention]:
    """Return what names a tag, in any case of its letters, at most `MAX_MENTIONS`."""
    rows = await connection.execute(MENTIONS_SQL.encode(), {"workspace": workspace_id, "name": name})
    return [TagMention(*row) for row in await rows.fetchall()]


async def change_tag_mentions(connection: Connection, workspace_id: int, old: str, new: str) -> int:
    """Have automations and scoring rules call a tag by its new name, in this transaction. Return how many were changed.

    Runs that have begun keep the steps that they began with.
    """
    named = {"workspace": workspace_id, "name": old}
    automations = await (await connection.execute(AUTOMATIONS_SQL.encode(), named)).fetchall()
    rules = await (await connection.execute(RULES_SQL.encode(), named)).fetchall()
    texts = {text for row in (*automations, *rules) for text in _texts_of(row[1:])}
    found = await (await connection.execute(SPELLINGS_SQL, (list(texts), old))).fetchall()
    spellings = {spelling for (spelling,) in found}
    for id_, trigger, steps in automations:
        renamed = [Jsonb(_with_new_name(one, spellings, new)) for one in (trigger, steps)]
        await connection.execute(CHANGE_AUTOMATION_SQL, (*renamed, workspace_id, id_))
    for id_, value in rules:
        await connection.execute(CHANGE_RULE_SQL, (Jsonb(_renamed(value, spellings, new)), workspace_id, id_))
    return len(automations) + len(rules)


def _texts_of(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, Mapping | list | tuple):
        for part in document.values() if isinstance(document, Mapping) else document:
            yield from _texts_of(part)


def _with_new_name(document: Any, old: Set[str], new: str) -> Any:
    """Return a trigger or steps with another name of a tag, where they name one: `tag`, and conditions over `tags`."""
    if isinstance(document, list):
        return [_with_new_name(one, old, new) for one in document]
    if not isinstance(document, Mapping):
        return document
    changed = {key: _with_new_name(value, old, new) for key, value in document.items()}
    if isinstance(document.get("tag"), str):
        changed["tag"] = _renamed(document["tag"], old, new)
    if document.get("field") == "tags" and "value" in document:
        changed["value"] = _renamed(document["value"], old, new)
    return changed


def _renamed(value: Any, old: Set[str], new: str) -> Any:
    if isinstance(value, list):
        return [_renamed(one, old, new) for one in value]
    return new if isinstance(value, str) and value in old else value
