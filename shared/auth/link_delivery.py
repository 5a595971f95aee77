"""Who gets a link: the admin who asked for it, or the mailbox of its person.

A link that sets the password of an account opens everything that the account may see. An admin is shown it only if that
is the admin's own workspace alone. Otherwise it goes by `LEADHUB_SMTP_URL`, since an admin can read what goes by the
mail server that a workspace has set up.
"""

from dataclasses import dataclass

from shared.auth.account_links import LinkPurpose, create_link, link_url
from shared.auth.accounts import AccountRecord, clean_email, find_account, lock_account
from shared.auth.sign_in_throttle import count_attempt, subjects_of_reset
from shared.crypto.encryption import Cipher
from shared.db.connections import Connection
from shared.outbound.deliveries import enqueue_deliveries, mail_with_secret_link
from shared.outbound.mail_readers import read_account_language
from shared.outbound.mail_setup import can_send_mail, has_installation_mail
from shared.outbound.staff_texts import staff_texts
from shared.settings import Settings

# Memberships of an account in other workspaces, active or not, since an inactive one may become active again.
OTHER_MEMBERSHIPS_SQL = "SELECT EXISTS (SELECT FROM users WHERE account_id = %s AND workspace_id <> %s)"
OWN_WORKSPACES_SQL = "SELECT array_agg(workspace_id ORDER BY workspace_id) FROM users WHERE account_id = %s"
ANY_WORKSPACE_SQL = "SELECT min(id) FROM workspaces"


@dataclass(frozen=True, slots=True)
class LinkHandover:
    """What becomes of a new link: `url` for the admin to pass on, or a mail, or neither where no mail is set up."""

    url: str | None
    is_mailed: bool


@dataclass(frozen=True, slots=True)
class LinkSender:
    """Makes links and passes them on. `base_url` is what the service's addresses start with."""

    settings: Settings
    cipher: Cipher
    base_url: str

    @property
    def has_installation_mail(self) -> bool:
        """Whether the installation has a mail server of its own."""
        return has_installation_mail(self.settings)

    async def hand_over_password_link(
        self, connection: Connection, workspace_id: int, account: AccountRecord, purpose: LinkPurpose
    ) -> LinkHandover:
        """Make a link that sets the account's password, for an admin of the workspace."""
        if not await self.opens_more_than(connection, workspace_id, account):
            token = await create_link(connection, account.id, purpose)
            return LinkHandover(link_url(self.base_url, token), is_mailed=False)
        if not self.has_installation_mail:
            return LinkHandover(None, is_mailed=False)
        token = await create_link(connection, account.id, purpose)
        await self._mail_link(connection, workspace_id, account, token, "password_reset", is_secret=True)
        return LinkHandover(None, is_mailed=True)

    async def mail_join_link(
        self, connection: Connection, workspace_id: int, workspace_name: str, account: AccountRecord, user_id: int
    ) -> LinkHandover:
        """Mail a link that makes the account a member of the workspace. It opens nothing without the password."""
        if not await self.has_mail(connection, workspace_id):
            return LinkHandover(None, is_mailed=False)
        token = await create_link(connection, account.id, "join", user_id=user_id)
        await self._mail_link(
            connection, workspace_id, account, token, "workspace_join", is_secret=False, workspace=workspace_name
        )
        return LinkHandover(None, is_mailed=True)

    async def request_reset(self, connection: Connection, email: str, address: str) -> float:
        """Mail a reset link to a person who forgot the password, if the account exists and mail is set up.

        Return 0, or the seconds to wait after too many requests. The page says the same to everybody, whether or not
        there is an account: if no mail comes, ask an admin.
        """
        email = clean_email(email)
        wait = await count_attempt(connection, subjects_of_reset(email, address))
        if not wait:
            await self._mail_reset(connection, email)
        return wait

    async def _mail_reset(self, connection: Connection, email: str) -> None:
        account = await find_account(connection, email)
        if account is None or not account.may_sign_in:
            return
        await lock_account(connection, account.id)
        row = await (await connection.execute(OWN_WORKSPACES_SQL, (account.id,))).fetchone()
        workspaces = (row[0] if row else None) or []
        is_secret = account.is_operator or len(workspaces) != 1
        if not self.has_installation_mail and (is_secret or not await self.has_mail(connection, workspaces[0])):
            return
        workspace_id = workspaces[0] if workspaces else await _any_workspace(connection)
        token = await create_link(connection, account.id, "reset")
        await self._mail_link(connection, workspace_id, account, token, "password_reset", is_secret=is_secret)

    async def has_mail(self, connection: Connection, workspace_id: int) -> bool:
        """Return whether mails of the workspace can be sent."""
        return await can_send_mail(connection, self.settings, workspace_id)

    async def opens_more_than(self, connection: Connection, workspace_id: int, account: AccountRecord) -> bool:
        """Return whether the account may see anything besides the workspace."""
        row = await (await connection.execute(OTHER_MEMBERSHIPS_SQL, (account.id, workspace_id))).fetchone()
        return account.is_operator or bool(row and row[0])

    async def _mail_link(
        self,
        connection: Connection,
        workspace_id: int,
        account: AccountRecord,
        token: str,
        name: str,
        *,
        is_secret: bool,
        **values: str,
    ) -> None:
        """Write the mail of that name in the staff texts."""
        url = link_url(self.base_url, token)
        subject, body = staff_texts(await read_account_language(connection, account.id)).mail(name, **values)
        mail = mail_with_secret_link(
            self.cipher, workspace_id, account.email, subject, body, url, by_installation=is_secret
        )
        await enqueue_deliveries(connection, [mail])


async def _any_workspace(connection: Connection) -> int:
    row = await (await connection.execute(ANY_WORKSPACE_SQL)).fetchone()
    return int(row[0]) if row and row[0] else 0
