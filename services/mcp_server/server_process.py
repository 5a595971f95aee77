"""Running the server: over stdio for the program that started it, or over HTTP for programs on this machine."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings

from services.mcp_server.agent_server import AgentServer
from services.mcp_server.confirmation_tokens import ConfirmationTokens
from services.mcp_server.leadhub_api import LeadHubApi
from services.mcp_server.tool_calls import WriteDesk, WritePolicy
from services.mcp_server.write_budget import WriteBudget

LOOPBACK = "127.0.0.1"
LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")
MAX_BODY_BYTES = 1_000_000
STOP_SECONDS = 5


@dataclass(frozen=True)
class ServerOptions:
    """Where LeadHub is, and what agents may do."""

    url: str
    policy: WritePolicy = "off"
    write_budget: int = 200
    allowed_hosts: Sequence[str] = field(default=())
    allowed_origins: Sequence[str] = field(default=())


def make_server(client: LeadHubApi, options: ServerOptions, own_key: str | None) -> AgentServer:
    """Return a server; without a key of its own it needs one with each HTTP request."""
    desk = WriteDesk(options.policy, WriteBudget(options.write_budget), ConfirmationTokens())
    return AgentServer(client, desk, own_key, options.url)


def serve_stdio(options: ServerOptions, key: str) -> None:
    """Serve the program at stdin and stdout until it closes them."""
    asyncio.run(_serve_stdio(options, key))


def serve_http(options: ServerOptions, port: int) -> None:
    """Serve HTTP on the loopback address until the process is asked to stop."""
    asyncio.run(_serve_http(options, port))


async def _serve_stdio(options: ServerOptions, key: str) -> None:
    async with LeadHubApi(options.url) as client:
        await make_server(client, options, key).run_stdio_async()


async def _serve_http(options: ServerOptions, port: int) -> None:
    async with LeadHubApi(options.url) as client:
        app = make_server(client, options, None).streamable_http_app(
            json_response=True,
            # No session is kept: nothing piles up, and no caller can take over the session of another.
            stateless_http=True,
            max_request_body_size=MAX_BODY_BYTES,
            transport_security=_security_of(options, port),
        )
        config = uvicorn.Config(
            app,
            host=LOOPBACK,
            port=port,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        await uvicorn.Server(config).serve()


def _security_of(options: ServerOptions, port: int) -> TransportSecuritySettings:
    """Return which hosts and origins are served: those of this machine, so that no web page reaches it by a name of its
    own, and those that the operator allows."""
    local = [f"{name}:{port}" for name in LOCAL_NAMES]
    return TransportSecuritySettings(
        allowed_hosts=[*local, *options.allowed_hosts],
        allowed_origins=[*(f"http://{name}" for name in local), *options.allowed_origins],
    )
