"""The SDK's own client in front of the MCP server, and what agents' tests ask of a workspace."""

import secrets
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from mcp import Client
from mcp_types import ElicitRequestFormParams, ElicitResult

from leadhub_client import LeadHub
from services.mcp_server.leadhub_api import LeadHubApi
from services.mcp_server.server_process import ServerOptions, make_server
from services.mcp_server.tool_calls import WritePolicy
from shared.operations.fingerprint import cause_of_text
from shared.platform.ids import now_ms, received_time, uuid7
from tests.support.stack import Stack
from tests.support.tenants import create_key, create_workspace

# As a worker marks submissions as dead.
BURY_SQL = """
WITH dead AS (
    INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, payload, attempts, error, cause_id)
    SELECT w.id, d.id, d.received_at, %(state)s, 'inbound', 'website', d.payload, 5, 'ValueError: no', %(cause)s
    FROM workspaces w,
         unnest(%(ids)s::uuid[], %(times)s::timestamptz[], %(payloads)s::bytea[]) d (id, received_at, payload)
    WHERE slug = %(slug)s RETURNING workspace_id
), counted AS (
    INSERT INTO ledger_deltas (workspace_id, state, n)
    SELECT workspace_id, unnest(ARRAY['accepted', %(state)s::text]), 1 FROM dead
)
INSERT INTO cause_deltas (workspace_id, cause_id, kind, fingerprint, error_type, place, title, n)
SELECT workspace_id, %(cause)s, 'submission', %(fingerprint)s, 'ValueError', %(place)s, 'no', count(*)
FROM dead GROUP BY 1
"""


@dataclass
class AgentSite:
    """A workspace of its own on a running LeadHub, with a key that may do everything."""

    stack: Stack
    slug: str
    key: str = ""

    @classmethod
    def make(cls, stack: Stack) -> "AgentSite":
        found = cls(stack, f"agents-{secrets.token_hex(4)}")
        create_workspace(stack.database_url, found.slug, "Agents")
        found.key = found.make_key("*")
        return found

    @property
    def url(self) -> str:
        return self.stack.base

    def make_key(self, scopes: str) -> str:
        """Another key of the workspace."""
        return create_key(self.stack.database_url, scopes, workspace=self.slug, name="agent")[0]

    def client(self) -> LeadHub:
        return LeadHub(self.url, self.key, tenant=self.slug)

    def make_leads(self, *leads: dict[str, Any]) -> list[int]:
        """Make leads and return their ids."""
        with self.client() as client:
            return [client.leads.create(cast("Any", {"first_name": "Ada", **lead}))["id"] for lead in leads]

    def lead(self, lead_id: int) -> dict[str, Any]:
        with self.client() as client:
            return dict(client.leads.get(lead_id))

    def bury(self, count: int, state: str = "dead") -> int:
        """Have so many submissions die of one cause, or be held, and return its id."""
        cause = cause_of_text("submission", "ValueError: no", place=uuid.uuid4().hex)
        ids = [uuid7(now_ms() - 1000 * number) for number in range(count)]
        values: dict[str, Any] = {"cause": cause.id, "fingerprint": cause.fingerprint, "place": cause.place, "ids": ids}
        times = [received_time(id_) for id_ in ids]  # a submission's row is found by the time in its id
        payloads = [b'{"email": "buried-%s@example.com"}' % id_.encode() for id_ in ids]
        with self.stack.database() as database:
            database.execute(
                BURY_SQL, {**values, "slug": self.slug, "state": state, "times": times, "payloads": payloads}
            )
        return cause.id

    def audit_entries(self) -> list[dict[str, Any]]:
        """The entries of agents' calls, newest first."""
        with self.client() as client:
            return [dict(one) for one in client.audit_log.list(action="agent.tool_called")]


@dataclass
class AskedPerson:
    """A person at the client, who gives one answer to all questions."""

    agrees: bool
    questions: list[str] = field(default_factory=list)

    async def answer(self, context: Any, params: Any) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        self.questions.append(params.message)
        return (
            ElicitResult(action="accept", content={"approve": True}) if self.agrees else ElicitResult(action="decline")
        )


@asynccontextmanager
async def agent_of(
    url: str,
    key: str,
    writes: WritePolicy = "off",
    *,
    budget: int = 200,
    person: AskedPerson | None = None,
    mode: str = "auto",
) -> AsyncIterator[Client]:
    """An agent's client with a server in this process."""
    async with LeadHubApi(url) as api:
        server = make_server(api, ServerOptions(url, writes, budget), key)
        async with Client(server, mode=mode, elicitation_callback=person.answer if person else None) as client:
            yield client


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answers; an AssertionError if it refuses."""
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, text_of(answer)
    assert answer.structured_content is not None
    return dict(answer.structured_content)


async def refusal_of(client: Client, tool: str, **arguments: Any) -> str:
    """What a tool says that refuses; an AssertionError if it does not."""
    answer = await client.call_tool(tool, arguments)
    assert answer.is_error, answer.structured_content
    return text_of(answer)


def text_of(answer: Any) -> str:
    return " ".join(part.text for part in answer.content)


def trusted_texts(value: Any) -> Iterator[str]:
    """All texts and names of an answer that do not stand under `untrusted`."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            if name != "untrusted":
                yield name
                yield from trusted_texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from trusted_texts(part)
