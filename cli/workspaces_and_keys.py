"""`workspace` and `key`: manage workspaces and their API keys."""

import json
from datetime import UTC, datetime
from typing import Any, get_args

import click

from cli.account_grants import workspace_accounts, workspace_grant_account, workspace_withdraw_account
from cli.common import (
    data_dir_option,
    make_settings,
    notify_operator,
    parse_time_option,
    print_new_key,
    print_table,
    with_database,
)
from cli.workspace_moves.move_commands import workspace_export, workspace_import
from cli.workspace_retention import workspace_retention
from shared import workspaces
from shared.audit.audit_entry import write_command
from shared.auth import installation_keys
from shared.leads.duplicate_policy import MergePolicy
from shared.platform.db.connections import Connection

MAX_LABEL_LENGTH = 255


def _validate_name(_: click.Context, __: click.Parameter, value: str) -> str:
    value = value.strip()
    # Bytes that are not UTF-8 are not printable either.
    if not value or not value.isprintable() or len(value) > MAX_LABEL_LENGTH:
        raise click.BadParameter(f"a name on one line, of 1 to {MAX_LABEL_LENGTH} characters that can be printed")
    return value


@click.group()
@data_dir_option
def workspace() -> None:
    """Make, list and set up workspaces. A workspace holds one team's leads, and sees nothing of any other's."""


@workspace.command("create")
@click.argument("slug")
@click.option("--name", required=True, callback=_validate_name, help="What people call it.")
@click.option(
    "--country", default="US", show_default=True, help="Two letters: where phone numbers without a country code are."
)
@click.option("--timezone", default="UTC", show_default=True, help="Where its business hours are, as Europe/Berlin.")
@data_dir_option
def workspace_create(slug: str, name: str, country: str, timezone: str) -> None:
    """Make a workspace, with a pipeline "Sales". Prints its id.

    SLUG names it here and as `tenant` in the inbound URL: 1 to 63 lowercase letters, digits and hyphens, no hyphen
    first.

    Example: leadhub workspace create acme --name "Acme GmbH" --country DE
    """
    fields = (slug, name, country.upper(), timezone)

    async def make(use: Connection) -> int:
        async with use.transaction():
            id_ = await workspaces.create_workspace(use, *fields)
            named = {"slug": slug, "country": country.upper(), "timezone": timezone}
            await write_command(
                use, "workspace.created", workspace_id=id_, object_kind="workspace", object_id=id_, after=named
            )
        return id_

    made = with_database(make_settings(), make, may_found=True)
    notify_operator(f"made the workspace {slug}, with the id {made}")
    click.echo(made)


@workspace.command("set")
@click.argument("slug")
@click.option("--country", callback=lambda *at: at[2] and at[2].upper(), help="As in `workspace create`.")
@click.option("--timezone", help="Where its business hours are, Monday to Friday, 9 to 18.")
@click.option("--merge-policy", type=click.Choice(get_args(MergePolicy)), help="What a duplicate changes.")
@click.option("--fold-gmail/--no-fold-gmail", default=None, help="Whether a.da+x@gmail.com is ada@gmail.com.")
@data_dir_option
def workspace_set(slug: str, **settings: Any) -> None:
    """Change settings of the workspace SLUG.

    What is not named stays, and leads that are there stay as they are. A duplicate changes only what is empty
    (fill_empty), whatever it brings (overwrite), or nothing (keep); tags and notes are always added.

    Example: leadhub workspace set acme --timezone Europe/Berlin --merge-policy overwrite
    """
    changes = {name: value for name, value in settings.items() if value is not None}

    async def change(use: Connection) -> None:
        async with use.transaction():
            id_ = await workspaces.change_workspace(use, slug, **settings)
            await write_command(
                use, "workspace.changed", workspace_id=id_, object_kind="workspace", object_id=id_, after=changes
            )

    with_database(make_settings(), change)
    named = [name.replace("_", "-") for name in changes]
    notify_operator(
        f"changed {', '.join(named)} of the workspace {slug}" if named else "nothing was named, so nothing is changed"
    )


