"""`workspace accounts`, `grant-account` and `withdraw-account`: one app at a provider, many workspaces."""

import click

from cli.common import data_dir_option, make_settings, notify_operator, print_table, with_database
from shared.audit.audit_entry import write_command
from shared.integrations.account_claims import APP_SECRET_FIELDS, list_account_claims, set_account_grant
from shared.platform.db.connections import Connection

NO_CLAIM_MESSAGE = (
    "the workspace {slug!r} claims no account {account!r} of the type {type}; "
    "`workspace accounts` shows the claims. An integration claims an account by naming it in `settings.accounts`"
)
TYPE_CHOICE = click.Choice(sorted(APP_SECRET_FIELDS))


@click.command("accounts")
@data_dir_option
def workspace_accounts() -> None:
    """List the accounts that integrations claim.

    Those without a grant come first. A claim needs a grant only where the app's webhooks come to an integration of
    another workspace.
    """
    claims = with_database(make_settings(), list_account_claims)
    print_table(
        ["WORKSPACE", "TYPE", "ACCOUNT", "INTEGRATION", "NAME", "GRANTED"],
        [
            [
                *(claim.workspace, claim.type, claim.account_id, claim.integration_id, claim.integration_name),
                claim.granted_at.isoformat(timespec="seconds") if claim.granted_at else "no",
            ]
            for claim in claims
        ],
    )


@click.command("grant-account")
@click.argument("slug", metavar="WORKSPACE")
@click.argument("type_", type=TYPE_CHOICE)
@click.argument("account")
@data_dir_option
def workspace_grant_account(slug: str, type_: str, account: str) -> None:
    """Send an account's leads to the workspace that claims it.

    One app at a provider has one webhook for many pages, phone numbers or portals. An integration with the app's secret
    claims the ACCOUNT by naming it in `settings.accounts`. If the webhook belongs to another workspace, the account's
    leads stay there until an operator grants the claim: make sure first that the account is the workspace's.

    The type is the integration's. Gateways follow within five seconds, and leads that came before stay where they are.
    `withdraw-account` takes it back.

    Example: leadhub workspace grant-account acme meta_lead_ads 102938475610293
    """
    _set_grant(slug, type_, account, is_granted=True)
    notify_operator(f"leads of the account {account} go to the workspace {slug} from now on")


@click.command("withdraw-account")
@click.argument("slug", metavar="WORKSPACE")
@click.argument("type_", type=TYPE_CHOICE)
@click.argument("account")
@data_dir_option
def workspace_withdraw_account(slug: str, type_: str, account: str) -> None:
    """Withdraw what `grant-account` granted.

    The account's leads stay with the integration that receives the app's webhooks, in its own workspace. Gateways
    follow within five seconds. The claim stays, and leads that came before stay where they are.

    Example: leadhub workspace withdraw-account acme meta_lead_ads 102938475610293
    """
    _set_grant(slug, type_, account, is_granted=False)
    notify_operator(f"leads of the account {account} stay with the workspace that receives them from now on")


def _set_grant(slug: str, type_: str, account: str, *, is_granted: bool) -> None:
    """Store the decision and write it into the audit log. ClickException, with status 1, if there is no such claim."""

    async def store(use: Connection) -> None:
        async with use.transaction():
            owners = await set_account_grant(use, slug, type_, account, is_granted=is_granted)
            if not owners:
                raise click.ClickException(NO_CLAIM_MESSAGE.format(slug=slug, account=account, type=type_))
            for owner in owners:
                await write_command(
                    use,
                    "integration.account_granted" if is_granted else "integration.account_withdrawn",
                    workspace_id=owner.workspace_id,
                    object_kind="integration",
                    object_id=owner.integration_id,
                    after={"account": account},
                )

    with_database(make_settings(), store)
