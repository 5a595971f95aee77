"""Check what was imported as the product checks what it is sent, before the transaction ends.

Rows that would harm others are refused with the whole file. What only does not work is switched off and named.
"""

from collections.abc import Mapping
from typing import Any, Final

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from cli.common import escape_unprintable
from cli.workspace_moves.copied_rows import InvalidMove
from cli.workspace_moves.id_maps import DocumentRewriter
from cli.workspace_moves.unique_values import renew_token
from shared.auth.key_format import ALL_SCOPES
from shared.auth.roles import ROLE_NAMES
from shared.automations.automation_fields import check_definition
from shared.forms.form_validation import FormSent, read_form_fields
from shared.integrations.catalogue import INTEGRATION_TYPES
from shared.outbound.subscription_fields import NEW_SUBSCRIPTION, expression_errors, target_errors
from shared.outbound.subscriptions import new_secret
from shared.platform.crypto.encryption import TransactionCipher
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors
from shared.platform.settings import Settings
from shared.platform.validation.schema import FieldsSchema
from shared.retention import MAX_RETENTION_DAYS, RETENTION_KINDS
from shared.scoring.rule_fields import rule_errors
from shared.workspace_changes.workspace_fields import check_fields

FORM_SCHEMA: Final = FieldsSchema(FormSent)
CHECKED_SETTINGS: Final = (
    *("name", "country", "timezone", "merge_policy", "fold_gmail", "never_join", "spam_threshold", "alarms"),
)
SECRETS_LEFT_OUT_ERROR: Final = "The credentials were not exported. Enter them again and switch the integration on."
OLDEST_TIME: Final = "2000-01-01"
# Each selects what must not be there. Times to come, or of ages ago, would upset partitions and lists.
REFUSED_ROWS: Final[Mapping[str, str]] = {
    "a time that cannot be": f"""
        SELECT FROM submissions WHERE workspace_id = %(w)s
            AND received_at NOT BETWEEN '{OLDEST_TIME}' AND now() + interval '1 day'
        UNION ALL SELECT FROM leads WHERE workspace_id = %(w)s
            AND NOT (created_at BETWEEN '{OLDEST_TIME}' AND now() + interval '1 day'
                     AND updated_at BETWEEN '{OLDEST_TIME}' AND now() + interval '1 day')
        UNION ALL SELECT FROM activities WHERE workspace_id = %(w)s
            AND created_at NOT BETWEEN '{OLDEST_TIME}' AND now() + interval '1 day'
    """,
    "a role that is none": "SELECT FROM users WHERE workspace_id = %(w)s AND role <> ALL(%(roles)s)",
    "an API key with a scope or limit that is none": """
        SELECT FROM api_keys WHERE workspace_id = %(w)s
            AND (NOT scopes <@ %(scopes)s OR rate_limit NOT BETWEEN 1 AND 2147483647)
    """,
    "an integration of an unknown type": """
        SELECT FROM integrations WHERE workspace_id = %(w)s AND type <> ALL(%(types)s)
    """,
    "a retention that is none": "SELECT FROM retention_settings WHERE workspace_id = %(w)s AND NOT ("
    + " AND ".join(f"coalesce({name}, 1) BETWEEN 1 AND {MAX_RETENTION_DAYS}" for name in RETENTION_KINDS)
    + ")",
    "a merged lead that leads to none": """
        SELECT FROM lead_redirects r WHERE workspace_id = %(w)s
            AND NOT EXISTS (SELECT FROM leads l WHERE l.workspace_id = r.workspace_id AND l.id = r.winner_id)
    """,
}
# A content that did not come with the file may be another workspace's.
KEEP_KNOWN_FILES_SQL: Final = """
DELETE FROM files WHERE workspace_id = %s AND encode(digest, 'hex') <> ALL(%s)
"""
UNCLAIMED_USERS_SQL: Final = """
SELECT email, role FROM users WHERE workspace_id = %s AND account_id IS NULL AND is_active ORDER BY email LIMIT 100
"""
SWITCH_OFF_SQL: Final = sql.SQL("UPDATE {} SET is_active = false WHERE workspace_id = %s AND id = %s")
SET_RULE_VALUE_SQL: Final = "UPDATE scoring_rules SET value = %s WHERE workspace_id = %s AND id = %s"
REFRESH_INTEGRATION_SQL: Final = """
UPDATE integrations SET is_active = false, last_error = %s, token = %s, token_digest = %s
WHERE workspace_id = %s AND id = %s
"""
REFRESH_SUBSCRIPTION_SQL: Final = """
UPDATE webhook_subscriptions SET is_active = false, secret = %s WHERE workspace_id = %s AND id = %s
"""
NEW_WEBHOOK_NOTE: Final = "the webhook {name!r} has a new secret and is off: tell the receiver, and switch it on"
SET_UP_NOTE: Final = "the integration {name!r} is off, with a new webhook URL: enter its credentials and switch it on"


