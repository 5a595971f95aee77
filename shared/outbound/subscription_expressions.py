"""The expressions of a subscription: which events it is told of, and the body that it is sent. Pure.

Whoever writes them may mean ill: their length, their depth, the steps of an evaluation and the size of a body have
bounds. A filter costs at most about as much as the delivery that it spares.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import orjson

from shared.expressions.expression_errors import (
    EvaluationProblem,
    ExhaustedBudget,
    ExpressionProblem,
    SyntaxProblem,
    TextPlace,
    place_of,
)
from shared.expressions.expression_program import ExpressionProgram
from shared.expressions.expression_tree import FieldNode, NameNode, PresenceNode, child_nodes
from shared.outbound.webhook_events import WebhookEvent

MAX_FILTER_LENGTH, MAX_MAPPING_LENGTH = 1_000, 4_000  # characters
FILTER_STEPS, MAPPING_STEPS = 300, 20_000
MAX_BODY_BYTES: Final = 256 << 10
KEPT_PROGRAMS: Final = 512  # in memory, of each kind
FILTER_VARIABLES: Final = ("event", "lead", "data")
MAPPING_VARIABLES: Final = ("id", "event", "occurred_at", "lead", "data", "test")
LEAD_FIELDS: Final = frozenset(
    "id first_name last_name email email_as_given phone company job_title country source status lead_score starred "
    "pipeline_id pipeline_stage_id assigned_user_id notes custom_fields tags possible_duplicate_of attribution "
    "created_at updated_at".split()
)
# The cost of a filter is tried on it when the filter is written.
MADE_UP_LEAD: Final = dict.fromkeys(LEAD_FIELDS) | {"id": 1, "lead_score": 0, "custom_fields": {}, "tags": ["vip"]}
AT_THE_START: Final = TextPlace(1, 1)

MAPPING_FAILED: Final = "The body mapping gave no body."  # what the error of such a delivery begins with
TOO_LONG: Final = "The expression is too long."
UNKNOWN_FIELD: Final = "A lead has no field %(name)s."
SIMILAR_FIELD: Final = "A lead has no field %(name)s: do you mean %(similar)s?"
NO_DECISION: Final = "A filter must give true or false."
NO_BODY: Final = "A body must be an object or a list."
TOO_DEEP_BODY: Final = "This is nested too deeply."
TOO_LARGE_BODY: Final = "The body is larger than 256 KiB."


def filter_problem(text: str) -> SyntaxProblem | None:
    """Return what is wrong with the text of a filter, also if a made-up lead already takes too many steps."""
    return _problem_of(_filter_program, text, MAX_FILTER_LENGTH) or _cost_problem(text)


def mapping_problem(text: str) -> SyntaxProblem | None:
    """Return what is wrong with the text of a body mapping."""
    return _problem_of(_mapping_program, text, MAX_MAPPING_LENGTH)


def event_values(event: WebhookEvent) -> dict[str, Any]:
    """Return an event as a filter sees it: as JSON."""
    values: dict[str, Any] = orjson.loads(orjson.dumps({"event": event.event, "lead": event.lead, "data": event.data}))
    return values


def passes_expression(text: str, values: Mapping[str, Any]) -> bool:
    """Return whether a filter lets an event pass. Raises ExpressionProblem."""
    decision = _filter_program(text).evaluate(values, FILTER_STEPS)
    if not isinstance(decision, bool):
        raise EvaluationProblem(NO_DECISION, AT_THE_START)
    return decision


def mapped_body(text: str, message: Mapping[str, Any]) -> bytes:
    """Return the body that a mapping makes of a message. Raises ExpressionProblem."""
    values = {name: message.get(name) for name in MAPPING_VARIABLES} | {"test": message.get("test") is True}
    body = _mapping_program(text).evaluate(values, MAPPING_STEPS)
    if not isinstance(body, dict | list):
        raise EvaluationProblem(NO_BODY, AT_THE_START)
    return _as_json(body)


def _cost_problem(text: str) -> SyntaxProblem | None:
    try:
        passes_expression(text, {"event": "lead.created", "lead": MADE_UP_LEAD, "data": {}})
    except ExhaustedBudget as problem:
        return SyntaxProblem(problem.template, problem.place, problem.values)
    except ExpressionProblem:  # other leads may have what this one has not
        return None
    return None


def _as_json(body: Any) -> bytes:
    try:
        # An object that stands in many places is small here, and may be endless as JSON.
        text = orjson.dumps(body) if _least_size(body, {}) <= MAX_BODY_BYTES else None
    except (TypeError, RecursionError):  # orjson knows 254 levels
        raise EvaluationProblem(TOO_DEEP_BODY, AT_THE_START) from None
    if text is None or len(text) > MAX_BODY_BYTES:
        raise EvaluationProblem(TOO_LARGE_BODY, AT_THE_START)
    return text


def _problem_of(compile_text: Callable[[str], ExpressionProgram], text: str, most: int) -> SyntaxProblem | None:
    if len(text) > most:
        return SyntaxProblem(TOO_LONG, place_of(text, most))
    try:
        compile_text(text)
    except SyntaxProblem as problem:
        return problem
    return None


@lru_cache(KEPT_PROGRAMS)
def _filter_program(text: str) -> ExpressionProgram:
    return _checked_program(text, FILTER_VARIABLES)


@lru_cache(KEPT_PROGRAMS)
def _mapping_program(text: str) -> ExpressionProgram:
    return _checked_program(text, MAPPING_VARIABLES)


def _checked_program(text: str, variables: tuple[str, ...]) -> ExpressionProgram:
    """Return a program. Raises SyntaxProblem, also for a field that no lead has."""
    program = ExpressionProgram(text, variables)
    for offset, name in _lead_fields(program):
        if name not in LEAD_FIELDS:
            similar = difflib.get_close_matches(name[:100], LEAD_FIELDS, 1)
            template, values = (SIMILAR_FIELD, {"similar": similar[0]}) if similar else (UNKNOWN_FIELD, {})
            raise SyntaxProblem(template, place_of(text, offset), {"name": name, **values})
    return program


def _lead_fields(program: ExpressionProgram) -> Iterator[tuple[int, str]]:
    ahead = [program.tree]
    while ahead:
        node = ahead.pop()
        if isinstance(node, FieldNode | PresenceNode) and isinstance(node.of, NameNode) and node.of.name == "lead":
            yield node.offset, node.name
        ahead += child_nodes(node)


def _least_size(value: Any, known: dict[int, int]) -> int:
    """Return the least number of bytes of a value as JSON. Each object is looked at once."""
    if isinstance(value, str):
        return len(value) + 2
    if not isinstance(value, dict | list):
        return 1
    size = known.get(id(value))
    if size is None:
        names = sum(len(name) + 3 for name in value) if isinstance(value, dict) else 0
        parts = value.values() if isinstance(value, dict) else value
        size = known[id(value)] = 2 + names + len(value) + sum(_least_size(part, known) for part in parts)
    return size
