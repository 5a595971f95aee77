"""Scoring rules of a workspace: listed in order, made, changed, moved and deleted.

Each function works in its caller's transaction. Those that write lock the workspace's row: positions stay 1 to n.
"""

from collections.abc import Sequence
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, NotFound
from shared.scoring.score_points import ActiveScoringRule

RuleRow = dict[str, Any]

MAX_RULES = 200  # rules of a workspace: each is compared with each lead that something happens to
TOO_MANY_MESSAGE = f"There are {MAX_RULES} scoring rules already: delete some first."

LOCK_RULES_SQL = "SELECT FROM workspaces WHERE id = %s FOR NO KEY UPDATE"
RULES_SQL = """
SELECT id, field, operator, value, points, is_active, position, created_at, updated_at FROM scoring_rules
WHERE workspace_id = %(workspace)s
"""
LIST_RULES_SQL = f"{RULES_SQL} ORDER BY position, id"
FIND_RULE_SQL = f"{RULES_SQL} AND id = %(id)s"
ADD_RULE_SQL = """
INSERT INTO scoring_rules (workspace_id, field, operator, value, points, is_active, position)
VALUES (%(workspace)s, %(field)s, %(operator)s, %(value)s, %(points)s, %(is_active)s, %(position)s) RETURNING id
"""
CHANGE_RULE_SQL = """
UPDATE scoring_rules SET field = %(field)s, operator = %(operator)s, value = %(value)s, points = %(points)s,
    is_active = %(is_active)s, updated_at = now()
WHERE workspace_id = %(workspace)s AND id = %(id)s
"""
STORE_POSITIONS_SQL = """
UPDATE scoring_rules r SET position = placed.nr
FROM unnest(%s::bigint[]) WITH ORDINALITY AS placed(id, nr)
WHERE r.workspace_id = %s AND r.id = placed.id AND r.position <> placed.nr
"""
DELETE_RULE_SQL = "DELETE FROM scoring_rules WHERE workspace_id = %s AND id = %s"


async def list_rules(connection: Connection, workspace_id: int) -> list[RuleRow]:
    """Return the rules in their order."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LIST_RULES_SQL, {"workspace": workspace_id})
        return await cursor.fetchall()


async def find_rule(connection: Connection, workspace_id: int, id_: int) -> RuleRow:
    """Return a rule. Raises NotFound."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(FIND_RULE_SQL, {"workspace": workspace_id, "id": id_})
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return row


async def create_rule(connection: Connection, workspace_id: int, fields: RuleRow) -> RuleRow:
    """Make a rule of checked fields, at its position or at the end. Raises Conflict if there are too many."""
    await connection.execute(LOCK_RULES_SQL, (workspace_id,))
    order = [rule["id"] for rule in await list_rules(connection, workspace_id)]
    if len(order) >= MAX_RULES:
        raise Conflict(TOO_MANY_MESSAGE)
    row = {"is_active": True, **fields, "workspace": workspace_id, "position": len(order) + 1}
    [(id_,)] = await (await connection.execute(ADD_RULE_SQL, {**row, "value": _stored_value(row)})).fetchall()
    await _store_order(connection, workspace_id, order, id_, fields.get("position"))
    return await find_rule(connection, workspace_id, id_)


async def update_rule(connection: Connection, workspace_id: int, id_: int, fields: RuleRow) -> RuleRow:
    """Change a rule by checked fields. Raises NotFound."""
    await connection.execute(LOCK_RULES_SQL, (workspace_id,))
    rule = await find_rule(connection, workspace_id, id_)
    changed = {**rule, **fields, "workspace": workspace_id}
    if fields.keys() - {"position"}:
        await connection.execute(CHANGE_RULE_SQL, {**changed, "value": _stored_value(changed)})
    if "position" in fields:
        order = [one["id"] for one in await list_rules(connection, workspace_id)]
        await _store_order(connection, workspace_id, order, id_, fields["position"])
    return await find_rule(connection, workspace_id, id_)


async def delete_rule(connection: Connection, workspace_id: int, id_: int) -> None:
    """Delete a rule. Its points go from each lead with the next thing that happens to it. Raises NotFound."""
    await connection.execute(LOCK_RULES_SQL, (workspace_id,))
    if not (await connection.execute(DELETE_RULE_SQL, (workspace_id, id_))).rowcount:
        raise NotFound
    order = [rule["id"] for rule in await list_rules(connection, workspace_id)]
    await connection.execute(STORE_POSITIONS_SQL, (order, workspace_id))


def active_rules(rules: Sequence[RuleRow]) -> list[ActiveScoringRule]:
    """Return those rules that count. A rule that does not say so is on."""
    return [
        ActiveScoringRule({name: rule[name] for name in ("field", "operator", "value")}, rule["points"])
        for rule in rules
        if rule.get("is_active", True)
    ]


def _stored_value(rule: RuleRow) -> Jsonb | None:
    return None if rule["value"] is None else Jsonb(rule["value"])


async def _store_order(
    connection: Connection, workspace_id: int, order: list[int], id_: int, position: int | None
) -> None:
    rest = [other for other in order if other != id_]
    at = len(rest) if position is None else position - 1
    await connection.execute(STORE_POSITIONS_SQL, ([*rest[:at], id_, *rest[at:]], workspace_id))