@workspace.command("list")
@data_dir_option
def workspace_list() -> None:
    """List the workspaces."""
    rows = with_database(make_settings(), workspaces.list_workspaces)
    columns = ("id", "slug", "name", "country", "timezone", "merge_policy", "fold_gmail")
    print_table(
        [column.upper().replace("_", " ") for column in columns], [[row[column] for column in columns] for row in rows]
    )


for command in (
    *(workspace_accounts, workspace_grant_account, workspace_withdraw_account),
    *(workspace_export, workspace_import, workspace_retention),
):
    workspace.add_command(command)


@click.group()
@data_dir_option
def key() -> None:
    """Make, list and revoke API keys. A key belongs to one workspace and is shown once, when it is made."""


@key.command("create")
@click.option("--workspace", "slug", required=True, help="The workspace that it opens.")
@click.option("--name", required=True, callback=_validate_name, help="What it is for.")
@click.option("--scopes", required=True, help="What it may do, as 'read:leads write:leads', or '*' for everything.")
@click.option("--rate-limit", default="1000", show_default=True, help="Requests an hour, or `unlimited`.")
@click.option("--expires", callback=parse_time_option, help="When it ends: a date (00:00 UTC) or a time, ISO 8601.")
@click.option("--json", "as_json", is_flag=True, help='Print {"key": …, "id": …} instead of the key alone.')
@data_dir_option
def key_create(slug: str, name: str, scopes: str, rate_limit: str, expires: datetime | None, as_json: bool) -> None:
    """Make a key and print it, once: only its digest is kept.

    Scopes: read:, write: and delete: of leads, users, forms, automations; read: and write: of pipelines, tags,
    integrations, operations; and submit:leads. None implies another. A website's key needs submit:leads alone: it posts
    leads and form submissions, reads what became of them, and opens nothing else.

    Example: leadhub key create --workspace acme --name website --scopes submit:leads
    """
    limit = _parse_rate_limit(rate_limit)
    scope_list = scopes.replace(",", " ").split()

    async def make(use: Connection) -> None:
        async with use.transaction():
            created = await installation_keys.create_key(use, slug, name, scope_list, limit, expires)
            await write_command(
                use,
                "api_key.created",
                workspace_id=created.workspace_id,
                object_kind="api_key",
                object_id=created.id,
                after={"name": name, "scopes": scope_list, "rate_limit": limit, "expires_at": expires},
            )
            print_new_key(json.dumps({"key": created.key.secret, "id": created.id}) if as_json else created.key.secret)

    with_database(make_settings(), make)
    notify_operator(f"made a key for the workspace {slug}; it is shown only now")
    if expires and expires <= datetime.now(UTC):
        click.echo("leadhub: this key has expired already; it opens nothing", err=True)


@key.command("list")
@data_dir_option
def key_list() -> None:
    """List the keys, without their secrets."""
    rows = with_database(make_settings(), installation_keys.list_keys)
    print_table(
        ["ID", "WORKSPACE", "NAME", "PREFIX", "LIMIT", "EXPIRES", "LAST USED", "REVOKED", "SCOPES"],
        [
            [
                *(row[column] for column in ("id", "workspace", "name", "prefix")),
                "unlimited" if row["rate_limit"] is None else row["rate_limit"],
                *(_format_moment(row[column]) for column in ("expires_at", "last_used_at", "revoked_at")),
                " ".join(row["scopes"]),
            ]
            for row in rows
        ],
    )


@key.command("revoke")
@click.argument("key_id", metavar="ID", type=int)
@data_dir_option
def key_revoke(key_id: int) -> None:
    """End the key ID; services feel it within 5 seconds. `key list` shows the ids."""

    async def revoke(use: Connection) -> None:
        async with use.transaction():
            workspace_id = await installation_keys.revoke_key(use, key_id)
            await write_command(
                use, "api_key.deleted", workspace_id=workspace_id, object_kind="api_key", object_id=key_id
            )

    with_database(make_settings(), revoke)
    notify_operator(f"revoked key {key_id}")


def _parse_rate_limit(text: str) -> int | None:
    if text == "unlimited":
        return None
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**31:
        raise click.BadParameter("a positive number, or `unlimited`", param_hint="--rate-limit")
    return int(text)


def _format_moment(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None
