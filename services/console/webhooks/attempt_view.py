"""One delivery as the page shows it: what was asked, and what was answered, as far as the reader may see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from services.console.web.page_view import PageView
from services.console.web.payload_text import (
    VALUE_MASK,
    PayloadLine,
    indented_lines,
    is_json,
    shown_tokens,
    split_lines,
)
from services.console.webhooks.delivery_reads import AttemptRow, OpenDelivery
from services.console.webhooks.expression_words import problem_text, stored_problem_text
from services.console.webhooks.words import ERROR_WORDS, shown_url
from shared.audit.audit_masking import is_secret_name
from shared.auth.roles import Permission
from shared.expressions.expression_errors import ExpressionProblem
from shared.outbound.subscription_expressions import MAPPING_FAILED, mapped_body
from shared.platform.masking import SECRET_MASK

MAX_LINES: Final = 400
MAX_HEADERS: Final = 60
MAX_HEADER_LENGTH: Final = 500  # characters of a header that are shown
HIDDEN_HEADERS: Final = frozenset(("set-cookie", "cookie"))


@dataclass(frozen=True)
class ShownAttempt:
    """An attempt. `problem` says why there was no answer."""

    number: int
    started_at: datetime
    duration_ms: int | None
    is_under_way: bool
    status: int | None
    is_good: bool
    url: str
    request_headers: list[tuple[str, str]]
    headers: list[tuple[str, str]]
    body: list[PayloadLine]
    problem: str


@dataclass(frozen=True)
class ShownDelivery:
    """The body of a delivery, and its attempts, newest first."""

    payload: list[PayloadLine]
    is_cut: bool
    own_body: list[PayloadLine] | None  # what the mapping of the subscription, as it is now, makes of it
    mapping_problem: str
    attempts: list[ShownAttempt]


def shown_delivery(view: PageView, delivery: OpenDelivery, body_expression: str | None) -> ShownDelivery:
    """Return a delivery for the page, with the body that the mapping of its subscription makes."""
    hides_values = _hides_values(view)
    payload = bytes(delivery.row.payload)
    is_whole = len(payload) == delivery.row.size
    lines, own_body, problem = body_lines(payload, hides_values=hides_values), None, ""
    # A mapping may make names of values: who sees no values sees the message with its own names alone.
    if body_expression and is_whole and not hides_values:
        own_body, problem = _mapped_lines(view, body_expression, payload)
    return ShownDelivery(
        lines[:MAX_LINES],
        len(lines) > MAX_LINES or not is_whole,
        own_body,
        problem,
        shown_attempts(view, delivery.attempts),
    )


def shown_attempts(view: PageView, attempts: Sequence[AttemptRow]) -> list[ShownAttempt]:
    """Return attempts for the page, as far as its reader may see what was answered."""
    return [_shown_attempt(view, attempt, hides_values=_hides_values(view)) for attempt in attempts]


def body_lines(body: bytes, *, hides_values: bool) -> list[PayloadLine]:
    """Return a body as lines, with secrets masked: JSON with a field on each. `hides_values` masks all values.

    A body that was cut is no JSON. Of such a one nothing but a mask is left where values are hidden.
    """
    if not body:
        return []
    tokens = shown_tokens(body, hides_values=hides_values)
    return indented_lines(tokens) if is_json(body) else split_lines(tokens)


def _mapped_lines(view: PageView, expression: str, payload: bytes) -> tuple[list[PayloadLine] | None, str]:
    """Return the body that a mapping makes, or None and why it makes none."""
    try:
        body = mapped_body(expression, orjson.loads(payload))
    except ExpressionProblem as problem:
        return None, problem_text(view, problem)
    return body_lines(body, hides_values=False)[:MAX_LINES], ""


def _hides_values(view: PageView) -> bool:
    return not view.permits(Permission.SEE_PERSONS)


def _shown_attempt(view: PageView, attempt: AttemptRow, *, hides_values: bool) -> ShownAttempt:
    request: Mapping[str, Any] = attempt.request or {}
    problem, has_answer = attempt.error or "", attempt.status is not None
    return ShownAttempt(
        attempt.number,
        attempt.started_at,
        attempt.duration_ms,
        attempt.finished_at is None,
        attempt.status,
        has_answer and 200 <= (attempt.status or 0) < 300,
        shown_url(view, request["url"], is_whole=view.permits(Permission.SET_UP)) if request.get("url") else "",
        _shown_headers(request.get("headers") or {}, hides_values=False),
        _shown_headers(attempt.headers or {}, hides_values=hides_values),
        body_lines((attempt.body or "").encode(errors="replace"), hides_values=hides_values)[:MAX_LINES],
        _problem_text(view, problem, hides_values=hides_values) if not has_answer else "",
    )


def _problem_text(view: PageView, problem: str, *, hides_values: bool) -> str:
    """Return why there was no answer. Words of a machine may quote what values are hidden from the reader."""
    words = ERROR_WORDS.get(problem)
    if words is not None:
        return view.translate(words)
    if problem.startswith(MAPPING_FAILED):  # it quotes no values
        return stored_problem_text(view, problem)
    return VALUE_MASK if hides_values and problem else problem


def _shown_headers(headers: Mapping[str, str], *, hides_values: bool) -> list[tuple[str, str]]:
    return [
        (str(name), _header_value(str(name), str(value), hides_values=hides_values))
        for name, value in list(headers.items())[:MAX_HEADERS]
    ]


def _header_value(name: str, value: str, *, hides_values: bool) -> str:
    if name.lower() in HIDDEN_HEADERS or is_secret_name(name):
        return SECRET_MASK
    if hides_values:
        return VALUE_MASK
    return value if len(value) <= MAX_HEADER_LENGTH else f"{value[:MAX_HEADER_LENGTH]}…"
