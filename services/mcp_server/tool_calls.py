"""The call of a tool that is under way: whose it is, by what API it acts, and what it may write."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

from services.mcp_server.confirmation_tokens import ConfirmableCall, ConfirmationTokens, ConfirmedWrite
from services.mcp_server.leadhub_api import KeyedApi, KeyProfile
from services.mcp_server.value_memory import LeadUndo, ValueMemory
from services.mcp_server.write_budget import WriteBudget

# Whether agents may write: never; only where the client can ask the person; or by a confirmed dry run alone, too.
WritePolicy = Literal["off", "asked", "on"]


@dataclass(frozen=True)
class WriteDesk:
    """What all writes of a server go by."""

    policy: WritePolicy
    budget: WriteBudget
    tokens: ConfirmationTokens
    # By the token of a dry run, the question for the person. By its number, what undoes a change of a lead.
    questions: ValueMemory[str] = field(default_factory=lambda: ValueMemory(100, 5_000))
    undos: ValueMemory[LeadUndo] = field(default_factory=lambda: ValueMemory(100, 2_000))


@dataclass(frozen=True)
class ToolCall:
    """A call. `confirmed` is what its confirm_token says; `asks_person`: the client can ask the person `question`."""

    name: str
    arguments: Mapping[str, Any]  # as they were sent, without the confirm_token
    api: KeyedApi
    profile: KeyProfile
    desk: WriteDesk
    confirmed: ConfirmedWrite | None
    asks_person: bool
    question: str | None = None

    @property
    def confirmable(self) -> ConfirmableCall:
        """What a token of this call is bound to."""
        return ConfirmableCall(self.name, self.arguments, self.api.caller)


TOOL_CALL: ContextVar[ToolCall] = ContextVar("tool_call")


def current_call() -> ToolCall:
    """Return the call that is under way here."""
    return TOOL_CALL.get()
