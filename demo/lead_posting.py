"""Post leads as a source does: one by one, as a filled-in form, or as a batch."""

import uuid
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import orjson

from demo.api_client import ApiAnswer, ApiClient, RefusedRequest
from demo.demo_state import WORKSPACE_SLUG, DemoMemory
from demo.lead_sources import JSON_TYPE, LeadSource, PostedBody

LEAD_PATH = f"/api/inbound/leads?tenant={WORKSPACE_SLUG}"
BATCH_PATH = f"/api/inbound/leads/batch?tenant={WORKSPACE_SLUG}"
NO_WAIT_HEADER = {"Prefer": "respond-async"}
EXPECTED_REFUSALS = (400, 422)


class LeadPoster:
    """Posts leads under the keys of their sources. Each has an idempotency key, so that a retry makes no second one."""

    def __init__(self, client: ApiClient, memory: DemoMemory, form_id: int) -> None:
        self._client = client
        self._keys: Mapping[str, str] = memory.get("source_keys")
        self._form_id = form_id

    async def post_lead(self, source: LeadSource, body: PostedBody, key: str | None = None, waits: bool = True) -> None:
        """Post one lead. Raises RefusedRequest if it is refused, unless the source means that."""
        path = f"/api/v1/forms/{self._form_id}/submissions" if source.posts == "form" else LEAD_PATH
        prefer = {} if waits else NO_WAIT_HEADER
        headers = {"Content-Type": body.media_type, "Idempotency-Key": key or uuid.uuid4().hex, **prefer}
        answer = await self._client.request("POST", path, self._keys[source.name], body.content, headers)
        _check_answer(source, answer, may_fail=body.fails)

    async def post_batch(self, source: LeadSource, leads: Sequence[Mapping[str, Any]], key: str | None = None) -> None:
        """Post many leads in one request, and do not wait for verdicts."""
        headers = {"Content-Type": JSON_TYPE, "Idempotency-Key": key or uuid.uuid4().hex, **NO_WAIT_HEADER}
        answer = await self._client.request("POST", BATCH_PATH, self._keys[source.name], orjson.dumps(leads), headers)
        _check_answer(source, answer)

    async def post_encoded(self, source: LeadSource, random: Random, lead: Mapping[str, Any]) -> None:
        """Post one lead in the source's own encoding."""
        await self.post_lead(source, source.encode(random, lead), waits=source.waits)


def _check_answer(source: LeadSource, answer: ApiAnswer, *, may_fail: bool = False) -> None:
    if answer.status >= 400 and not (may_fail and answer.status in EXPECTED_REFUSALS):
        raise RefusedRequest(f"{source.name}: {answer.status} {answer.body.get('message')}")
