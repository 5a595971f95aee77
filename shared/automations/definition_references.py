"""Which records that a definition refers to are missing in its workspace."""

from collections.abc import Iterable
from typing import Any

from shared.automations.definition import DefinitionReference, find_references
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors

# Integrations are locked: they cannot be deleted while automations refer to them. A run reports other missing records.
KNOWN_IDS_SQL = {
    "user": "SELECT id FROM users WHERE workspace_id = %s AND id = ANY(%s) ORDER BY id",
    "stage": "SELECT id FROM pipeline_stages WHERE workspace_id = %s AND id = ANY(%s) ORDER BY id",
    "integration": "SELECT id FROM integrations WHERE workspace_id = %s AND id = ANY(%s) ORDER BY id FOR KEY SHARE",
    "form": "SELECT id FROM forms WHERE workspace_id = %s AND id = ANY(%s) ORDER BY id",
}


async def missing_references(connection: Connection, workspace_id: int, trigger: Any, steps: Any) -> FieldErrors:
    """Return errors, by field, for references to records that are not in the workspace.

    Integrations are locked until the definition is saved. A concurrent delete waits, and then sees that they are in
    use.
    """
    references = list(find_references(trigger, steps))
    errors: FieldErrors = {}
    for kind, statement in KNOWN_IDS_SQL.items():
        ids = {reference.id for reference in references if reference.kind == kind}
        if ids:
            rows = await (await connection.execute(statement, (workspace_id, list(ids)))).fetchall()
            errors |= _errors_of_kind(references, kind, {id_ for (id_,) in rows})
    return errors


def _errors_of_kind(references: Iterable[DefinitionReference], kind: str, known_ids: set[int]) -> FieldErrors:
    return {
        reference.field: [f"There is no {kind} {reference.id}."]
        for reference in references
        if reference.kind == kind and reference.id not in known_ids
    }
