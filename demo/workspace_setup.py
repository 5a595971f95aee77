"""Set the demo's workspace up through the API. Records that are there already are left alone."""

from collections.abc import Iterable
from typing import Any

from demo import sample_records
from demo.api_client import ApiClient
from demo.demo_state import DemoMemory, DemoPlan
from demo.lead_sources import LEAD_SOURCES

SOURCE_SCOPES = ["submit:leads"]
LIST_LENGTH = 100  # records of one kind that the demo may have


class WorkspaceSetup:
    """Creates records once: before it creates one it looks for its name."""

    def __init__(self, client: ApiClient, memory: DemoMemory, plan: DemoPlan) -> None:
        self._client = client
        self._memory = memory
        self._plan = plan
        self._key = str(memory.get("admin_key"))
        self.ids: dict[str, int] = {}  # of users, forms, integrations and stages, by name

    async def create_basics(self) -> None:
        """Create what leads refer to: keys of sources, users, pipelines, tags, forms and scoring rules."""
        for source in LEAD_SOURCES:
            await self._ensure_key(source.name)
        users = [
            {"name": name, "email": f"{address}@nordlys.example.com", "role": role, "is_active": is_active}
            for name, address, role, is_active in sample_records.USERS
        ]
        await self._ensure("users", users)
        await self._ensure("pipelines", sample_records.PIPELINES)
        tags = [{"name": name, "color": color} for name, color in sample_records.TAGS.items()]
        await self._ensure("tags", tags)
        await self._ensure("forms", sample_records.FORMS)
        await self._ensure("lead-scoring-rules", sample_records.SCORING_RULES, by="field")
        await self._learn_stages()

    async def create_reactions(self) -> None:
        """Create what acts on leads: integrations, subscriptions and automations."""
        url = self._plan.receiver_url
        await self._ensure("integrations", sample_records.integrations(url))
        await self._ensure("webhooks", sample_records.webhooks(url), by="url")
        await self._ensure("automations", sample_records.automations(url, self.ids))

    async def _ensure_key(self, name: str) -> None:
        keys = dict(self._memory.get("source_keys", {}))
        if name in keys:
            return
        body = {"name": name, "scopes": SOURCE_SCOPES, "rate_limit": None}
        made = await self._client.call("POST", "/api/v1/api-keys", self._key, body)
        self._memory.keep("source_keys", {**keys, name: made["data"]["key"]})

    async def _ensure(self, kind: str, records: Iterable[dict[str, Any]], by: str = "name") -> None:
        found = await self._client.call("GET", f"/api/v1/{kind}?per_page={LIST_LENGTH}", self._key)
        ids = {one[by]: one["id"] for one in found["data"]}
        for record in records:
            if record[by] not in ids:
                made = await self._client.call("POST", f"/api/v1/{kind}", self._key, record)
                ids[record[by]] = made["data"]["id"]
        self.ids |= ids

    async def _learn_stages(self) -> None:
        found = await self._client.call("GET", f"/api/v1/pipelines?per_page={LIST_LENGTH}", self._key)
        for pipeline in found["data"]:
            self.ids |= {f"stage:{stage['name']}": stage["id"] for stage in pipeline["stages"]}
