"""The server: it lists the tools that a key may use, notes each call in the audit log, and runs it."""

import logging
import re
from collections.abc import Mapping
from typing import Any

from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, InputRequiredResult, ToolAnnotations
from mcp_types import Tool as ListedTool
from pydantic import AnyHttpUrl

from services.mcp_server.callers import KeyVerifier, presented_key
from services.mcp_server.confirmation_tokens import ConfirmableCall, ConfirmedWrite, TokenRefused
from services.mcp_server.leadhub_api import KeyedApi, KeyProfile, LeadHubApi
from services.mcp_server.person_approval import can_ask_person
from services.mcp_server.tool_calls import TOOL_CALL, ToolCall, WriteDesk
from services.mcp_server.tool_catalogue import OFFERED_TOOLS, SERVER_INSTRUCTIONS, TOOLS_BY_NAME, OfferedTool
from shared import __version__

TOKEN_ARGUMENT = "confirm_token"  # noqa: S105  # the name of it
# They log each URL at INFO, and a URL has what is searched for.
CHATTY_LOGGERS = ("httpx", "httpx2", "httpcore", "httpcore2", "aiohttp.access", "mcp", "uvicorn")
UNKNOWN_TOOL_MESSAGE = "There is no tool of this name."
REFUSED_TOKEN_MESSAGE = "{why} Nothing was changed."  # noqa: S105
FORGOTTEN_QUESTION_MESSAGE = (
    "What the person is to be asked is not known any more. Nothing was changed: do the dry run again."
)
UNREADABLE_ANSWER_MESSAGE = "The client's answer does not say whether the person agrees. Nothing was changed."
SDK_ANSWER_ERROR = "Resolver '"  # begins what the SDK says of an answer without an approval
MAX_CLIENT_NAME = 60
_ODD_CHARACTERS = re.compile(r"[^A-Za-z0-9 ._/()-]+")


class AgentServer(MCPServer[Any]):
    """An MCP server in front of the API of a LeadHub.

    With a key of its own it acts by that one, otherwise by the key that each HTTP request brings.
    """

    def __init__(self, client: LeadHubApi, desk: WriteDesk, own_key: str | None, url: str) -> None:
        auth = AuthSettings(issuer_url=AnyHttpUrl(url), resource_server_url=None) if own_key is None else None
        super().__init__(
            "leadhub",
            title="LeadHub",
            version=__version__,
            instructions=SERVER_INSTRUCTIONS,
            log_level="WARNING",
            token_verifier=KeyVerifier(client) if own_key is None else None,
            auth=auth,
        )
        self._client, self._desk, self._own_key = client, desk, own_key
        for name in CHATTY_LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)
        for tool in OFFERED_TOOLS:
            self.add_tool(tool.function, title=tool.title, annotations=_hints_of(tool))

    async def list_tools(self) -> list[ListedTool]:
        """Return the tools that the caller's key may use here."""
        profile = await self._api().read_profile()
        return [
            listed
            for listed in await super().list_tools()
            if TOOLS_BY_NAME[listed.name].is_offered(profile, self._desk.policy)
        ]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool. The audit log has the call before anything is done. ToolError if it is refused."""
        tool = TOOLS_BY_NAME.get(name)
        if tool is None or context is None:
            raise ToolError(UNKNOWN_TOOL_MESSAGE)
        api = self._api()
        profile = await api.read_profile(name, _client_name(context))
        asks_person = can_ask_person(context)
        if refusal := tool.refusal(profile, self._desk.policy, asks_person=asks_person):
            raise ToolError(refusal)
        call = self._make_call(tool, arguments, api, profile, asks_person)
        mark = TOOL_CALL.set(call)
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if SDK_ANSWER_ERROR in str(error) and call.question is not None:
                raise ToolError(UNREADABLE_ANSWER_MESSAGE) from None
            raise
        finally:
            TOOL_CALL.reset(mark)

    def _api(self) -> KeyedApi:
        return self._client.with_key(presented_key(self._own_key))

    def _make_call(
        self, tool: OfferedTool, arguments: Mapping[str, Any], api: KeyedApi, profile: KeyProfile, asks_person: bool
    ) -> ToolCall:
        plain_arguments = {key: value for key, value in arguments.items() if key != TOKEN_ARGUMENT}
        token = arguments.get(TOKEN_ARGUMENT)
        confirmable = ConfirmableCall(tool.name, plain_arguments, api.caller)
        confirmed = self._read_token(token, confirmable) if tool.is_write and token is not None else None
        question = self._desk.questions.find(api.caller, token) if confirmed and asks_person else None
        if confirmed and asks_person and question is None:
            raise ToolError(FORGOTTEN_QUESTION_MESSAGE)
        return ToolCall(tool.name, plain_arguments, api, profile, self._desk, confirmed, asks_person, question)

    def _read_token(self, token: Any, call: ConfirmableCall) -> ConfirmedWrite:
        try:
            return self._desk.tokens.read(str(token), call)
        except TokenRefused as refusal:
            raise ToolError(REFUSED_TOKEN_MESSAGE.format(why=refusal)) from None


def _hints_of(tool: OfferedTool) -> ToolAnnotations:
    return ToolAnnotations(
        title=tool.title,
        read_only_hint=not tool.is_write,
        destructive_hint=tool.is_destructive,
        idempotent_hint=not tool.is_write,
        open_world_hint=False,
    )


def _client_name(context: Context[Any, Any]) -> str:
    """Return what the client calls itself: a claim, of which only harmless characters are kept."""
    params = context.session.client_params
    if params is not None:
        name = f"{params.client_info.name} {params.client_info.version}"
    else:
        name = (context.headers or {}).get("user-agent", "")
    return _ODD_CHARACTERS.sub("", name)[:MAX_CLIENT_NAME].strip()
