"""Who gets a link: the admin who asked for it, or the mailbox of its person.

A link that sets the password of an account opens everything that the account may see. It goes by `LEADHUB_SMTP_URL`,
which proves the mailbox. Without that setting it goes by the workspace's own mail server, or is shown to the admin if
there is none. Both prove nothing, since an admin can read what the workspace's server sends, and neither is done for an
account that opens more than the workspace. `docs/accounts.md` has the table.
"""

from dataclasses import dataclass

from shared.auth.account_links import LinkChannel, StoredPurpose, create_link, link_url
from shared.auth.accounts import AccountRecord, clean_email, find_account
from shared.auth.link_limits import count_link_mail
from shared.auth.sessions import lock_account
from shared.auth.sign_in_throttle import count_attempt, subjects_of_reset
from shared.outbound.deliveries import enqueue_deliveries, mail_with_secret_link
from shared.outbound.mail_readers import read_account_language
from shared.outbound.mail_setup import can_send_mail, has_installation_mail
from shared.outbound.staff_texts import staff_texts
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings

# Memberships of an account in other workspaces, active or not, since an inactive one may become active again.
OTHER_MEMBERSHIPS_SQL = "SELECT EXISTS (SELECT FROM users WHERE account_id = %s AND workspace_id <> %s)"
OWN_USERS_SQL = "SELECT workspace_id, id FROM users WHERE account_id = %s ORDER BY workspace_id"
WORKSPACE_NAME_SQL = "SELECT name FROM workspaces WHERE id = %s"
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

    async def hand_over_invitation(
        self, connection: Connection, workspace_id: int, account: AccountRecord, user_id: int
    ) -> LinkHandover:
        """Make a link that gives the account a membership, for an admin of the workspace. Raises LinkLimitReached."""
        if account.is_trusted and not self.has_installation_mail and await self.has_mail(connection, workspace_id):
            # It opens nothing without the password.
            return await self._mail_for_admin(connection, workspace_id, account, "invite", "workspace", user_id)
        return await self._hand_over(connection, workspace_id, account, "invite", user_id)

    async def hand_over_reset(
        self, connection: Connection, workspace_id: int, account: AccountRecord, user_id: int
    ) -> LinkHandover:
        """Make a link that sets the account's password, for an admin of the workspace. Raises LinkLimitReached."""
        return await self._hand_over(connection, workspace_id, account, "reset", user_id)

    async def _hand_over(
        self,
        connection: Connection,
        workspace_id: int,
        account: AccountRecord,
        purpose: StoredPurpose,
        user_id: int,
    ) -> LinkHandover:
        if self.has_installation_mail:
            return await self._mail_for_admin(connection, workspace_id, account, purpose, "mail", user_id)
        if await self.opens_more_than(connection, workspace_id, account):
            return LinkHandover(None, is_mailed=False)
        if await self.has_mail(connection, workspace_id):
            return await self._mail_for_admin(connection, workspace_id, account, purpose, "workspace", user_id)
        token = await create_link(connection, account.id, purpose, "workspace", user_id=user_id)
        return LinkHandover(link_url(self.base_url, token), is_mailed=False)

    async def request_reset(self, connection: Connection, email: str, address: str) -> float:
        """Mail a reset link to a person who forgot the password, if the account exists and mail is set up.

        Return 0, or the seconds to wait after too many requests. The page says the same to everybody, whether or not
        there is an account: if no mail comes, ask an admin.
        """
        email = clean_email(email)
        wait = (await count_attempt(connection, subjects_of_reset(email, address))).too_early
        if not wait:
            await self._mail_reset(connection, email)
        return wait

    async def _mail_reset(self, connection: Connection, email: str) -> None:
        account = await find_account(connection, email)
        if account is None or not account.may_sign_in:
            return
        await lock_account(connection, account.id)
        users = await (await connection.execute(OWN_USERS_SQL, (account.id,))).fetchall()
        workspace_id = users[0][0] if users else await _any_workspace(connection)
        if self.has_installation_mail:
            await self._mail_to(connection, workspace_id, account, "reset", "mail", None)
        elif not account.is_operator and len(users) == 1 and await self.has_mail(connection, workspace_id):
            await self._mail_to(connection, workspace_id, account, "reset", "workspace", users[0][1])

    async def has_mail(self, connection: Connection, workspace_id: int) -> bool:
        """Return whether mails of the workspace can be sent."""
        return await can_send_mail(connection, self.settings, workspace_id)

    async def opens_more_than(self, connection: Connection, workspace_id: int, account: AccountRecord) -> bool:
        """Return whether the account may see anything besides the workspace."""
        row = await (await connection.execute(OTHER_MEMBERSHIPS_SQL, (account.id, workspace_id))).fetchone()
        return account.is_operator or bool(row and row[0])

    async def _mail_for_admin(
        self,
        connection: Connection,
        workspace_id: int,
        account: AccountRecord,
        purpose: StoredPurpose,
        channel: LinkChannel,
        user_id: int,
    ) -> LinkHandover:
        await count_link_mail(connection, self.cipher, workspace_id, purpose, account.email)
        return await self._mail_to(connection, workspace_id, account, purpose, channel, user_id)

    async def _mail_to(
        self,
        connection: Connection,
        workspace_id: int,
        account: AccountRecord,
        purpose: StoredPurpose,
        channel: LinkChannel,
        user_id: int | None,
    ) -> LinkHandover:
        """Make a link and mail it. A reset by the installation's mail is about no membership: it opens all of them."""
        about = None if (purpose, channel) == ("reset", "mail") else user_id
        token = await create_link(connection, account.id, purpose, channel, user_id=about)
        texts = staff_texts(await read_account_language(connection, account.id))
        name = "password_reset"
        if purpose == "invite":
            name = "workspace_join" if account.is_trusted else "workspace_invitation"
        row = await (await connection.execute(WORKSPACE_NAME_SQL, (workspace_id,))).fetchone()
        subject, body = texts.mail(name, workspace=str(row[0]) if row else "")
        mail = mail_with_secret_link(
            await self.cipher.in_transaction(connection),
            workspace_id,
            account.email,
            subject,
            body,
            link_url(self.base_url, token),
            by_installation=channel == "mail",
        )
        await enqueue_deliveries(connection, [mail])
        return LinkHandover(None, is_mailed=True)


async def _any_workspace(connection: Connection) -> int:
    row = await (await connection.execute(ANY_WORKSPACE_SQL)).fetchone()
    return int(row[0]) if row and row[0] else 0
