"""`leadhub mcp` as programs start it: over stdio with its own key, over HTTP with that of each caller."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from shared.platform.data_dir import free_port
from shared.platform.installation import PROJECT_ROOT
from tests.integrations.agent_clients import AgentSite, AskedPerson, call, refusal_of
from tests.support.stack import Stack
from tests.support.waiting import until_async

LAUNCHER = str(PROJECT_ROOT / "leadhub")
JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
LIST_TOOLS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


@pytest.fixture(scope="module")
def agent_site(shared_stack: Stack) -> AgentSite:
    return AgentSite.make(shared_stack)


def _environment(site: AgentSite, **more: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("LEADHUB_")}
    return {**own, "LEADHUB_ENV_FILE": os.devnull, "LEADHUB_URL": site.url, **more}


class HttpServer:
    """`leadhub mcp --http` in a process of its own."""

    def __init__(self, site: AgentSite, folder: Path) -> None:
        self.port = free_port("127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self.log = folder / "mcp.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [LAUNCHER, "mcp", "--http", "--port", str(self.port), "--writes", "on"],
                cwd=folder,
                env=_environment(site),
                stdout=log,
                stderr=log,
            )

    def client(self, key: str, person: AskedPerson | None = None) -> Client:
        transport = streamable_http_client(
            self.url, http_client=httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"})
        )
        return Client(transport, elicitation_callback=person.answer if person else None)

    async def post(self, **headers: str) -> aiohttp.ClientResponse:
        async with aiohttp.ClientSession() as session:
            answer = await session.post(self.url, json=LIST_TOOLS, headers={**JSON_HEADERS, **headers})
            await answer.read()
            return answer


@pytest.fixture(scope="module")
def http_server(agent_site: AgentSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    server = HttpServer(agent_site, tmp_path_factory.mktemp("mcp"))
    yield server
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(30)


async def _until_up(server: HttpServer) -> None:
    async def answers() -> bool:
        try:
            return (await server.post()).status == 401
        except aiohttp.ClientError:
            return False

    await until_async(answers, what="the server")


async def test_over_stdio_it_acts_by_its_own_key(agent_site: AgentSite) -> None:
    agent_site.make_leads({"email": "stdio@example.com"})
    environment = _environment(agent_site, LEADHUB_KEY=agent_site.make_key("read:leads"))
    server = StdioServerParameters(command=LAUNCHER, args=["mcp"], env=environment, cwd=tempfile.gettempdir())
    async with Client(server) as client:
        assert len((await client.list_tools()).tools) == 5
        assert (await call(client, "find_leads", email="stdio@example.com"))["total"] == 1
        assert "scopes" in await refusal_of(client, "health")


async def test_over_http_each_caller_acts_by_its_own_key(agent_site: AgentSite, http_server: HttpServer) -> None:
    await _until_up(http_server)
    (lead_id,) = agent_site.make_leads({"email": "http@example.com"})
    async with http_server.client(agent_site.make_key("read:leads")) as reader:
        assert {tool.name for tool in (await reader.list_tools()).tools} >= {"find_leads"}
        assert (await call(reader, "find_leads", email="http@example.com"))["leads"][0]["id"] == lead_id
        assert "scopes" in await refusal_of(reader, "update_lead", lead_id=lead_id, changes={"starred": True})
    person = AskedPerson(agrees=True)
    wanted: dict[str, Any] = {"lead_id": lead_id, "changes": {"starred": True}}
    async with http_server.client(agent_site.key, person) as writer:
        token = (await call(writer, "update_lead", **wanted))["confirm_token"]
        async with http_server.client(agent_site.make_key("*")) as other:
            assert "another call" in await refusal_of(other, "update_lead", **wanted, confirm_token=token)
        assert (await call(writer, "update_lead", **wanted, confirm_token=token))["done"] is True
    assert (len(person.questions), agent_site.lead(lead_id)["starred"]) == (1, True)
    log = http_server.log.read_text()
    assert "@example.com" not in log
    assert "lh_" not in log


async def test_without_a_good_key_it_is_401(http_server: HttpServer) -> None:
    await _until_up(http_server)
    for headers in (
        {},
        {"Authorization": "Bearer lh_wrong"},
        {"Authorization": "Basic eDp5"},
        {"Authorization": "Bearer "},
    ):
        answer = await http_server.post(**headers)
        assert (answer.status, answer.headers["WWW-Authenticate"][:6]) == (401, "Bearer")


async def test_pages_of_other_sites_cannot_reach_it(agent_site: AgentSite, http_server: HttpServer) -> None:
    await _until_up(http_server)
    key = {"Authorization": f"Bearer {agent_site.key}"}
    assert (await http_server.post(**key, Origin="https://evil.example")).status == 403
    assert (await http_server.post(**key, Origin=f"http://127.0.0.1:{http_server.port + 1}")).status == 403
    assert (await http_server.post(**key, Host="evil.example")).status == 421
    assert (await http_server.post(**key, Origin=f"http://127.0.0.1:{http_server.port}")).status == 200


def test_mistakes_of_the_command_are_told(agent_site: AgentSite, tmp_path: Path) -> None:
    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [LAUNCHER, "mcp", *words],
            cwd=tmp_path,
            env=_environment(agent_site, **environment),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )

    without = run()
    assert (without.returncode, "LEADHUB_KEY" in without.stderr) == (2, True)
    help_text = run("--help").stdout
    assert "docs/agents.md" in help_text
    assert "LEADHUB_KEY" in help_text
