"""Check what was imported before the transaction ends: rows that would harm others are refused with the whole file."""

from collections.abc import Mapping
from typing import Any, Final

from cli.common import escape_unprintable
from cli.workspace_moves.copied_rows import InvalidMove
from cli.workspace_moves.imported_definitions import read_columns
from cli.workspace_moves.unique_values import renew_token
from shared.auth.key_format import ALL_SCOPES
from shared.auth.roles import ROLE_NAMES
from shared.integrations.catalogue import INTEGRATION_TYPES
from shared.outbound.subscriptions import new_secret
from shared.platform.crypto.encryption import TransactionCipher
from shared.platform.db.connections import Connection
from shared.retention import MAX_RETENTION_DAYS, RETENTION_KINDS
from shared.workspace_changes.workspace_fields import check_fields

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
EXISTS_SQL: Final = "SELECT EXISTS ({})"  # around one of these
# A content that did not come with the file may be another workspace's.
KEEP_KNOWN_FILES_SQL: Final = """
DELETE FROM files WHERE workspace_id = %s AND encode(digest, 'hex') <> ALL(%s)
"""
UNCLAIMED_USERS_SQL: Final = """
SELECT email, role FROM users WHERE workspace_id = %s AND account_id IS NULL AND is_active ORDER BY email LIMIT 100
"""
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
        row = await (await connection.execute(EXISTS_SQL.format(statement), values)).fetchone()
        if row and row[0]:
            raise InvalidMove(f"it has {what}")
    dropped = await connection.execute(KEEP_KNOWN_FILES_SQL, (workspace_id, sorted(digests)))
    notes = [f"{dropped.rowcount} files are left out: their contents did not come along"] if dropped.rowcount else []
    unclaimed = await (await connection.execute(UNCLAIMED_USERS_SQL, (workspace_id,))).fetchall()
    return notes + [
        f"{escape_unprintable(email)} ({role}) cannot sign in yet: invite them, or use `user create`"
        for email, role in unclaimed
    ]


async def refresh_secrets(connection: Connection, workspace_id: int, cipher: TransactionCipher) -> list[str]:
    """Give everything whose secrets were left out new ones, and switch it off. Return what is to be set up again."""
    notes = []
    for row in await read_columns(connection, workspace_id, "integrations", ("id", "name")):
        new_token = renew_token(cipher)
        values = (SECRETS_LEFT_OUT_ERROR, new_token.sealed, new_token.digest, workspace_id, row["id"])
        await connection.execute(REFRESH_INTEGRATION_SQL, values)
        notes.append(SET_UP_NOTE.format(name=escape_unprintable(row["name"])))
    for row in await read_columns(connection, workspace_id, "webhook_subscriptions", ("id", "url")):
        await connection.execute(REFRESH_SUBSCRIPTION_SQL, (cipher.encrypt(new_secret()), workspace_id, row["id"]))
        notes.append(NEW_WEBHOOK_NOTE.format(name=escape_unprintable(row["url"])))
    return notes
