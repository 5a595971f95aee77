"""The asynchronous client."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, cast

import httpx

from ._async_resources import (
    AsyncApiKeysGroup,
    AsyncAuditLogGroup,
    AsyncAutomationsGroup,
    AsyncDeliveriesGroup,
    AsyncDuplicatesGroup,
    AsyncFilesGroup,
    AsyncFormsGroup,
    AsyncIdentitiesGroup,
    AsyncImportsGroup,
    AsyncIntegrationsGroup,
    AsyncJobsGroup,
    AsyncLeadsGroup,
    AsyncOperationsGroup,
    AsyncPipelinesGroup,
    AsyncRetentionGroup,
    AsyncScoringRulesGroup,
    AsyncSourcesGroup,
    AsyncSpamRulesGroup,
    AsyncSubmissionsGroup,
    AsyncSuppressionsGroup,
    AsyncTagsGroup,
    AsyncTasksGroup,
    AsyncUsersGroup,
    AsyncWebhooksGroup,
    AsyncWorkspaceGroup,
)
from ._async_transport import AsyncEventFeed, AsyncTransport
from ._calls import (
    DEFAULT_TIMEOUT,
    IDEMPOTENCY_HEADER,
    Answer,
    Call,
    RetryPolicy,
    checked_base_url,
    checked_headers,
    wait_header,
)
from ._models import (
    BatchResult,
    DryRunResult,
    Health,
    Import,
    InboundLead,
    InboundResult,
    Me,
)

BATCH_SIZE = 1000  # leads that one request may hold


class AsyncLeadHub:
    """A client of one LeadHub, with one key. Close it, or use it as a context manager.

    Without `tenant` the key is asked once for the slug of its workspace. `client` replaces the httpx client, for
    proxies and certificates of one's own; `sleep` is what the pauses between attempts are made of.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        tenant: str | None = None,
        timeout: httpx.Timeout | float = DEFAULT_TIMEOUT,
        policy: RetryPolicy | None = None,
        client: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        inner = client or httpx.AsyncClient(timeout=timeout)
        inner.base_url = checked_base_url(base_url)
        inner.headers.update(checked_headers(api_key))
        self._tenant = tenant
        transport = self._transport = AsyncTransport(inner, policy or RetryPolicy(), sleep)
        self.api_keys = AsyncApiKeysGroup(transport)
        self.audit_log = AsyncAuditLogGroup(transport)
        self.automations = AsyncAutomationsGroup(transport)
        self.deliveries = AsyncDeliveriesGroup(transport)
        self.duplicates = AsyncDuplicatesGroup(transport)
        self.files = AsyncFilesGroup(transport)
        self.forms = AsyncFormsGroup(transport)
        self.identities = AsyncIdentitiesGroup(transport)
        self.imports = AsyncImportsGroup(transport)
        self.integrations = AsyncIntegrationsGroup(transport)
        self.jobs = AsyncJobsGroup(transport)
        self.leads = AsyncLeadsGroup(transport)
        self.operations = AsyncOperationsGroup(transport)
        self.pipelines = AsyncPipelinesGroup(transport)
        self.retention = AsyncRetentionGroup(transport)
        self.scoring_rules = AsyncScoringRulesGroup(transport)
        self.sources = AsyncSourcesGroup(transport)
        self.spam_rules = AsyncSpamRulesGroup(transport)
        self.submissions = AsyncSubmissionsGroup(transport)
        self.suppressions = AsyncSuppressionsGroup(transport)
        self.tags = AsyncTagsGroup(transport)
        self.tasks = AsyncTasksGroup(transport)
        self.users = AsyncUsersGroup(transport)
        self.webhooks = AsyncWebhooksGroup(transport)
        self.workspace = AsyncWorkspaceGroup(transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def submit_lead(
        self, lead: InboundLead, *, idempotency_key: str | None = None, wait: int | None = None
    ) -> InboundResult:
        """Send a lead, once, however often it has to be sent: a person who is known already is not doubled.

        `wait` is for how many seconds (1 to 30) the answer waits for the lead's id. With 0, or when the time is up, its
        `lead_id` is None: `submissions.get` has it later. Give an `idempotency_key` of your own, such as an order's
        number, where your program may be started again and send the lead once more.
        """
        headers = {IDEMPOTENCY_HEADER: idempotency_key or str(uuid.uuid4()), **wait_header(wait)}
        call = Call("POST", "/api/inbound/leads", {"tenant": await self.tenant()}, lead, headers=headers)
        return cast("InboundResult", (await self._transport.send(call)).data)

    async def try_lead(self, lead: InboundLead) -> DryRunResult:
        """Return what would become of a lead. Nothing is stored."""
        query = {"tenant": await self.tenant(), "dry_run": "1"}
        call = Call("POST", "/api/inbound/leads", query, lead)
        return cast("DryRunResult", (await self._transport.send(call)).data)

    async def submit_leads(
        self, leads: Iterable[InboundLead], *, idempotency_key: str | None = None, wait: int | None = None
    ) -> list[BatchResult]:
        """Send any number of leads, a thousand a request, and return what became of each, in order. A bad one fails
        alone: its `status` is `invalid`, and `errors` says why."""
        every, key = list(leads), idempotency_key or str(uuid.uuid4())
        results: list[BatchResult] = []
        for start in range(0, len(every), BATCH_SIZE):
            headers = {IDEMPOTENCY_HEADER: f"{key}-{start}" if start else key, **wait_header(wait)}
            batch = every[start : start + BATCH_SIZE]
            call = Call("POST", "/api/inbound/leads/batch", {"tenant": await self.tenant()}, batch, headers=headers)
            for result in (await self._transport.send(call)).data["data"]:
                result["index"] += start
                results.append(result)
        return results

    async def submit_form(
        self,
        form_id: int,
        values: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        wait: int | None = None,
    ) -> InboundResult:
        """Fill in a form, by the keys of its fields. The answer is that of `submit_lead`."""
        headers = {IDEMPOTENCY_HEADER: idempotency_key or str(uuid.uuid4()), **wait_header(wait)}
        call = Call("POST", f"/api/v1/forms/{form_id}/submissions", {}, dict(values), headers=headers)
        return cast("InboundResult", (await self._transport.send(call)).data)

    async def import_leads(
        self, file_name: str, content: bytes, options: Mapping[str, Any] | None = None, *, dry_run: bool = False
    ) -> Import:
        """Send a CSV or Excel file of leads. The import runs on: `imports.get` tells how far it is.

        `options` are those of the API: `mapping`, `merge_policy`, `source`, `tags`, `run_automations`.
        """
        files = {"file": (file_name, content), "options": (None, json.dumps(dict(options or {})))}
        query = {"dry_run": "1"} if dry_run else {}
        answer = await self._transport.send(Call("POST", "/api/v1/leads/import", query, files=files))
        return cast("Import", answer.data["data"])

    def events(
        self,
        after: str | None = None,
        *,
        types: str | None = None,
        wait: int | None = None,
        limit: int | None = None,
    ) -> AsyncEventFeed:
        """Return the workspace's events, oldest first, to iterate over. They are recorded from the first request on.

        `after` is the `cursor` of the last time, or `now`; without it the oldest event that is kept comes first.
        `types` are names with commas between. `wait` is for how many seconds (1 to 25) an answer waits for an event:
        then the iterator never ends. `limit` is how many one answer has, at most and by default 100.
        """
        return AsyncEventFeed(self._transport, {"after": after, "types": types, "wait": wait, "limit": limit})

    async def me(self) -> Me:
        """Return the key's name, scopes, limit and workspace."""
        return cast("Me", (await self._transport.send(Call("GET", "/api/v1/me"))).data["data"])

    async def health(self) -> Health:
        """Return whether leads are taken. Raises ServiceUnavailable where they are not."""
        return cast("Health", (await self._transport.send(Call("GET", "/api/v1/health"))).data)

    async def tenant(self) -> str:
        """Return the slug of the key's workspace."""
        if self._tenant is None:
            self._tenant = (await self.me())["workspace"]["slug"]
        return self._tenant

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Send any request of the API, for what has no method yet, or to see headers and `meta`."""
        headers = {IDEMPOTENCY_HEADER: idempotency_key} if idempotency_key else {}
        call = Call(method.upper(), path, query or {}, body, headers=headers, kind="any")
        return await self._transport.send(call)
