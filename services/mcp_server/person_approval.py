"""Asking the person at the client before a write, where the client can."""

from collections.abc import Mapping
from typing import Any

from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult
from pydantic import BaseModel, Field

from services.mcp_server.shown_values import shown_value
from services.mcp_server.tool_calls import current_call

QUESTION_VERBS = {
    "update_lead": "change a lead",
    "create_task": "create a task",
    "merge_leads": "merge two leads",
    "replay_or_release": "replay, release, reject or send again what failed or is held",
    "undo": "undo something",
}
QUESTION = "An agent wants to {verb} in LeadHub. Records: {count}.\n{values}"
MAX_QUESTION_LENGTH = 2_000
LONG_QUESTION_MESSAGE = (
    "This is too long to be shown to a person ({length} characters, at most {limit}): change fewer fields, name fewer "
    "ids, or shorten the texts. Nothing was changed."
)


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
    return Elicit(call.question or "", Approval)  # the server refuses a call whose question is not known


def question_text(tool: str, count: int, values: Mapping[str, Any]) -> str:
    """Return the question, with each value whole. Short ones come first: no long one pushes another out of sight."""
    lines = [f"{name} = {shown_value(value)}" for name, value in values.items()]
    return QUESTION.format(verb=QUESTION_VERBS[tool], count=count, values="\n".join(sorted(lines, key=len)))


def is_approved(answer: ElicitationResult[Approval]) -> bool:
    """Return whether the person agreed, or did not have to be asked."""
    return isinstance(answer, AcceptedElicitation) and answer.data.approve
