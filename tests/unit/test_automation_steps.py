"""Walking through an automation's steps, on values."""

from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from time import thread_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from shared.automations import templates
from shared.automations.action_handlers import TargetStage, WorkspaceContext, next_turn
from shared.automations.business_hours import next_open
from shared.automations.step_runner import lead_difference, run_steps
from tests.support.rendering import render_template

NOW = datetime(2026, 3, 27, 17, 30, tzinfo=UTC)  # a Friday
SCENE = WorkspaceContext(NOW, "UTC", {1: TargetStage(1, None), 2: TargetStage(1, "converted")}, {5, 6}, {9})
LEAD: dict[str, Any] = {
    **dict.fromkeys(("last_name", "company", "job_title", "country", "source", "notes", "phone")),
    "first_name": "Ada",
    "email": "ada@example.com",
    "status": "new",
    "starred": False,
    "lead_score": 0,
    "pipeline_id": 1,
    "pipeline_stage_id": 1,
    "assigned_user_id": None,
    "custom_fields": {"plan": "a"},
    "tags": ["VIP"],
}


def take(*steps: dict[str, Any], turn: int = 0, **options: Any) -> Any:
    before = deepcopy(LEAD)
    walked = run_steps(steps, 0, LEAD, SCENE, lambda _, there: next_turn(turn, there), **options)
    assert before == LEAD
    return walked


def act(kind: str, **members: Any) -> dict[str, Any]:
    return {"action": {"type": kind, **members}}


def test_steps_add_up_to_one_change_of_the_lead() -> None:
    walked = take(
        act("add_tag", tag="vip"),
        act("add_tag", tag="hot"),
        act("remove_tag", tag="Vip"),
        act("set_field", field="custom_fields.plan", value=None),
        act("set_field", field="custom_fields.seats", value=3),
        act("set_field", field="company", value="Acme"),
        act("adjust_score", points=5),
        act("adjust_score", points=-2),
    )
    assert lead_difference(LEAD, walked.lead) == {
        "set_fields": {"company": "Acme", "custom_fields": {"plan": None, "seats": 3}},
        "add_tags": ["hot"],
        "remove_tags": ["VIP"],
        "add_score": 3,
    }


def test_a_field_that_the_lead_has_no_room_for_fails_its_step_alone() -> None:
    full = {**LEAD, "custom_fields": {f"k{number}": "x" * 1_300 for number in range(200)}}
    steps = [act("set_field", field="custom_fields.new", value="x" * 9_000), act("set_status", status="lost")]
    walked = run_steps(steps, 0, full, SCENE, lambda *_: 0)
    assert [outcome["outcome"] for outcome in walked.outcomes] == ["failed", "done"]
    assert lead_difference(full, walked.lead) == {"set_fields": {"status": "lost"}}


def test_a_won_stage_converts_unless_a_later_step_says_otherwise() -> None:
    won = take(act("move_stage", stage_id=2))
    assert lead_difference(LEAD, won.lead)["set_fields"] == {
        "pipeline_id": 1,
        "pipeline_stage_id": 2,
        "status": "converted",
    }
    kept = take(act("move_stage", stage_id=2), act("set_status", status="new"))
    assert lead_difference(LEAD, kept.lead)["set_fields"]["status"] == "new"


def test_later_steps_see_what_earlier_ones_did() -> None:
    walked = take(
        act("set_status", status="lost"),
        {"condition": {"field": "status", "operator": "equals", "value": "new"}},
        act("add_tag", tag="x"),
    )
    assert [one["outcome"] for one in walked.outcomes] == ["done", "ended"]
    assert walked.state == "done"


def test_delay_suspends_a_run_but_not_a_dry_run() -> None:
    steps = ({"delay": {"hours": 2}}, act("add_tag", tag="x"))
    walked = take(*steps)
    assert (walked.state, walked.step_index, walked.due_at) == ("waiting", 1, NOW + timedelta(hours=2))
    assert [one["outcome"] for one in take(*steps, over_delays=True).outcomes] == ["waiting", "done"]


def test_turns_go_round_those_who_are_there() -> None:
    users = [take(act("assign_user", round_robin=[4, 5, 6]), turn=turn).lead["assigned_user_id"] for turn in range(4)]
    assert users == [5, 5, 6, 5]


@given(st.lists(st.sets(st.integers(0, 4), min_size=1), min_size=1))
def test_the_next_turn_is_that_of_the_next_who_is_there(days: list[set[int]]) -> None:
    turn, last = 0, 4
    for active in days:
        took = next_turn(turn, [user in active for user in range(5)])
        turn = took + 1
        passed = [(last + step) % 5 for step in range(1, 6)]
        last = took % 5
        assert last == next(user for user in passed if user in active)


def test_failed_step_names_its_reason() -> None:
    reasons = {
        "there is no stage 7": act("move_stage", stage_id=7),
        "no such user is there and active": act("assign_user", user_id=4),
        "the lead has no phone": act("send_sms", integration_id=9, body="x"),
        "there is no active integration 8": act("notify_slack", integration_id=8, text="x"),
        "the template cannot be filled in: TypeError": act("create_task", title="{{ lead_score|first }}"),
    }
    walked = take(*reasons.values(), act("add_tag", tag="x"))
    assert [one["reason"] for one in walked.outcomes] == [*reasons, None]
    assert walked.state == "failed"
    assert take(act("notify_users", to="assigned", text="x")).state == "failed"


