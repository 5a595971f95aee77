"""Fetching leads in the test's own process: notices in, leads out, from APIs on this machine."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from psycopg.rows import dict_row
from pydantic import SecretStr

from services.workers.deliveries.http_client import SafeResolver
from services.workers.source_fetches.fetch_engine import FetchEngine
from services.workers.source_fetches.fetching_integrations import load_integrations
from services.workers.source_fetches.provider_client import ProviderClient
from shared.accounting.ledger import count_unaccounted, read_ledger
from shared.intake.journal import Lane, NewJournalRow, append_row
from shared.integrations import integration_management
from shared.integrations.integration_cache import ReceivingIntegration
from shared.integrations.source_event import SourceEvent
from shared.integrations.source_items import event_key, source_item
from shared.integrations.submission_body import submission_body
from shared.outbound.address_policy import AddressPolicy
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings
from tests.support.ingesting import drain, workspace_id
from tests.support.lead_apis import SECRET, TOKEN, LeadApis, meta_lead
from tests.support.waiting import until_async

CREDENTIALS = {
    "meta_lead_ads": {"app_secret": SECRET, "verify_token": "verify", "page_access_token": TOKEN},
    "linkedin": {"client_secret": SECRET, "access_token": TOKEN},
    "hubspot": {"client_secret": SECRET, "access_token": TOKEN},
}
RAW = {"raw": {"method": "POST", "headers": {}, "text": "the request", "size": 11}}


class Fetching:
    """A database with integrations whose leads are fetched from `apis`."""

    def __init__(self, url: str, connection: Connection, apis: LeadApis) -> None:
        self.url = url
        self.connection = connection
        self.apis = apis
        self.settings = Settings(
            database_url=url,
            secret_key=SecretStr("a key that only tests know"),
            meta_url=apis.url,
            linkedin_url=f"{apis.url}/",
            hubspot_url=apis.url,
        )
        self.cipher = Cipher.from_settings(self.settings)

    async def integrate(self, type_: str, **settings: Any) -> ReceivingIntegration:
        """An integration of that type."""
        workspace = await workspace_id(self.connection)
        fields = {"type": type_, "name": type_, "credentials": CREDENTIALS[type_], "settings": settings}
        async with self.connection.transaction():
            row = await integration_management.create_integration(self.connection, self.cipher, workspace, fields, {})
        return (await load_integrations(self.connection, self.cipher, [(workspace, row["id"])]))[workspace, row["id"]]

    async def notify(self, integration: ReceivingIntegration, *object_ids: str, document: Any = None) -> list[str]:
        """Accept the notices of leads as the gateway does. Return the ids of their submissions."""
        items = []
        for object_id in object_ids:
            event = SourceEvent(
                kind="fetch", event_id=_event_id(integration, object_id), object_id=object_id, document=document or {}
            )
            body = submission_body(integration.type, integration.settings, event, RAW)
            items.append(source_item(integration, event_key(str(event.event_id)), body))
        await append_row(self.connection, NewJournalRow.from_items(Lane.PROMPT, items, "nobody"))
        return [item.id for item in items]

    async def notify_meta(self, n: int, **settings: Any) -> tuple[ReceivingIntegration, list[str]]:
        """An integration of Meta's, and notices of so many leads that wait to be fetched."""
        self.apis.leads = numbered([meta_lead(number) for number in range(n)])
        integration = await self.integrate("meta_lead_ads", **settings)
        ids = await self.notify(integration, *self.apis.leads, document={"page_id": "1", "form_id": "7001"})
        await self.ingest()
        return integration, ids

    async def ingest(self) -> None:
        """Ingest all that waits in the journal."""
        await drain(self.url)

    @asynccontextmanager
    async def fetching(self) -> AsyncIterator[FetchEngine]:
        """An engine at work, with a worker that ingests what it fetched when that is looked for."""
        stopping = False
        resolver = SafeResolver(AddressPolicy())
        engine = FetchEngine(
            self.url,
            self.cipher,
            lambda: ProviderClient(self.settings, resolver),
            wake_ingest=lambda: None,
            stopping=lambda: stopping,
        )
        task = asyncio.create_task(engine.run())
        engine.wake()
        try:
            yield engine
        finally:
            stopping = True
            engine.wake()
            async with asyncio.timeout(60):
                await task

    async def fetch(self) -> None:
        """Fetch what is due, until nothing that is due is left, and ingest it."""
        async with self.fetching() as engine:

            async def is_over() -> bool:
                if await self.count(DUE_SQL):
                    engine.wake()
                    return False
                return engine.is_idle

            await until_async(is_over, what="an idle engine")
        await self.ingest()

    async def make_due(self) -> None:
        """What waits for a later attempt is due now."""
        await self.connection.execute("UPDATE source_fetches SET due_at = now()")
        await self.connection.execute("UPDATE jobs SET due_at = now()")

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        async with self.connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query.encode(), values)
            return await cursor.fetchall()

    async def count(self, query: str) -> int:
        [(n,)] = await (await self.connection.execute(query.encode())).fetchall()
        return int(n)

    async def emails(self) -> list[str]:
        """The emails of all leads."""
        return sorted(row["email"] for row in await self.rows("SELECT email FROM leads"))

    async def states(self) -> list[str]:
        """The states of all decided submissions."""
        return sorted(row["state"] for row in await self.rows("SELECT state FROM submissions"))

    async def last_error(self, integration: ReceivingIntegration) -> str | None:
        [row] = await self.rows("SELECT last_error FROM integrations WHERE id = %s", integration.id)
        return row["last_error"]  # type: ignore[no-any-return]

    async def ledger(self) -> dict[str, int]:
        """The ledger, which adds up."""
        found = await read_ledger(self.connection, None)
        assert count_unaccounted(found) == 0
        return {name: found[name] for name in ("accepted", "pending", "done", "dead")}

    async def payload(self, submission_id: str) -> Any:
        [row] = await self.rows("SELECT payload FROM submissions WHERE id = %s", submission_id)
        return orjson.loads(row["payload"])


DUE_SQL = """
SELECT (SELECT count(*) FROM source_fetches WHERE due_at <= now())
     + (SELECT count(*) FROM jobs WHERE kind = 'backfill' AND state IN ('queued', 'running') AND due_at <= now())
"""


def _event_id(integration: ReceivingIntegration, object_id: str) -> str:
    """The event ids of the types' own webhooks."""
    if integration.type == "linkedin":
        return f"{object_id}:CREATED"
    return f"event-of-{object_id}:1:2" if integration.type == "hubspot" else object_id


def numbered(values: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Leads by their ids."""
    return {str(value["id"]): value for value in values}
