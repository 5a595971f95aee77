"""The spam rules of a workspace as the API and the console list, make and delete them.

Each function that writes needs a transaction of the caller's. A change takes effect with the next submission.
"""

from typing import Any

from psycopg.rows import dict_row

from shared.forms.definition import SpamRuleKind, SpamRuleVerdict
from shared.forms.form_notices import notify_changed
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors, NotFound, ValidationFailed
from shared.spam.spam_rules import InvalidRuleValue, normalise_rule_value

RuleRecord = dict[str, Any]

MAX_SPAM_RULES = 1_000  # of a workspace: each cached form holds them
RULE_TAKEN_MESSAGE = "There is a rule for this value already."
TOO_MANY_RULES_MESSAGE = f"A workspace may have {MAX_SPAM_RULES:,} spam rules. Delete those that never decide."

_COLUMNS = "id, form_id, verdict, kind, value, created_by, created_at, hits, last_hit_at"
LIST_RULES_SQL = f"""
SELECT {_COLUMNS} FROM spam_rules WHERE workspace_id = %(workspace)s
  AND (%(form)s::bigint IS NULL OR form_id = %(form)s OR form_id IS NULL) ORDER BY id DESC
"""
# The lock of the form's row keeps it from being deleted meanwhile.
FIND_FORM_SQL = "SELECT id FROM forms WHERE workspace_id = %s AND id = %s FOR SHARE"
COUNT_RULES_SQL = "SELECT count(*) FROM spam_rules WHERE workspace_id = %s"
INSERT_RULE_SQL = f"""
INSERT INTO spam_rules (workspace_id, form_id, verdict, kind, value, created_by) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
"""
DELETE_RULE_SQL = "DELETE FROM spam_rules WHERE workspace_id = %s AND id = %s"


async def list_rules(connection: Connection, workspace_id: int, form_id: int | None = None) -> list[RuleRecord]:
    """Return the rules of a workspace, newest first, or those that apply to one of its forms."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(LIST_RULES_SQL, {"workspace": workspace_id, "form": form_id})).fetchall()


async def create_rule(
    connection: Connection,
    workspace_id: int,
    kind: SpamRuleKind,
    value: str,
    verdict: SpamRuleVerdict,
    *,
    form_id: int | None = None,
    author: str | None = None,
) -> RuleRecord:
    """Make a rule, of one form or of all forms of the workspace. Raises ValidationFailed."""
    errors: FieldErrors = {}
    normal = ""
    try:
        normal = normalise_rule_value(kind, value)
    except InvalidRuleValue as error:
        errors["value"] = [f"The value field {error}"]
    if form_id is not None:
        found = await (await connection.execute(FIND_FORM_SQL, (workspace_id, form_id))).fetchone()
        if found is None:
            errors["form_id"] = [f"There is no form {form_id}."]
    [(count,)] = await (await connection.execute(COUNT_RULES_SQL, (workspace_id,))).fetchall()
    if count >= MAX_SPAM_RULES:
        errors.setdefault("value", []).append(TOO_MANY_RULES_MESSAGE)
    if errors:
        raise ValidationFailed(errors)
    row = (workspace_id, form_id, verdict, kind, normal, author)
    async with connection.cursor(row_factory=dict_row) as cursor:
        rule = await (await cursor.execute(INSERT_RULE_SQL, row)).fetchone()
    if rule is None:
        raise ValidationFailed({"value": [RULE_TAKEN_MESSAGE]})
    await notify_changed(connection)
    return rule


async def delete_rule(connection: Connection, workspace_id: int, rule_id: int) -> None:
    """Delete a rule. Raises NotFound."""
    if not (await connection.execute(DELETE_RULE_SQL, (workspace_id, rule_id))).rowcount:
        raise NotFound
    await notify_changed(connection)
