"""Check imported forms, automations, rules, webhooks and sources as the product checks what it is sent.

Every process keeps such rows in memory, those of all workspaces together: one that it cannot read would hold up all.
So what is unsound is switched off and named, and where rows are read although they are off, it is emptied.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from cli.common import escape_unprintable
from cli.workspace_moves.id_maps import DocumentRewriter
from shared.automations.automation_fields import DEFINITION_SCHEMA, check_definition
from shared.forms.form_validation import FormSent, read_form_fields
from shared.integrations.integration_fields import CHANGED_INTEGRATION
from shared.outbound.subscription_fields import NEW_SUBSCRIPTION, expression_errors, target_errors
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors
from shared.platform.settings import Settings
from shared.platform.validation.schema import FieldsSchema
from shared.scoring.rule_fields import rule_errors

FORM_SCHEMA: Final = FieldsSchema(FormSent)
DEFINITION_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "forms": ("name", "fields", "settings"),
    "automations": ("name", "trigger", "steps"),
    "scoring_rules": ("field", "operator", "value", "points"),
    "webhook_subscriptions": (
        *("url", "events", "description", "filters", "filter_expression", "body_expression", "max_per_minute"),
    ),
    "integrations": ("name", "settings", "credentials"),
}
SWITCH_OFF_SQL: Final[Mapping[str, str]] = {
    "forms": "UPDATE forms SET is_active = false, fields = '[]', settings = '{}' WHERE workspace_id = %s AND id = %s",
    "automations": "UPDATE automations SET is_active = false WHERE workspace_id = %s AND id = %s",
    "scoring_rules": "UPDATE scoring_rules SET is_active = false WHERE workspace_id = %s AND id = %s",
    "webhook_subscriptions": "UPDATE webhook_subscriptions SET is_active = false WHERE workspace_id = %s AND id = %s",
    "integrations": "UPDATE integrations SET is_active = false, settings = '{}' WHERE workspace_id = %s AND id = %s",
}
SET_RULE_VALUE_SQL: Final = "UPDATE scoring_rules SET value = %s WHERE workspace_id = %s AND id = %s"
SET_CREDENTIALS_SQL: Final = "UPDATE integrations SET credentials = %s WHERE workspace_id = %s AND id = %s"
# An old version can be published again as it is.
VERSION_TABLES: Final[Mapping[str, str]] = {"form_versions": "form_id", "automation_versions": "automation_id"}
DELETE_VERSION_SQL: Final = sql.SQL("DELETE FROM {} WHERE workspace_id = %s AND {} = %s AND version = %s")


class DefinitionChecks:
    """The checks of one imported workspace, in the transaction of its import."""

    def __init__(self, connection: Connection, workspace_id: int, settings: Settings) -> None:
        self._connection, self._workspace_id = connection, workspace_id
        self._allowed_targets = settings.allowed_targets
        self._cipher = Cipher.from_settings(settings)

    async def run(self, rewriter: DocumentRewriter) -> list[str]:
        """Give values of rules their new ids, switch off what is unsound, and return a sentence for each."""
        await self._rewrite_rules(rewriter)
        notes = []
        for table, names in DEFINITION_COLUMNS.items():
            for row in await self._read_rows(table, ("id", *names)):
                if errors := self._definition_errors(table, row):
                    await self._switch_off(table, row["id"], errors)
                    label = escape_unprintable(str(row.get("name") or row.get("url") or row["id"]))
                    notes.append(
                        f"{label!r} of {table} is off, since it is not sound: {', '.join(sorted(errors))[:200]}"
                    )
        return notes + await self._drop_unsound_versions()

    async def _rewrite_rules(self, rewriter: DocumentRewriter) -> None:
        for row in await self._read_rows("scoring_rules", ("id", "field", "value")):
            value = rewriter.rewrite_value(row["field"], row["value"])
            if value != row["value"]:
                await self._connection.execute(SET_RULE_VALUE_SQL, (Jsonb(value), self._workspace_id, row["id"]))

    async def _switch_off(self, table: str, id_: int, errors: FieldErrors) -> None:
        if "credentials" in errors:
            cipher = await self._cipher.in_transaction(self._connection)
            await self._connection.execute(SET_CREDENTIALS_SQL, (cipher.encrypt("{}"), self._workspace_id, id_))
        await self._connection.execute(SWITCH_OFF_SQL[table], (self._workspace_id, id_))

    async def _drop_unsound_versions(self) -> list[str]:
        dropped = 0
        for table, owner in VERSION_TABLES.items():
            kind = "forms" if table == "form_versions" else "automations"
            for row in await self._read_rows(table, (owner, "version", *DEFINITION_COLUMNS[kind])):
                if self._definition_errors(kind, row):
                    query = DELETE_VERSION_SQL.format(sql.Identifier(table), sql.Identifier(owner))
                    await self._connection.execute(query, (self._workspace_id, row[owner], row["version"]))
                    dropped += 1
        return [f"{dropped} old versions of forms and automations are left out: they are not sound"] if dropped else []

    def _definition_errors(self, table: str, row: Mapping[str, Any]) -> FieldErrors:
        definition = {name: row[name] for name in DEFINITION_COLUMNS[table]}
        if table == "forms":
            return read_form_fields(definition, FORM_SCHEMA)[1]
        if table == "automations":
            # The addresses in old versions are judged when they are published, and when anything is sent there.
            is_old = "version" in row
            schema_errors = DEFINITION_SCHEMA.validate_fields(definition)[1]
            return schema_errors if is_old else check_definition(definition, self._allowed_targets)[1]
        if table == "scoring_rules":
            return rule_errors(definition, {})
        if table == "integrations":
            return self._integration_errors(row)
        errors = NEW_SUBSCRIPTION.validate_fields(definition)[1]
        return errors or target_errors(row["url"], self._allowed_targets) | expression_errors(definition)

    def _integration_errors(self, row: Mapping[str, Any]) -> FieldErrors:
        try:
            credentials = orjson.loads(self._cipher.decrypt(bytes(row["credentials"])))
        except orjson.JSONDecodeError:
            credentials = None
        is_sound = isinstance(credentials, dict) and all(isinstance(value, str) for value in credentials.values())
        errors = CHANGED_INTEGRATION.validate_fields({"settings": row["settings"]})[1]
        return errors if is_sound else errors | {"credentials": ["They are no texts by name."]}

    async def _read_rows(self, table: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
        return await read_columns(self._connection, self._workspace_id, table, names)


async def read_columns(
    connection: Connection, workspace_id: int, table: str, names: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Return some columns of all rows that a workspace has in a table of settings, in the order of the first."""
    query = sql.SQL("SELECT {} FROM {} WHERE workspace_id = {} ORDER BY 1").format(
        sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(table), sql.Literal(workspace_id)
    )
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(query)).fetchall()
