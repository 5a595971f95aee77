"""What bounds the writes of agents: tokens for one call, once; a budget; and entries of the audit log."""

from collections.abc import Callable

import pytest
from mcp.server.mcpserver.exceptions import ToolError

from services.mcp_server.confirmation_tokens import (
    VALID_SECONDS,
    ConfirmableCall,
    ConfirmationTokens,
    TokenRefused,
    digest_value,
)
from services.mcp_server.person_approval import question_text
from services.mcp_server.shown_values import refuse_hidden, shown_value
from services.mcp_server.value_memory import ValueMemory
from services.mcp_server.write_budget import BUDGET_SECONDS, BudgetSpent, WriteBudget
from shared.audit.agent_calls import MAX_CALLS_PER_MINUTE, AgentCall, AgentCallLimit, read_agent_call

pytestmark = pytest.mark.unit
CALL = ConfirmableCall("update_lead", {"lead_id": 7, "changes": {"status": "new"}}, "a key")
OTHER_CALLS = (
    ConfirmableCall("undo", CALL.arguments, CALL.caller),
    ConfirmableCall(CALL.tool, CALL.arguments, "another key"),
    ConfirmableCall(CALL.tool, {**CALL.arguments, "lead_id": 8}, CALL.caller),
    ConfirmableCall(CALL.tool, {**CALL.arguments, "reason": "more"}, CALL.caller),
    ConfirmableCall(CALL.tool, {"lead_id": 7, "changes": {"status": "new", "company": None}}, CALL.caller),
)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_token_confirms_its_call_once() -> None:
    tokens = ConfirmationTokens()
    token = tokens.issue(CALL, 3, digest_value("effect"), "2026-11-30T10:00:00+00:00")
    confirmed = tokens.read(token, ConfirmableCall(CALL.tool, {**CALL.arguments, "reason": None}, CALL.caller))
    assert (confirmed.count, confirmed.effect, confirmed.as_of) == (
        3,
        digest_value("effect"),
        "2026-11-30T10:00:00+00:00",
    )
    tokens.spend(confirmed)
    with pytest.raises(TokenRefused, match="used"):
        tokens.spend(confirmed)
    with pytest.raises(TokenRefused, match="used"):
        tokens.read(token, CALL)


@pytest.mark.parametrize("other", OTHER_CALLS)
def test_a_token_confirms_no_other_call(other: ConfirmableCall) -> None:
    tokens = ConfirmationTokens()
    with pytest.raises(TokenRefused, match="another call"):
        tokens.read(tokens.issue(CALL, 1, "", None), other)


def test_a_token_grows_old_and_dies_with_its_process() -> None:
    clock = Clock()
    tokens = ConfirmationTokens(clock)
    token = tokens.issue(CALL, 1, "", None)
    with pytest.raises(TokenRefused, match="none of this server"):
        ConfirmationTokens(clock).read(token, CALL)
    clock.seconds += VALID_SECONDS + 1
    with pytest.raises(TokenRefused, match="old"):
        tokens.read(token, CALL)


TOUCHES: tuple[Callable[[str], str], ...] = (
    lambda token: token[:-1],
    lambda token: f"{token[:6]}A{token[7:]}" if token[6] != "A" else f"{token[:6]}B{token[7:]}",
    lambda _: "",
    lambda token: f"{token}é",
    lambda _: "lhc_.",
    lambda token: token * 20,
)


@pytest.mark.parametrize("touch", TOUCHES)
def test_a_token_that_was_touched_is_none(touch: Callable[[str], str]) -> None:
    tokens = ConfirmationTokens()
    with pytest.raises(TokenRefused):
        tokens.read(touch(tokens.issue(CALL, 1, "", None)), CALL)


def test_the_budget_is_for_an_hour_and_a_workspace() -> None:
    clock = Clock()
    budget = WriteBudget(10, clock)
    budget.spend(1, 7)
    assert (budget.left(1), budget.left(2)) == (3, 10)
    with pytest.raises(BudgetSpent, match="3 are left"):
        budget.spend(1, 4)
    budget.spend(1, 3)
    clock.seconds += BUDGET_SECONDS
    assert budget.left(1) == 10


def test_a_refused_write_gives_back_what_it_took() -> None:
    budget = WriteBudget(10, Clock())
    budget.spend(1, 2)
    budget.spend(1, 5)
    budget.give_back(1, 2)
    budget.give_back(2, 5)
    assert (budget.left(1), budget.left(2)) == (5, 10)


def test_calls_are_counted_by_key_and_minute() -> None:
    clock = Clock()
    limit = AgentCallLimit(clock)
    assert [limit.take(1) for _ in range(MAX_CALLS_PER_MINUTE + 1)][-1] == MAX_CALLS_PER_MINUTE + 1
    assert (limit.take(2), 0 < limit.seconds_left() <= 60) == (1, True)
    clock.seconds += 60
    assert limit.take(1) == 1


def test_what_is_remembered_is_bounded_and_of_one_caller() -> None:
    memory: ValueMemory[str] = ValueMemory(3, 4)
    memory.keep("small", "only", "kept")
    for number in range(6):
        memory.keep("large", number, str(number))
    assert [memory.find("large", number) for number in range(6)] == [None, None, None, "3", "4", "5"]
    assert (memory.find("small", "only"), memory.find("small", 5), memory.find("none", 5)) == ("kept", None, None)
    memory.keep("other", 1, "one")
    assert (memory.find("large", 3), memory.find("small", "only"), memory.find("other", 1)) == (None, "kept", "one")


HIDING = ("\u202e", "\u200b", "\u2066", "\ufeff", "\U000e0041", "\x00", "\x7f", "\u2028", "\x85", "\u3164", "\ufe0f")


@pytest.mark.parametrize("character", HIDING)
def test_what_nobody_sees_is_refused_and_stands_as_its_code(character: str) -> None:
    with pytest.raises(ToolError, match=f"U\\+{ord(character):04X}"):
        refuse_hidden("notes", f"a{character}b")
    with pytest.raises(ToolError, match="tags"):
        refuse_hidden("tags", ["a", character])
    assert character not in shown_value(f"a{character}b")


def test_a_question_has_all_values_and_no_markup_or_line_of_theirs() -> None:
    values = {"notes": 'a\n"b" <!-- [x](y) `', "status": "lost", "tags": ["a", "b"], "starred": True, "company": None}
    text = question_text("update_lead", 1, values)
    assert 'notes = "a\\n\\"b\\" \\u003c!-- \\u005bx\\u005d(y) \\u0060"' in text
    assert {'status = "lost"', 'tags = "a", "b"', "starred = true", "company = null"} < set(text.splitlines())
    assert len(text.splitlines()) == 1 + len(values)
    refuse_hidden("notes", "Zoë\tسلام\n日本 🙂")


def test_a_header_is_a_claim_of_harmless_characters() -> None:
    headers = {"LeadHub-Agent-Tool": "find_leads", "LeadHub-Agent-Client": "Claude Code 2.1"}
    assert read_agent_call(headers) == AgentCall("find_leads", "Claude Code 2.1")
    assert read_agent_call({**headers, "LeadHub-Agent-Client": "ada@example.com"}) == AgentCall("find_leads", "unknown")
    assert read_agent_call({**headers, "LeadHub-Agent-Tool": "find leads <b>"}) is None
    assert read_agent_call({}) is None
