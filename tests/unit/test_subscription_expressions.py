"""Filters and bodies of subscriptions: their variables, what a lead has no field for, and how large they may be."""

import asyncio
import contextlib
import re
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.expressions.expression_errors import EvaluationProblem, ExpressionProblem
from shared.outbound.sample_events import SAMPLE_DATA, sample_event
from shared.outbound.subscription_expressions import (
    LEAD_FIELDS,
    MAX_BODY_BYTES,
    event_values,
    filter_problem,
    mapped_body,
    mapping_problem,
    passes_expression,
)
from shared.platform.errors import RateLimited
from shared.platform.installation import PROJECT_ROOT
from shared.previews.preview_turns import PreviewTurns
from shared.previews.subscription_preview import PREVIEW_SECONDS, SLICE_SECONDS, PreviewSlices, preview_subscription

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


def message(event: str = "lead.created", **lead: Any) -> dict[str, Any]:
    """A message as it is stored."""
    made = orjson.loads(orjson.dumps(sample_event(event, NOW).payload("msg_1")))
    if made["lead"]:
        made["lead"] |= lead
    return dict(made)


def test_a_filter_sees_the_event_as_json() -> None:
    values = event_values(sample_event("tag.added", NOW))
    assert passes_expression('event == "tag.added" && data.tag == "test"', values)
    assert passes_expression('lead.created_at.startsWith("2026-01-05T09:30") && "test" in lead.tags', values)
    assert not passes_expression("lead.lead_score >= 50", values)


def test_a_filter_gives_true_or_false_only() -> None:
    with pytest.raises(EvaluationProblem, match="true or false"):
        passes_expression("lead.lead_score", event_values(sample_event("lead.created", NOW)))


def test_a_field_that_no_lead_has_is_refused_with_the_nearest_one() -> None:
    problem = filter_problem("lead.lead_scroe >= 50")
    assert str(problem) == "Line 1, character 6: A lead has no field lead_scroe: do you mean lead_score?"
    assert "no field qqq." in str(filter_problem("lead.tags.exists(t, lead.qqq == t)"))
    assert filter_problem("lead.custom_fields.anything > 1 && data.anything") is None
    assert "There is no id here" in str(filter_problem("id == ''"))
    assert mapping_problem("{'id': id, 'at': occurred_at, 'test': test, 'event': event}") is None


def test_all_fields_of_a_lead_are_known() -> None:
    from services.api.schemas.leads import LeadRecord

    assert LeadRecord.__annotations__.keys() == LEAD_FIELDS


def test_a_body_is_an_object_or_a_list_of_a_bounded_size() -> None:
    assert orjson.loads(mapped_body("{'text': lead.first_name, 'test': test}", message())) == {
        "text": "Test",
        "test": True,
    }
    assert orjson.loads(mapped_body("[event]", message())) == ["lead.created"]
    for text in ("'text'", "null", "1", "true"):
        with pytest.raises(EvaluationProblem, match="an object or a list"):
            mapped_body(text, message())


@pytest.mark.parametrize(
    "text",
    [
        f"[{', '.join(['lead'] * 400)}]",
        "[lead]" + "".join(f".map(x{n}, [x{n}, x{n}, x{n}, x{n}])" for n in range(25)),
    ],
)
def test_a_body_that_would_be_endless_is_refused_before_it_is_made(text: str) -> None:
    with pytest.raises(EvaluationProblem, match="larger than 256 KiB"):
        mapped_body(text, message(notes="n" * 2_000))


def test_a_body_that_is_nested_too_deeply_is_refused() -> None:
    deep: Any = 1
    for _ in range(240):
        deep = [deep]
    wrapped = "[" * 20 + "data" + "]" * 20
    with pytest.raises(EvaluationProblem, match="nested too deeply"):
        mapped_body(wrapped, {**message(), "data": deep})
    deeper: Any = 1
    for _ in range(5_000):
        deeper = [deeper]
    with pytest.raises(EvaluationProblem, match="nested too deeply"):
        mapped_body("[data]", {**message(), "data": deeper})


def test_the_expressions_of_the_guide_are_expressions() -> None:
    guide = (PROJECT_ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
    narrowed, mapped = re.findall(r"^```cel\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    assert passes_expression(narrowed, event_values(sample_event("lead.created", NOW))) is False
    body = orjson.loads(mapped_body(mapped, message(custom_fields={"budget": 12_000})))
    assert (body["text"], body["tags"], body["is_large"]) == ("New lead: Test", ["TEST"], True)
    body = orjson.loads(mapped_body(mapped, message(first_name=None, source=None)))
    assert (body["text"], body["source"], body["is_large"]) == ("New lead: somebody", None, False)


def test_the_length_has_a_bound() -> None:
    assert "too long" in str(filter_problem("true || " * 200 + "true"))
    assert "too long" in str(mapping_problem("[" + "1," * 2_500 + "]"))


@given(st.sampled_from([*SAMPLE_DATA]), st.text(max_size=40))
def test_any_mapping_makes_a_bounded_body_or_says_why_not(event: str, text: str) -> None:
    if mapping_problem(text) is None:
        with contextlib.suppress(ExpressionProblem):
            assert len(mapped_body(text, message(event))) <= MAX_BODY_BYTES


async def test_a_preview_counts_matches_and_failures() -> None:
    messages = [
        message(lead_score=80),
        message(lead_score=10),
        message("lead.deleted", lead_score=None),
        message("source.silent"),
    ]
    fields = {"filter_expression": "lead.lead_score >= 50", "body_expression": "{'name': lead.first_name}"}
    preview = await preview_subscription(fields, messages)
    assert [event.matches for event in preview.events] == [True, False, False, True]
    assert (preview.matching, preview.failing) == (2, 1)
    assert preview.bodies[0].body == {"name": "Test"}
    assert preview.bodies[1].problem is not None  # `source.silent` has no lead


async def test_a_preview_ends_in_time_and_lets_others_have_their_turn() -> None:
    now, turns = 0.0, 0

    def clock() -> float:
        nonlocal now
        now += SLICE_SECONDS / 2
        return now

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    preview = await preview_subscription(
        {"filter_expression": "lead.id > 0"}, [message()] * 1_000, PreviewSlices(clock)
    )
    beside.cancel()
    assert not preview.is_complete
    assert 1 < len(preview.events) <= PREVIEW_SECONDS / SLICE_SECONDS * 3
    assert turns > 10
    assert (await preview_subscription({}, [message()])).is_complete


async def test_a_preview_without_a_match_shows_the_newest_body_and_marks_it() -> None:
    fields = {"filter_expression": "lead.lead_score > 99", "body_expression": "{'name': lead.first_name}"}
    preview = await preview_subscription(fields, [message(lead_score=1), message(lead_score=2)])
    assert [(body.body, body.matches) for body in preview.bodies] == [({"name": "Test"}, False)]


def test_a_workspace_has_one_preview_at_a_time() -> None:
    turns = PreviewTurns()
    with turns.hold(1), turns.hold(2), pytest.raises(RateLimited) as told, turns.hold(1):
        pass
    assert told.value.headers["Retry-After"] == "1"
    with turns.hold(1):
        pass


def test_null_in_a_sum_is_named() -> None:
    with pytest.raises(EvaluationProblem, match=r"lead.first_name is null"):
        mapped_body("{'text': 'New: ' + lead.first_name}", message(first_name=None))
