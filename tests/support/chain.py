"""Leads through one automation, from the post to the webhook: condition, tag, status, users in turn, webhook."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError, web

from tests.support.client import Client
from tests.support.people import People
from tests.support.receivers import Receiver, Request, receiving
from tests.support.stack import Stack

AT_ONCE = 20  # leads a request
SOURCE, TAG, STATUS = "website", "chained", "contacted"
SOURCES = (SOURCE, SOURCE, SOURCE, "facebook")

LEADS = """
SELECT s.id::text, l.id, l.source = %(source)s FROM submissions s JOIN leads l
ON l.workspace_id = s.workspace_id AND l.id = s.lead_id WHERE s.id = ANY(%(ids)s::uuid[])
"""
# What each lead came to: runs, tag, status and user, and the entries that the automation left.
ENDS = """
SELECT l.id, l.status, l.assigned_user_id,
       (SELECT count(*) FROM tags t WHERE t.id = ANY(l.tag_ids) AND t.name = %(tag)s),
       (SELECT count(*) FROM automation_runs r WHERE r.lead_id = l.id AND r.automation_id = %(id)s),
       (SELECT count(*) FROM automation_runs r WHERE r.lead_id = l.id AND r.automation_id = %(id)s AND state = 'done'),
       (SELECT count(*) FROM activities a WHERE a.lead_id = l.id AND a.data->'by'->>'kind' = 'automation')
FROM leads l WHERE l.id = ANY(%(leads)s)
"""


@dataclass
class Chain:
    """`accepted`: when each submission was acknowledged; `received`: each lead's webhooks, when and under which id."""

    stack: Stack
    receiver: Receiver
    client: Client
    random: random.Random
    users: list[int] = field(default_factory=list)
    automation_id: int = 0
    accepted: dict[str, float] = field(default_factory=dict)
    received: defaultdict[int, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    wrong_bodies: list[Any] = field(default_factory=list)

    async def prepare(self) -> None:
        """Save users and the automation, over the API."""
        self.receiver.answer = self._receive
        for number in range(3):
            user = {"name": f"User {number}", "email": f"user{number}@example.com", "role": "agent"}
            self.users.append((await self.client.make("users", user))["id"])
        steps = [
            {"condition": {"field": "source", "operator": "equals", "value": SOURCE}},
            {"action": {"type": "add_tag", "tag": TAG}},
            {"action": {"type": "set_status", "status": STATUS}},
            {"action": {"type": "assign_user", "round_robin": self.users}},
            {"action": {"type": "send_webhook", "url": f"{self.receiver.url}/chain"}},
        ]
        body = {"name": "chain", "trigger": {"type": "lead_created"}, "steps": steps}
        self.automation_id = (await self.client.make("automations", body))["id"]

    async def post(self, n: int, seconds: float) -> None:
        """Post so many new leads and some duplicates of them, spread over so long, each until it is acknowledged."""
        people = People(f"chain-{n}", self.random.randrange(10**9))
        leads = [people.lead(duplicates=0.1) | {"source": self.random.choice(SOURCES)} for _ in range(n)]
        async with asyncio.TaskGroup() as posting:
            for first in range(0, n, AT_ONCE):
                posting.create_task(self._post(leads[first : first + AT_ONCE], f"chain-{first}"))
                await asyncio.sleep(seconds * AT_ONCE / n)

    def findings(self) -> "Findings":
        """What came of it, once all is quiet."""
        with self.stack.database() as database:
            rows = database.execute(LEADS, {"source": SOURCE, "ids": list(self.accepted)}).fetchall()
            came: dict[int, float] = {}
            fitting = {lead_id for _, lead_id, fits in rows if fits}
            for submission_id, lead_id, _ in rows:
                came[lead_id] = min(came.get(lead_id, float("inf")), self.accepted[submission_id])
            asked = {"tag": TAG, "id": self.automation_id, "leads": list(came)}
            ends = database.execute(ENDS, asked).fetchall()
        return Findings(self, came, fitting, [tuple(row) for row in ends])

    async def _post(self, batch: list[dict[str, Any]], key: str) -> None:
        while True:
            try:
                answer = await self.client.post(batch, path="/batch", Prefer="respond-async", Idempotency_Key=key)
            except (ClientError, OSError):  # the gateway was killed: the same again, under the same key
                await asyncio.sleep(0.05)
                continue
            if answer.status == 200:
                break
            await asyncio.sleep(0.05)
        now = time.monotonic()
        for line in answer.body["data"]:
            self.accepted.setdefault(line["submission_id"], now)

    def _receive(self, request: Request) -> web.Response:
        body = request.body
        lead = body["lead"]
        seen = (lead["status"], TAG in lead["tags"], lead["assigned_user_id"] in self.users)
        if seen != (STATUS, True, True) or body["id"] != request.headers["webhook-id"]:
            self.wrong_bodies.append(body)
        self.received[lead["id"]].append((time.monotonic(), body["id"]))
        return web.Response()


@dataclass
class Findings:
    """`came`: leads with the time of their acceptance; `fitting`: those that the condition fits."""

    chain: Chain
    came: dict[int, float]
    fitting: set[int]
    ends: list[tuple[Any, ...]]

    @property
    def lags(self) -> list[float]:
        """Seconds from a lead's acceptance to its webhook, ascending."""
        received = self.chain.received
        return sorted(received[lead_id][0][0] - self.came[lead_id] for lead_id in self.fitting if lead_id in received)

    def __str__(self) -> str:
        lags, received = self.lags, self.chain.received.values()
        total = max(each[0][0] for each in received) - min(self.came.values())
        return (
            f"{len(self.came):,} leads, {len(lags):,} webhooks in {total:.1f} s ({len(lags) / total:.0f}/s), lag p50 "
            f"{lags[len(lags) // 2]:.2f} s, p99 {lags[len(lags) * 99 // 100]:.2f} s, most {lags[-1]:.2f} s, "
            f"sent again: {sum(len(each) - 1 for each in received)}"
        )

    def assert_exact(self) -> None:
        """AssertionError unless each lead has one run, and what fits is tagged, assigned in turn and told of."""
        users = self.chain.users
        assigned = Counter(row[2] for row in self.ends if row[0] in self.fitting)
        wrong = [row for row in self.ends if not self._is_right(*row)]
        assert not wrong, f"{len(wrong)} leads are not as the automation leaves them, such as {wrong[:3]}"
        assert len(self.ends) == len(self.came)
        assert set(assigned) <= set(users)
        assert max(assigned[user] for user in users) - min(assigned[user] for user in users) <= 1, assigned
        assert not self.chain.wrong_bodies
        assert set(self.chain.received) == self.fitting
        ids = [{id_ for _, id_ in each} for each in self.chain.received.values()]
        assert all(len(each) == 1 for each in ids)
        assert len(set.union(*ids)) == len(ids)

    def _is_right(self, id_: int, status: str, user: int | None, tags: int, runs: int, done: int, entries: int) -> bool:
        if (runs, done) != (1, 1):
            return False
        if id_ in self.fitting:
            return (status, user is not None, tags, entries) == (STATUS, True, 1, 1)
        return (status, user, tags, entries) == ("new", None, 0, 0)


@asynccontextmanager
async def chained(stack: Stack, seed: int) -> AsyncIterator[Chain]:
    """A receiver, and the automation that tells it."""
    client = Client(stack)
    async with receiving() as receiver:
        chain = Chain(stack, receiver, client, random.Random(seed))
        await chain.prepare()
        try:
            yield chain
        finally:
            await client.close()
