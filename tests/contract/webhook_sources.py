"""An integration of a test's own workspace: what its provider posts, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.contract.service import Answer, ask
from tests.contract.workspaces import Workspace
from tests.support.provider_signing import CREDENTIALS, SignedRequest, sign_request
from tests.support.waiting import until_async

# Of one snapshot: a lead that is fetched goes from the journal to the fetches, and back.
LEFT_SQL = """
SELECT (SELECT coalesce(sum(n), 0) FROM journal),
       (SELECT count(*) FROM source_fetches WHERE workspace_id = (SELECT id FROM workspaces WHERE slug = %s))
"""
OUTCOMES_SQL = """
SELECT integration_id, outcome, sum(n)::int FROM integration_counts
WHERE workspace_id = (SELECT id FROM workspaces WHERE slug = %s) GROUP BY 1, 2
"""


@dataclass(frozen=True)
class WebhookSource:
    """An integration, with a client that has no key, as providers are."""

    ours: Workspace
    provider: aiohttp.ClientSession
    record: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.record["type"])

    def sign(self, body: bytes, media_type: str, delivery: str = "delivery-1") -> SignedRequest:
        """The request as the provider sends it."""
        return sign_request(self.type, body, media_type, self.record["webhook_url"], delivery)

    async def send(self, sent: SignedRequest) -> Answer:
        """One request to the integration's address."""
        path = "/api/" + self.record["webhook_url"].partition("/api/")[2]
        return await ask(self.provider, "POST", f"{path}{sent.query}", data=sent.body, headers=sent.headers)

    async def post(self, body: bytes, media_type: str, delivery: str = "delivery-1") -> Answer:
        """One body, signed."""
        return await self.send(self.sign(body, media_type, delivery))

    async def submissions(self) -> list[dict[str, Any]]:
        """All its submissions, once nothing waits any more."""
        await until_ingested(self.ours)
        answer = await self.ours.ask("GET", f"/submissions?channel=integration:{self.record['id']}&per_page=100")
        found: list[dict[str, Any]] = answer.body["data"]
        return found

    async def lead(self, submission: Mapping[str, Any]) -> dict[str, Any] | None:
        """The lead of a submission."""
        return await self.ours.show(f"/leads/{submission['lead_id']}") if submission["lead_id"] else None


async def make_source(
    ours: Workspace, provider: aiohttp.ClientSession, type_: str, settings: Mapping[str, Any] | None = None
) -> WebhookSource:
    """A new integration, whose credentials let it verify whatever its type can verify."""
    body = {"type": type_, "name": type_, "credentials": CREDENTIALS[type_], "settings": dict(settings or {})}
    return WebhookSource(ours, provider, await ours.make("/integrations", body))


async def count_leads(ours: Workspace) -> int:
    """The leads of the workspace."""
    total: int = (await ours.ask("GET", "/leads?per_page=1")).body["meta"]["total"]
    return total


async def until_ingested(ours: Workspace, *, with_fetches: bool = True) -> None:
    """Wait until nothing that was accepted waits for a worker, or for a provider."""
    with ours.service.stack.database() as database:

        def is_over() -> bool:
            [(pending, waiting)] = database.execute(LEFT_SQL, (ours.slug,)).fetchall()
            return pending == 0 and (waiting == 0 or not with_fetches)

        await until_async(is_over, what="the end of what waits")


def read_outcomes(ours: Workspace) -> dict[int, dict[str, int]]:
    """The counts of what came to the integrations of the workspace, by integration and outcome."""
    found: dict[int, dict[str, int]] = {}
    with ours.service.stack.database() as database:
        for integration_id, outcome, n in database.execute(OUTCOMES_SQL, (ours.slug,)):
            found.setdefault(integration_id, {})[outcome] = n
    return found
