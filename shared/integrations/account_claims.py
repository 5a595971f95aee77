"""Claims of accounts: one app at a provider has one webhook for many pages, portals or owners.

A claim says to which integration an account belongs. The app is known by its secret, of which a digest is stored.
"""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from shared.integrations.integration_cache import notify_changed
from shared.platform.db.connections import Connection
from shared.platform.errors import ValidationFailed

# The credential that all integrations of one app share, for types whose apps have one webhook.
APP_SECRET_FIELDS = {
    "meta_lead_ads": "app_secret",
    "whatsapp": "app_secret",
    "tiktok": "app_secret",
    "linkedin": "client_secret",
    "hubspot": "client_secret",
    "intercom": "client_secret",
}
CLAIM_TAKEN_MESSAGE = "Another integration of this app is for the account {account} already."
NO_ACCOUNTS_MESSAGE = "This type has a webhook of its own for each account: it takes no accounts."

RELEASE_SQL = "DELETE FROM source_accounts WHERE workspace_id = %s AND integration_id = %s"
RELEASE_OTHERS_SQL = f"{RELEASE_SQL} AND NOT (secret_digest = %s AND account_id = ANY(%s))"
CLAIM_SQL = """
INSERT INTO source_accounts (type, secret_digest, account_id, workspace_id, integration_id)
SELECT %s, %s, account, %s, %s FROM unnest(%s::text[]) AS account ORDER BY account
ON CONFLICT DO NOTHING
"""
FOREIGN_CLAIMS_SQL = """
SELECT account_id FROM source_accounts WHERE type = %s AND secret_digest = %s AND account_id = ANY(%s)
  AND NOT (workspace_id = %s AND integration_id = %s) ORDER BY account_id
"""
GRANT_SQL = """
UPDATE source_accounts SET granted_at = CASE WHEN %s THEN coalesce(granted_at, now()) END
WHERE workspace_id = (SELECT id FROM workspaces WHERE slug = %s) AND type = %s AND account_id = %s
RETURNING workspace_id, integration_id
"""
# Those that wait for a grant come first.
LIST_CLAIMS_SQL = """
SELECT w.slug, a.type, a.account_id, a.integration_id, i.name, a.granted_at
FROM source_accounts a JOIN workspaces w ON w.id = a.workspace_id
JOIN integrations i ON i.workspace_id = a.workspace_id AND i.id = a.integration_id
ORDER BY a.granted_at IS NOT NULL, w.slug, a.type, a.account_id, a.integration_id
"""


class AccountClaim(NamedTuple):
    """An account at a provider, the integration that claims it, and since when an operator has granted it, if so."""

    workspace: str
    type: str
    account_id: str
    integration_id: int
    integration_name: str
    granted_at: datetime | None


class ClaimOwner(NamedTuple):
    """The integration that claims an account."""

    workspace_id: int
    integration_id: int


def app_digest(type_: str, credentials: Mapping[str, str]) -> bytes | None:
    """Return the digest of the app's secret, or None for a type without app-wide webhooks, or without a secret."""
    secret = credentials.get(APP_SECRET_FIELDS.get(type_, ""))
    return hashlib.sha256(f"leadhub app\0{type_}\0{secret}".encode()).digest() if secret else None


async def claim_accounts(
    connection: Connection,
    workspace_id: int,
    integration_id: int,
    type_: str,
    credentials: Mapping[str, str],
    accounts: Collection[str],
) -> None:
    """Make these the accounts of an integration. Raises ValidationFailed if another one has claimed any of them."""
    if accounts and type_ not in APP_SECRET_FIELDS:
        raise ValidationFailed({"settings.accounts": [NO_ACCOUNTS_MESSAGE]})
    digest = app_digest(type_, credentials)
    if digest is None or not accounts:
        await release_accounts(connection, workspace_id, integration_id)
        return
    wanted = sorted(set(accounts))
    await connection.execute(RELEASE_OTHERS_SQL, (workspace_id, integration_id, digest, wanted))
    await connection.execute(CLAIM_SQL, (type_, digest, workspace_id, integration_id, wanted))
    asked = (type_, digest, wanted, workspace_id, integration_id)
    taken = await (await connection.execute(FOREIGN_CLAIMS_SQL, asked)).fetchall()
    if taken:
        raise ValidationFailed({"settings.accounts": [CLAIM_TAKEN_MESSAGE.format(account=row[0]) for row in taken]})


async def release_accounts(connection: Connection, workspace_id: int, integration_id: int) -> None:
    """Give up all accounts of an integration."""
    await connection.execute(RELEASE_SQL, (workspace_id, integration_id))


async def set_account_grant(
    connection: Connection, workspace_slug: str, type_: str, account_id: str, *, is_granted: bool
) -> list[ClaimOwner]:
    """Grant a claim: the account's leads go to the claiming workspace, whichever one gets the webhooks. Or withdraw it.

    Only an operator may do that. Return the owners of the claim, one for each app: none if there is no such claim.
    Gateways follow when the transaction commits.
    """
    asked = (is_granted, workspace_slug, type_, account_id)
    rows = await (await connection.execute(GRANT_SQL, asked)).fetchall()
    if rows:
        await notify_changed(connection)
    return [ClaimOwner(*row) for row in rows]


async def list_account_claims(connection: Connection) -> list[AccountClaim]:
    """Return the claims of all workspaces. For operators alone."""
    return [AccountClaim(*row) for row in await (await connection.execute(LIST_CLAIMS_SQL)).fetchall()]
