"""Load the targets of a batch of deliveries: subscriptions, integrations, users and leads, one query for each kind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.rows import dict_row

from services.workers.conversions.conversion_batches import load_conversions
from services.workers.conversions.conversion_types import LeadConversion
from services.workers.deliveries.types import ClaimedDelivery
from shared.outbound.double_opt_in_links import CONFIRMATION_EVENT
from shared.outbound.workspace_tokens import workspace_mail_keys
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection, as_json

TargetRow = dict[str, Any]
TargetKey = tuple[int, int]  # workspace, id

WANTED_KEYS_SQL = "(SELECT DISTINCT w, id FROM json_to_recordset(%s::json) AS k(w bigint, id bigint)) k"
TARGET_SUBSCRIPTIONS_SQL = f"""
SELECT workspace_id, s.id, url, is_active, secret, body_expression,
       CASE WHEN old_secret_until > clock_timestamp() THEN old_secret END AS old_secret
FROM webhook_subscriptions s JOIN {WANTED_KEYS_SQL} ON s.workspace_id = k.w AND s.id = k.id
"""
TARGET_INTEGRATIONS_SQL = f"""
SELECT workspace_id, i.id, type, is_active, credentials, settings
FROM integrations i JOIN {WANTED_KEYS_SQL} ON i.workspace_id = k.w AND i.id = k.id
"""
TARGET_USERS_SQL = f"""
SELECT workspace_id, u.id, email, is_active FROM users u JOIN {WANTED_KEYS_SQL} ON u.workspace_id = k.w AND u.id = k.id
"""
TARGET_LEADS_SQL = f"""
SELECT l.workspace_id, l.id, l.email, l.phone, s.id IS NOT NULL AS suppressed
FROM leads l JOIN {WANTED_KEYS_SQL} ON l.workspace_id = k.w AND l.id = k.id
LEFT JOIN suppressions s ON s.workspace_id = l.workspace_id AND s.email = lower(l.email)
"""
# The integration that sends a workspace's mails: its oldest mail server, otherwise its oldest Mailgun integration.
MAIL_INTEGRATIONS_SQL = """
SELECT DISTINCT ON (workspace_id) workspace_id, id, type, is_active, credentials FROM integrations
WHERE workspace_id = ANY (%s) AND is_active AND (type = 'smtp' OR type = 'mailgun')
ORDER BY workspace_id, type <> 'smtp', id
"""


@dataclass(frozen=True, slots=True)
class DeliveryTargets:
    """The targets by workspace and id.

    `mail_integrations` and `mail_keys`, the keys of links in mails, are by workspace. `conversions` are by
    delivery.
    """

    subscriptions: dict[TargetKey, TargetRow] = field(default_factory=dict)
    integrations: dict[TargetKey, TargetRow] = field(default_factory=dict)
    users: dict[TargetKey, TargetRow] = field(default_factory=dict)
    leads: dict[TargetKey, TargetRow] = field(default_factory=dict)
    mail_integrations: dict[int, TargetRow] = field(default_factory=dict)
    mail_keys: dict[int, str] = field(default_factory=dict)
    conversions: dict[TargetKey, list[LeadConversion]] = field(default_factory=dict)


async def load_targets(connection: Connection, cipher: Cipher, claimed: Sequence[ClaimedDelivery]) -> DeliveryTargets:
    """Load the targets of these deliveries."""
    mails = [one for one in claimed if one.kind in ("email", "notice")]
    letters = {one.workspace_id for one in claimed if _has_link(one)}
    to_leads = [one for one in claimed if one.kind == "sms" or (one.kind == "email" and one.user_id is None)]
    return DeliveryTargets(
        await _load_rows(
            connection, TARGET_SUBSCRIPTIONS_SQL, ((one.workspace_id, one.subscription_id) for one in claimed)
        ),
        await _load_rows(
            connection, TARGET_INTEGRATIONS_SQL, ((one.workspace_id, one.integration_id) for one in claimed)
        ),
        await _load_rows(connection, TARGET_USERS_SQL, ((one.workspace_id, one.user_id) for one in claimed)),
        await _load_rows(connection, TARGET_LEADS_SQL, ((one.workspace_id, one.lead_id) for one in to_leads)),
        await _load_mail_integrations(connection, {one.workspace_id for one in mails}),
        await workspace_mail_keys(connection, cipher, letters) if letters else {},
        await load_conversions(connection, [(one.workspace_id, one.id) for one in claimed if one.kind == "conversion"]),
    )


def _has_link(claimed: ClaimedDelivery) -> bool:
    return (claimed.kind == "email" and claimed.user_id is None) or claimed.event == CONFIRMATION_EVENT


async def _load_rows(
    connection: Connection, query: str, wanted: Iterable[tuple[int, int | None]]
) -> dict[TargetKey, TargetRow]:
    keys = [{"w": workspace_id, "id": id_} for workspace_id, id_ in wanted if id_ is not None]
    if not keys:
        return {}
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, (as_json(keys),))
        return {(row["workspace_id"], row["id"]): row for row in await cursor.fetchall()}


async def _load_mail_integrations(connection: Connection, workspace_ids: set[int]) -> dict[int, TargetRow]:
    if not workspace_ids:
        return {}
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(MAIL_INTEGRATIONS_SQL, (sorted(workspace_ids),))
        return {row["workspace_id"]: row for row in await cursor.fetchall()}
