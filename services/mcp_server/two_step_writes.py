"""Writes in two steps: the first call shows what would change and answers a token, the second one changes it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from mcp.server.mcpserver import ElicitationResult, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from services.mcp_server.confirmation_tokens import VALID_SECONDS, TokenRefused, digest_value
from services.mcp_server.leadhub_api import ApiRefused
from services.mcp_server.person_approval import (
    LONG_QUESTION_MESSAGE,
    MAX_QUESTION_LENGTH,
    Approval,
    ask_person,
    is_approved,
    question_text,
)
from services.mcp_server.tool_calls import current_call
from services.mcp_server.write_budget import BudgetSpent

ConfirmToken = Annotated[
    str | None,
    Field(
        max_length=2_000,
        description="Leave it out at first: the answer shows what would change and has a token. Send that with exactly "
        "the same arguments to do it. Only after the person that you work for has agreed.",
    ),
]
AskedPerson = Annotated[ElicitationResult[Approval], Resolve(ask_person)]

MOVED_MESSAGE = (
    "What this would change is not what the dry run has shown any more ({before} record(s) then, {now} now). Nothing "
    "was changed: do the dry run again."
)
DECLINED_MESSAGE = "The person declined. Nothing was changed. Do not try again unless they ask for it."
NOTHING_MESSAGE = "Nothing matches: there is nothing to do."
NEXT_STEP = (
    "Nothing was changed. Show this to the person that you work for. If they agree, call {tool} again with exactly "
    "these arguments and confirm_token."
)


@dataclass(frozen=True)
class WritePlan:
    """What a write would do: to how many records, what it shows, what undoes it, and how it is done.

    `values` is what the person is asked about, whole. The token is bound to it, to the number and to `bound`: if one of
    them is another by then, nothing is done.
    """

    count: int
    shown: Mapping[str, Any]
    bound: Any
    undo: str
    values: Mapping[str, Any]
    send: Callable[[], Awaitable[dict[str, Any]]]
    as_of: str | None = None

    def effect(self) -> str:
        """Return the digest that a token has of it."""
        return digest_value([self.count, self.bound, self.values])


async def carry_out(plan: WritePlan, approval: ElicitationResult[Approval]) -> dict[str, Any]:
    """Answer the dry run of a plan; if the call confirms it and the person agrees, do it. ToolError if refused."""
    call = current_call()
    try:
        if call.confirmed is None:
            return _dry_run(plan)
        if call.confirmed.effect != plan.effect():
            raise ToolError(MOVED_MESSAGE.format(before=call.confirmed.count, now=plan.count))
        call.desk.tokens.spend(call.confirmed)
        if not is_approved(approval):
            return {"done": False, "why": DECLINED_MESSAGE}
        call.desk.budget.spend(call.profile.workspace_id, plan.count)
    except (TokenRefused, BudgetSpent) as refusal:
        raise ToolError(str(refusal)) from None
    answer = await _send(plan)
    left = call.desk.budget.left(call.profile.workspace_id)
    return {"done": True, "count": plan.count, "undo": plan.undo, **answer, "write_budget_left": left}


async def _send(plan: WritePlan) -> dict[str, Any]:
    """Do it. What was refused has changed nothing, and takes nothing out of the budget."""
    call = current_call()
    try:
        return await plan.send()
    except ApiRefused as refusal:
        if refusal.status is not None and 400 <= refusal.status < 500:
            call.desk.budget.give_back(call.profile.workspace_id, plan.count)
        raise


def _dry_run(plan: WritePlan) -> dict[str, Any]:
    call = current_call()
    if not plan.count:
        return {"dry_run": True, "count": 0, "next": NOTHING_MESSAGE, **plan.shown}
    call.desk.budget.check(call.profile.workspace_id, plan.count)
    question = question_text(call.name, plan.count, plan.values)
    if call.asks_person and len(question) > MAX_QUESTION_LENGTH:
        raise ToolError(LONG_QUESTION_MESSAGE.format(length=len(question), limit=MAX_QUESTION_LENGTH))
    token = call.desk.tokens.issue(call.confirmable, plan.count, plan.effect(), plan.as_of)
    if len(question) <= MAX_QUESTION_LENGTH:
        call.desk.questions.keep(call.api.caller, token, question)
    return {
        "dry_run": True,
        "count": plan.count,
        **plan.shown,
        "undo": plan.undo,
        "confirm_token": token,
        "valid_for_seconds": VALID_SECONDS,
        "next": NEXT_STEP.format(tool=call.name),
    }
