"""Two workspaces whose admins invite people, and the links that come of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from services.workers.deliveries.prepare import DeliveryPreparer
from services.workers.deliveries.targets import DeliveryTargets
from services.workers.deliveries.types import ClaimedDelivery, SkippedDelivery, SmtpMessage
from shared import workspaces
from shared.auth import account_links, user_management
from shared.auth.link_delivery import LinkSender
from shared.auth.roles import Role
from shared.auth.user_management import UserInvitation
from shared.platform.settings import Settings
from tests.support.accounts import PASSWORD, SETTINGS, Door, opened_door

BASE = "https://leads.example"
PREFIX = f"{BASE}/console/welcome/"
WITH_MAIL = Settings(
    secret_key=SecretStr("a key that only tests know"),
    smtp_url="smtp://127.0.0.1:25",
    mail_from="leadhub@example.com",
)
INTEGRATION = """
INSERT INTO integrations (workspace_id, type, name, credentials, token, token_digest)
VALUES (%s, 'smtp', 'test', 'x', 'x', decode(md5(random()::text), 'hex'))
"""
MAILS = "SELECT workspace_id, id, kind, target, payload FROM deliveries ORDER BY id"


class Team(Door):
    """Two workspaces, each with an admin who can sign in."""

    acme: int
    main: int

    async def invite(
        self, workspace_id: int, email: str, role: Role = "agent", settings: Settings = SETTINGS
    ) -> UserInvitation:
        links = LinkSender(settings, self.cipher, BASE)
        async with self.connection.transaction():
            return await user_management.invite_user(
                self.connection, links, workspace_id, email=email, name="Bob", role=role
            )

    async def follow(self, url: str | None, password: str = PASSWORD) -> int:
        """Set a password by a link."""
        assert url is not None
        token = url.removeprefix(PREFIX)
        async with self.connection.transaction():
            return await account_links.set_password_by_link(self.connection, self.passwords, token, password)

    async def mailed_url(self, settings: Settings = WITH_MAIL) -> tuple[str, SmtpMessage | SkippedDelivery]:
        """The link of the newest mail, and the mail as it is sent."""
        rows = await (await self.connection.execute(MAILS)).fetchall()
        workspace_id, id_, kind, target, payload = rows[-1]
        assert b"[link]" in payload
        moment = await self.value("SELECT now()")
        fields: dict[str, Any] = dict.fromkeys(ClaimedDelivery.__dataclass_fields__)
        fields |= {"workspace_id": workspace_id, "id": id_, "kind": kind, "target": target, "payload": payload}
        claimed = ClaimedDelivery(**fields | {"message_id": "msg_1", "claimed_at": moment})
        mail = DeliveryPreparer(settings, self.cipher).prepare(claimed, DeliveryTargets())
        assert isinstance(mail, SmtpMessage | SkippedDelivery)
        url = mail.message.get_content() if isinstance(mail, SmtpMessage) else ""
        return next((line for line in url.splitlines() if line.startswith(BASE)), ""), mail


@asynccontextmanager
async def opened_team(url: str) -> AsyncIterator[Team]:
    """The workspace `main` with its admin Ada, and `acme` with its admin Eve, on that database."""
    async with opened_door(url) as found:
        team = Team(found.url, found.connection, found.pool)
        team.acme = await workspaces.create_workspace(team.connection, "acme", "Acme")
        team.main = await team.value("SELECT id FROM workspaces WHERE slug = 'main'")
        await team.make_person("ada@example.com")
        await team.make_person("eve@example.com", slug="acme")
        yield team
