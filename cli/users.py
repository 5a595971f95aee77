"""`user`: manage the accounts of people who sign in to the console."""

import asyncio
import sys

import click

from cli.common import data_dir_option, make_settings, notify_operator, print_new_key, print_table, with_database
from shared.auth import accounts, operator_accounts
from shared.auth.account_links import link_url
from shared.auth.passwords import InvalidPassword, PasswordHashing
from shared.auth.roles import ROLE_NAMES, Role
from shared.platform.data_dir import DataDir
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings

UNPROVEN_MESSAGE = (
    "nobody has proven that {email} holds the present password of the account: they join with the link's new password, "
    "which voids it. If you know that they do, say `leadhub user trust {email}` and repeat this command"
)
VOIDED_MESSAGE = (
    "nobody has proven that {email} holds the former password of the account, which is void: only the link opens it now"
)
MAX_PASSWORD_INPUT = 4096  # characters read from stdin


@click.group()
@data_dir_option
def user() -> None:
    """Make, list and help people who sign in to the console.

    An account is one person's for the whole installation. A user is its membership in a workspace, with a role.
    """


@user.command("create")
@click.option("--workspace", "slug", required=True, help="The workspace that they join.")
@click.option("--email", required=True, help="With which they sign in.")
@click.option("--name", required=True, help="What others see.")
@click.option("--role", required=True, type=click.Choice(ROLE_NAMES), help="What they may do in the workspace.")
@click.option("--operator", "is_operator", is_flag=True, help="Sees all workspaces and the whole installation.")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin, instead of printing a link.")
@data_dir_option
def user_create(slug: str, email: str, name: str, role: Role, is_operator: bool, password_stdin: bool) -> None:
    """Make a person a member of a workspace.

    Prints a link by which they set a password, once, within 24 hours. A user of that email gets the role. A proven
    account of that email joins the workspace, keeps its password, and nothing is printed. An account is proven by a
    mailed link or by `leadhub user trust`. Of any other account somebody else may know the password: it joins by the
    link, whose new password voids the present one. With --operator the present one is void at once.

    Roles: an admin may do everything in the workspace, a manager everything but users, keys, settings and erasing
    persons. An agent changes leads, and read_only looks on, without seeing persons' fields.

    Example: leadhub user create --workspace main --email ada@example.com --name "Ada Lovelace" --role manager
    """
    settings = make_settings()
    password_hash = _hash_password_input(email) if password_stdin else None

    async def make(use: Connection) -> operator_accounts.CreatedAccount:
        async with use.transaction():
            made_user = await operator_accounts.create_operator_made_user(
                use,
                slug,
                email=email,
                name=name,
                role=role,
                is_operator=is_operator,
                password_hash=password_hash,
            )
            if made_user.link_token:
                print_new_key(link_url(_base_url(settings), made_user.link_token))
        return made_user

    invitation = with_database(settings, make)
    explanation = (
        "the link sets a password, once, within 24 hours"
        if invitation.link_token
        else "they can sign in with their password"
    )
    notify_operator(f"{email.strip()} is {role} of the workspace {slug}; {explanation}")
    if invitation.voids_password:
        notify_operator((VOIDED_MESSAGE if is_operator else UNPROVEN_MESSAGE).format(email=email.strip()))


@user.command("list")
@data_dir_option
def user_list() -> None:
    """List the accounts, with their workspaces and roles."""
    rows = with_database(make_settings(), accounts.list_accounts)
    print_table(
        ["ID", "EMAIL", "NAME", "OPERATOR", "PROVEN", "PASSWORD", "TOTP", "LAST SIGNED IN", "WORKSPACES"],
        [
            [
                *(row.id, row.email, row.name),
                *("yes" if each else "no" for each in (row.is_operator, row.is_proven, row.has_password)),
                "yes" if row.has_second_factor else "no",
                row.last_signed_in_at.isoformat(timespec="seconds") if row.last_signed_in_at else None,
                row.memberships,
            ]
            for row in rows
        ],
    )


@user.command("reset")
@click.argument("email")
@click.option("--second-factor", is_flag=True, help="Remove the second factor too, for a lost phone.")
@data_dir_option
def user_reset(email: str, second_factor: bool) -> None:
    """Print a link that sets a new password for EMAIL.

    It is good once, within 24 hours. The present password works until then. Setting a new one ends all sessions.

    Example: leadhub user reset ada@example.com
    """
    settings = make_settings()

    async def make(use: Connection) -> None:
        async with use.transaction():
            token = await operator_accounts.create_reset_link(use, email, removes_second_factor=second_factor)
            print_new_key(link_url(_base_url(settings), token))

    with_database(settings, make)
    notify_operator(f"the link sets a new password for {email}, once, within 24 hours")


@user.command("trust")
@click.argument("email")
@data_dir_option
def user_trust(email: str) -> None:
    """Count the account of EMAIL as proven.

    Say it if you know that the person who holds the account's password also owns the mailbox, and mail is not set up.
    With its password the account may then join further workspaces.

    Example: leadhub user trust ada@example.com
    """

    async def trust(use: Connection) -> None:
        async with use.transaction():
            await operator_accounts.trust_account(use, email)

    with_database(make_settings(), trust)
    notify_operator(f"{email.strip()} is proven: the password opens what the account is given next")


def _hash_password_input(email: str) -> str:
    """Return the hash of the password on stdin, without its line end. UsageError if it breaks a rule."""
    password = sys.stdin.read(MAX_PASSWORD_INPUT).removesuffix("\n").removesuffix("\r")
    try:
        return asyncio.run(PasswordHashing().hash_new_password(password, email.strip()))
    except InvalidPassword as error:
        raise click.UsageError(str(error)) from None


def _base_url(settings: Settings) -> str:
    """Return what links start with: the public URL, else the address of the `up` that runs, else the usual one."""
    running = "" if settings.public_url else DataDir(settings.data_dir).running_base_url()
    return running or settings.configured_base_url
