"""Deliveries in a test's own process: rows in, requests out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from psycopg.rows import dict_row
from pydantic import SecretStr

from services.workers.deliveries.http_client import AddressLookup, SafeResolver, system_lookup
from services.workers.deliveries.prepare import DeliveryPreparer
from services.workers.deliveries.sender import DeliverySender
from shared.outbound.address_policy import AddressPolicy
from shared.outbound.deliveries import enqueue_deliveries, webhook_to_subscription
from shared.outbound.webhook_events import WebhookEvent
from shared.platform.crypto.encryption import TransactionCipher
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings
from tests.support.waiting import until_async

END_SECONDS = 30.0
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SUBSCRIBE = """
INSERT INTO webhook_subscriptions (workspace_id, url, events, secret) VALUES (%s, %s, %s, %s) RETURNING id
"""
INTEGRATE = """
INSERT INTO integrations (workspace_id, type, name, credentials, token, token_digest)
VALUES (%s, %s, 'test', %s, 'x', decode(md5(random()::text), 'hex')) RETURNING id
"""
LEAD = "INSERT INTO leads (workspace_id, id, email, phone) VALUES (%s, nextval('lead_ids'), %s, %s) RETURNING id"


class Outbox:
    """A database and the ways to send from it. `settings` and `lookup` can be replaced before sending."""

    def __init__(self, url: str, connection: Connection, workspace_id: int) -> None:
        self.url = url
        self.connection = connection
        self.workspace_id = workspace_id
        self.settings = Settings(secret_key=SecretStr("a key that only tests know"), allowed_targets="127.0.0.0/8")
        self.cipher = TransactionCipher.from_settings(self.settings)
        self.lookup: AddressLookup = system_lookup

    async def one(self, query: str, *arguments: Any) -> Any:
        """The first value of the first row."""
        row = await (await self.connection.execute(query, arguments)).fetchone()
        assert row is not None
        return row[0]

    async def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        async with self.connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query, arguments)
            return await cursor.fetchall()

    async def subscribe(self, url: str) -> int:
        """A subscription to everything."""
        secret = self.cipher.encrypt(SECRET)
        return int(await self.one(SUBSCRIBE, self.workspace_id, url, ["lead.created"], secret))

    async def integrate(self, type_: str, **credentials: str) -> int:
        """An integration."""
        encrypted = self.cipher.encrypt(orjson.dumps(credentials).decode())
        return int(await self.one(INTEGRATE, self.workspace_id, type_, encrypted))

    async def lead(self, email: str | None = None, phone: str | None = None) -> int:
        """A lead."""
        return int(await self.one(LEAD, self.workspace_id, email, phone))

    async def user(self, email: str, role: str = "admin") -> int:
        """A user."""
        query = "INSERT INTO users (workspace_id, name, email, role) VALUES (%s, 'User', %s, %s) RETURNING id"
        return int(await self.one(query, self.workspace_id, email, role))

    async def happening(self, lead_id: int, number: int = 0) -> WebhookEvent:
        """Something that happened to a lead."""
        now = await self.one("SELECT now()")
        return WebhookEvent("lead.created", now, lead_id, {"id": lead_id, "first_name": "Ada"}, {"number": number})

    async def deliveries(self) -> list[dict[str, Any]]:
        return await self.rows("SELECT * FROM deliveries ORDER BY id")

    async def attempts(self) -> list[dict[str, Any]]:
        return await self.rows("SELECT * FROM delivery_attempts ORDER BY delivery_id, number")

    async def make_due(self) -> None:
        """All that waits for a later attempt is due now."""
        await self.connection.execute("UPDATE deliveries SET due_at = now() WHERE state = 'pending'")

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[DeliverySender]:
        """A sender at work; what is under way at the end is waited for."""
        stopping = False
        gate = SafeResolver(AddressPolicy.from_text(self.settings.allowed_targets), self.lookup)
        sender = DeliverySender(self.url, DeliveryPreparer(self.settings, self.cipher), gate, stopping=lambda: stopping)
        task = asyncio.create_task(sender.run())
        sender.wake()
        try:
            yield sender
        finally:
            stopping = True
            sender.wake()
            async with asyncio.timeout(END_SECONDS):
                await task

    async def send(self) -> None:
        """Send what is due, until nothing that is due has not been tried."""
        async with self.sending():
            await until_async(self._is_idle, what="an idle sender")

    async def send_after_the_lease(self) -> None:
        """Send when what others have in hand is taken from them."""
        await self.make_due()
        await self.send()

    async def _is_idle(self) -> bool:
        return not await self.one(
            "SELECT count(*) FROM deliveries WHERE state = 'pending' AND (sending_since IS NOT NULL OR due_at <= now())"
        )


async def tell(outbox: Outbox, subscription_id: int, *lead_ids: int) -> None:
    """Has something happen to each lead, of which a subscription is to be told."""
    news = [await outbox.happening(lead_id, number) for number, lead_id in enumerate(lead_ids)]
    await enqueue_deliveries(
        outbox.connection, [webhook_to_subscription(outbox.workspace_id, subscription_id, one) for one in news]
    )
