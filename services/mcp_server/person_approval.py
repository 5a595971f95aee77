"""Asking the person at the client before a write, where the client can."""

from typing import Any

from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult
from pydantic import BaseModel, Field

from services.mcp_server.tool_calls import ToolCall, current_call
from services.mcp_server.untrusted_text import clean_text

QUESTION_VERBS = {
    "update_lead": "change a lead",
    "create_task": "create a task",
    "merge_leads": "merge two leads",
    "replay_or_release": "replay, release, reject or send again what failed or is held",
    "undo": "undo something",
}
QUESTION = "An agent wants to {verb} in LeadHub. Records: {count}. It asks for: {arguments}"
MAX_ARGUMENT_LENGTH = 200


class Approval(BaseModel):
    """The person's answer."""

    approve: bool = Field(description="Do it")


def can_ask_person(context: Context[Any, Any]) -> bool:
    """Return whether the client shows forms to its person. An empty declaration means forms, as the protocol says."""
    capabilities = context.client_capabilities
    asked = capabilities.elicitation if capabilities is not None else None
    return asked is not None and (asked.form is not None or asked.url is None)


def ask_person() -> Approval | Elicit[Approval]:
    """Return the question of a confirmed write; an approval where nothing changes yet or nobody can be asked."""
    call = current_call()
    if call.confirmed is None or not call.asks_person:
        return Approval(approve=True)
    return Elicit(question_text(call, call.confirmed.count), Approval)


def question_text(call: ToolCall, count: int) -> str:
    """Return the question. It is the same each time that it is asked of one call, as the protocol wants."""
    parts = [
        f"{name} = {clean_text(str(value), MAX_ARGUMENT_LENGTH)}"
        for name, value in call.arguments.items()
        if value is not None
    ]
    return QUESTION.format(verb=QUESTION_VERBS[call.name], count=count, arguments="; ".join(parts))


def is_approved(answer: ElicitationResult[Approval]) -> bool:
    """Return whether the person agreed, or did not have to be asked."""
    return isinstance(answer, AcceptedElicitation) and answer.data.approve