def checked_settings(workspace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a workspace's own row. Raises InvalidMove if one is not what the product would store."""
    settings = {name: workspace.get(name) for name in CHECKED_SETTINGS}
    has_country = settings["country"] is not None
    errors = check_fields({name: value for name, value in settings.items() if name != "country" or has_country})[1]
    if errors or not isinstance(workspace.get("created_at"), str):
        raise InvalidMove(f"the workspace in it has unusable settings: {', '.join(errors) or 'created_at'}")
    return {**settings, "created_at": workspace["created_at"]}


async def check_rows(connection: Connection, workspace_id: int, digests: set[str]) -> list[str]:
    """Refuse rows that would harm others, and drop files without a content. Return what is to be said of it.

    Raises InvalidMove.
    """
    values = {"w": workspace_id, "roles": list(ROLE_NAMES), "scopes": sorted(ALL_SCOPES), "types": [*INTEGRATION_TYPES]}
    for what, statement in REFUSED_ROWS.items():
        row = await (await connection.execute(f"SELECT EXISTS ({statement})", values)).fetchone()
        if row and row[0]:
            raise InvalidMove(f"it has {what}")
    dropped = await connection.execute(KEEP_KNOWN_FILES_SQL, (workspace_id, sorted(digests)))
    notes = [f"{dropped.rowcount} files are left out: their contents did not come along"] if dropped.rowcount else []
    unclaimed = await (await connection.execute(UNCLAIMED_USERS_SQL, (workspace_id,))).fetchall()
    return notes + [
        f"{escape_unprintable(email)} ({role}) cannot sign in yet: invite them, or use `user create`"
        for email, role in unclaimed
    ]


async def switch_off_unsound(
    connection: Connection, workspace_id: int, rewriter: DocumentRewriter, settings: Settings
) -> list[str]:
    """Switch off forms, automations, subscriptions and rules that the product would not store. Return their names."""
    notes = []
    for table, names in DEFINITION_COLUMNS.items():
        for row in await _read_rows(connection, workspace_id, table, names):
            if table == "scoring_rules":
                row["value"] = rewriter.rewrite_value(row["field"], row["value"])
                await connection.execute(SET_RULE_VALUE_SQL, (_json_or_null(row["value"]), workspace_id, row["id"]))
            if errors := _definition_errors(table, row, settings.allowed_targets):
                query = SWITCH_OFF_SQL.format(sql.Identifier(table))
                await connection.execute(query, (workspace_id, row["id"]))
                label = escape_unprintable(str(row.get("name") or row.get("url") or row["id"]))
                notes.append(f"{label!r} of {table} is off, since it is not sound: {', '.join(sorted(errors))[:200]}")
    return notes


async def refresh_secrets(connection: Connection, workspace_id: int, cipher: TransactionCipher) -> list[str]:
    """Give everything whose secrets were left out new ones, and switch it off. Return what is to be set up again."""
    notes = []
    for row in await _read_rows(connection, workspace_id, "integrations", ("name",)):
        new_token = renew_token(cipher)
        values = (SECRETS_LEFT_OUT_ERROR, new_token.sealed, new_token.digest, workspace_id, row["id"])
        await connection.execute(REFRESH_INTEGRATION_SQL, values)
        notes.append(SET_UP_NOTE.format(name=escape_unprintable(row["name"])))
    for row in await _read_rows(connection, workspace_id, "webhook_subscriptions", ("url",)):
        await connection.execute(REFRESH_SUBSCRIPTION_SQL, (cipher.encrypt(new_secret()), workspace_id, row["id"]))
        notes.append(NEW_WEBHOOK_NOTE.format(name=escape_unprintable(row["url"])))
    return notes


DEFINITION_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "forms": ("name", "fields", "settings"),
    "automations": ("name", "trigger", "steps"),
    "scoring_rules": ("field", "operator", "value", "points"),
    "webhook_subscriptions": (
        *("url", "events", "description", "filters", "filter_expression", "body_expression", "max_per_minute"),
    ),
}


def _definition_errors(table: str, row: Mapping[str, Any], allowed_targets: str) -> FieldErrors:
    definition = {name: row[name] for name in DEFINITION_COLUMNS[table]}
    if table == "forms":
        return read_form_fields(definition, FORM_SCHEMA)[1]
    if table == "automations":
        return check_definition(definition, allowed_targets)[1]
    if table == "scoring_rules":
        return rule_errors(definition, {})
    errors = NEW_SUBSCRIPTION.validate_fields(definition)[1]
    return errors or target_errors(row["url"], allowed_targets) | expression_errors(definition)


async def _read_rows(
    connection: Connection, workspace_id: int, table: str, names: tuple[str, ...]
) -> list[dict[str, Any]]:
    query = sql.SQL("SELECT id, {} FROM {} WHERE workspace_id = {} ORDER BY id").format(
        sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(table), sql.Literal(workspace_id)
    )
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(query)).fetchall()


def _json_or_null(value: Any) -> Jsonb | None:
    return None if value is None else Jsonb(value)