def test_texts_are_filled_in_with_the_lead() -> None:
    walked = take(act("send_email", to="lead", subject="Hi {{ first_name }}", body="{{ lead.custom_fields.plan }}"))
    (effect,) = walked.effects
    assert effect.data == {"to": None, "subject": "Hi Ada", "body": "a"}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ first_name }}, {{ custom_fields.nothing.at.all }}.", "Ada, ."),
        ("{{ company|default('you') }}", "you"),
        ("{{ custom_fields['no key'] }}|{{ tags }}", "|VIP"),
        ("{% if company %}a{% else %}b{% endif %}", "b"),
        ("{{ '<b>' }}{{ first_name|upper }}", "<b>ADA"),
    ],
)
def test_template_renders_the_expected_text(source: str, text: str) -> None:
    assert render_template(templates.check_template(source), LEAD) == text


def test_html_is_escaped() -> None:
    assert render_template("<b>{{ first_name }}", {"first_name": "<i>"}, html=True) == "<b>&lt;i&gt;"


@pytest.mark.parametrize(
    "source",
    [
        "{{",
        "{% for a in tags %}{% endfor %}",
        "{% set a = 1 %}",
        "{% macro a() %}{% endmacro %}",
        "{% include 'x' %}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 'x' * 999999999 }}",
        "{{ first_name.upper() }}",
        "{{ range(9) }}",
        "{{ tags|join(tags) }}",
        "{{ x|nope }}",
        "{{ x is divisibleby 3 }}",
    ],
)
def test_templates_that_could_do_harm_are_refused(source: str) -> None:
    with pytest.raises(PydanticCustomError):
        templates.check_template(source)


@given(st.text(max_size=60))
def test_any_text_is_a_template_or_is_refused(source: str) -> None:
    try:
        templates.check_template(source)
    except PydanticCustomError:
        return
    render_template(source, LEAD)


@pytest.mark.parametrize("attribute", ["__class__", "__init__.__globals__", "__class__.__mro__"])
def test_the_sandbox_shows_nothing_of_the_service(attribute: str) -> None:
    assert render_template(templates.check_template(f"{{{{ tags.{attribute} }}}}"), LEAD) == ""


TOO_MUCH = {
    "{{ notes" + "|title" * 30 + " }}": "nested",
    "{{ " + "not " * 30 + "notes }}": "nested",
    "{{ notes" + ".a" * 150 + " }}": "nested",
    "{{ " + "tags|d(" * 25 + "1" + ")" * 25 + " }}": "nested",
    "{{ notes" + " if tags else notes" * 30 + " }}": "nested",
    "{{ notes|d(" + "1," * 4_000 + "1) }}": "parts",
    "{{ a }}" * 1_400: "parts",
    "{% if notes %}" + "{% elif tags %}" * 600 + "{% endif %}": "parts",
    "{{ tags == tags" + " == tags" * 60 + " }}": "comparisons",
}


@pytest.mark.parametrize("source", TOO_MUCH)
def test_a_template_that_takes_long_to_compile_is_refused_on_save_and_fails_where_it_was_saved(source: str) -> None:
    started = thread_time()
    with pytest.raises(PydanticCustomError) as refused:
        templates.check_template(source)
    with pytest.raises(templates.TemplateTooCostly, match=TOO_MUCH[source]):
        render_template(source, LEAD)
    assert TOO_MUCH[source] in (refused.value.context or {})["message"]
    assert thread_time() - started < 1


LONG = {"notes": "a " * 50_000, "custom_fields": {"one": [*range(40_000)], "other": [*range(40_000)]}}


@pytest.mark.parametrize(
    "source",
    [
        ("{%if notes" + "|title" * 8 + "%}{%endif%}") * 40,
        ("{%if custom_fields" + "|e|title" * 4 + "%}{%endif%}") * 40,
        ("{%if notes" + "|e|title" * 3 + " in notes|upper%}{%endif%}") * 30,
        "{{ custom_fields.one == custom_fields.other" + " == custom_fields.one == custom_fields.other" * 24 + " }}",
    ],
)
def test_the_worst_template_on_the_worst_lead_takes_no_time(source: str) -> None:
    templates.check_template(source)
    started = thread_time()
    with suppress(templates.TemplateTooCostly):
        render_template(source, LONG)
    assert thread_time() - started < 0.5


def test_a_text_that_takes_too_long_fails_its_step() -> None:
    text = ("{%if custom_fields.one" + "|title" * 5 + "%}{%endif%}") * 50
    found = run_steps([act("notify_users", to=[5], text=text)], 0, {**LEAD, **LONG}, SCENE, next_turn)
    assert found.outcomes[0]["reason"] == "the template takes too long with this lead's values"


def test_long_texts_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "MAX_TEMPLATE_SECONDS", 60.0)
    assert len(render_template("{{ notes }}" * 200, {"notes": "x" * 1000})) == templates.MAX_RENDERED_CHARS


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_next_opening_falls_into_business_hours(at: datetime) -> None:
    found = next_open(at, "Asia/Riyadh")
    assert found >= at
    assert found - at <= timedelta(hours=64)
    assert found.weekday() < 5
    assert 9 <= found.hour < 18
    if found != at:
        assert (found.hour, found.minute) == (9, 0)
    assert next_open(found, "Asia/Riyadh") == found


def test_a_delay_in_business_hours_ends_on_monday() -> None:
    walked = take({"delay": {"hours": 2, "business_hours": True}})
    assert walked.due_at == datetime(2026, 3, 30, 9, tzinfo=UTC)
