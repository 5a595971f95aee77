"""`mcp`: let an agent read and, if you allow it, change a workspace, by the Model Context Protocol."""

import importlib.util
from typing import Literal

import click

from cli.remote_api import key_option, sendable_key, url_option

DEFAULT_PORT = 8765
DEFAULT_BUDGET = 200
SDK_NAME = "mcp"
MISSING_SDK_MESSAGE = (
    "`mcp` needs the packages of requirements-mcp.lock. Install them: python3 -m pip --python .venv/bin/python install "
    "-r requirements-mcp.lock (or: uv pip install --python .venv/bin/python -r requirements-mcp.lock; of the wheel: "
    "leadhub[mcp])."
)
MISSING_KEY_MESSAGE = "set LEADHUB_KEY to an API key: over stdio the server acts by it"
UNUSED_KEY_MESSAGE = "LEADHUB_KEY is not used: over HTTP each caller sends a key of its own"


@click.command()
@click.option("--http", "is_http", is_flag=True, help="Serve HTTP on this machine. Without it: stdin and stdout.")
@click.option("--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True, help="Of HTTP.")
@click.option(
    "--writes",
    type=click.Choice(["off", "asked", "on"]),
    envvar="LEADHUB_MCP_WRITES",
    default="off",
    show_default=True,
    help="Whether agents may change anything: `asked` only where the client can ask its person.",
)
@click.option(
    "--write-budget",
    type=click.IntRange(0, 1_000_000),
    envvar="LEADHUB_MCP_WRITE_BUDGET",
    default=DEFAULT_BUDGET,
    show_default=True,
    help="How many records agents may change in an hour in a workspace, by this process of the server: start one.",
)
@click.option("--allowed-host", "hosts", multiple=True, help="Another Host that HTTP is asked by, as behind a proxy.")
@click.option("--allowed-origin", "origins", multiple=True, help="Another Origin whose pages may ask.")
@url_option
@key_option(is_required=False)
def mcp(
    is_http: bool,
    port: int,
    writes: Literal["off", "asked", "on"],
    write_budget: int,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    url: str,
    key: str | None,
) -> None:
    """Give an agent tools: to read, and to change what you allow.

    It speaks the Model Context Protocol. Programs such as Claude Desktop, Claude Code and Cursor start it themselves:
    docs/agents.md has the lines for their settings. It needs no database, only LEADHUB_URL and LEADHUB_KEY.

    An agent sees the tools that the scopes of the key allow. It only reads, unless you start it with --writes and the
    key has write scopes. Even then a change takes two calls: the first one shows what would change, the second one
    confirms exactly that. Each call stands in the audit log.

    With --http it listens on 127.0.0.1, at /mcp. Each caller sends an API key as a Bearer token and acts by that.

    \b
    Examples:
      LEADHUB_URL=https://crm.example.com LEADHUB_KEY=lh_… leadhub mcp
      leadhub mcp --writes asked --write-budget 50
      leadhub mcp --http --port 8765
    """
    if importlib.util.find_spec(SDK_NAME) is None:
        raise RuntimeError(MISSING_SDK_MESSAGE)
    from services.mcp_server.server_process import ServerOptions, serve_http, serve_stdio  # imported late: an extra

    options = ServerOptions(url, writes, write_budget, hosts, origins)
    if is_http:
        if key:
            click.echo(UNUSED_KEY_MESSAGE, err=True)
        click.echo(f"serving MCP at http://127.0.0.1:{port}/mcp for {url}; Ctrl-C stops it", err=True)
        serve_http(options, port)
    elif key:
        serve_stdio(options, sendable_key(key))
    else:
        raise click.UsageError(MISSING_KEY_MESSAGE)
