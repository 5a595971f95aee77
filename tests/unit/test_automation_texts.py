"""What comes of a lead's values in a text: how much of them, by what name, and how they are escaped."""

from datetime import UTC, datetime
from time import thread_time
from typing import Any

import pytest

from shared.automations import rendering_budget, templates
from shared.automations.action_handlers import WorkspaceContext, next_turn
from shared.automations.step_runner import run_steps
from tests.support.rendering import render_template
from tests.support.timing import TRIES

pytestmark = pytest.mark.unit
SCENE = WorkspaceContext(datetime(2026, 3, 27, tzinfo=UTC), users={5}, integrations={9})
LEAD: dict[str, Any] = {
    "first_name": "Ada",
    "email": "ada@example.com",
    "company": None,
    "notes": None,
    "assigned_user_id": None,
    "tags": [],
    "custom_fields": {"plan": "a"},
}


@pytest.fixture
def without_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts may take as long as a busy machine does."""
    monkeypatch.setattr(templates, "MAX_TEMPLATE_SECONDS", 60.0)
    monkeypatch.setattr(rendering_budget, "MAX_RUN_RENDER_SECONDS", 60.0)


def act(kind: str, **members: Any) -> dict[str, Any]:
    return {"action": {"type": kind, **members}}


@pytest.mark.usefixtures("without_hurry")
def test_long_value_is_cut_for_filters_and_shown_whole_without_filters() -> None:
    lead = {"notes": "word " * 10_000, "custom_fields": {"list": ["a"] * 50_000, "text": "b" * 50_000}}
    assert len(render_template("{{ notes|title }}", lead)) == templates.MAX_FILTERED_VALUE_LENGTH
    assert render_template("{{ notes }}", lead) == lead["notes"]
    assert render_template("{{ notes|length }}", lead) == "50000"
    for source in ("{{ custom_fields|upper }}", "{{ custom_fields.list|upper }}", "{{ lead|upper }}"):
        assert 1_000 < len(render_template(source, lead)) <= 2 * templates.MAX_FILTERED_VALUE_LENGTH


def test_texts_of_one_run_share_one_time_budget() -> None:
    lead = {**LEAD, "notes": "word " * 20_000, "custom_fields": {f"k{n}": "word " * 250 for n in range(200)}}
    costly = "{%if custom_fields|title|title or notes|title|title%}{%endif%}" * 20
    templates.compile_template(costly)
    started = thread_time()
    found = run_steps([act("create_task", title=costly), act("add_tag", tag="x")] * 50, 0, lead, SCENE, next_turn)
    assert thread_time() - started < 0.5
    reasons = {one["reason"] for one in found.outcomes if one["outcome"] == "failed"}
    assert "the template takes too long with this lead's values, after the run's other texts" in reasons
    assert [one["outcome"] for one in found.outcomes[1::2]] == ["done"] * 50


def test_a_hundred_ordinary_texts_are_all_made() -> None:
    mail = act("send_email", to="lead", subject="Hi {{ first_name }}", body="On {{ custom_fields.plan|upper }}. " * 9)

    def are_all_made() -> bool:
        return {one["outcome"] for one in run_steps([mail] * 100, 0, LEAD, SCENE, next_turn).outcomes} == {"done"}

    assert any(are_all_made() for _ in range(TRIES))


@pytest.mark.usefixtures("without_hurry")
def test_a_subject_has_255_characters_whatever_the_lead_holds() -> None:
    lead = {**LEAD, "notes": "x" * 5_000}
    (effect,) = run_steps(
        [act("send_email", to="lead", subject="{{ notes }}", body="b")], 0, lead, SCENE, next_turn
    ).effects
    assert effect.data["subject"] == "x" * 255


ODD_NAMES = {name: f"the {name}" for name in ("items", "keys", "values", "update", "pop", "get", "copy")}


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("source", ["custom_fields.{}", "lead.custom_fields.{}", "custom_fields['{}']"])
def test_a_field_is_reached_whatever_its_name_and_no_method_is(source: str, name: str) -> None:
    template = templates.check_template(f"{{{{ {source.format(name)}|default('none') }}}}")
    assert render_template(template, {"custom_fields": ODD_NAMES}) == f"the {name}"
    assert render_template(template, {"custom_fields": {"other": 1}}) == "none"


@pytest.mark.parametrize(
    "source", ["tags.append", "first_name.upper", "custom_fields.more.keys", "first_name['lower']"]
)
def test_no_value_shows_its_methods(source: str) -> None:
    lead = {**LEAD, "custom_fields": {"more": {"a": 1}}}
    assert render_template(templates.check_template(f"{{{{ {source} }}}}"), lead) == ""


def test_template_reaches_nested_values() -> None:
    lead = {
        "custom_fields": {"order": {"lines": [{"name": "chair"}, {"name": None}]}, "none": None},
        "tags": ["a", "b"],
    }
    texts = {
        "{{ custom_fields.order.lines[0].name }}": "chair",
        "{{ custom_fields.order.lines.0.name }}{{ custom_fields.order.lines[1].name }}": "chair",
        "{{ custom_fields.none|d('-') }}{{ custom_fields.order.lines[2].name|d('-') }}": "--",
        "{{ tags[1] }}{{ tags|first }}{{ tags|last|upper }}{{ 'b' in tags }}": "baBTrue",
        "{{ custom_fields|length }}{{ 'order' in custom_fields }}": "2True",
    }
    assert {source: render_template(source, lead) for source in texts} == texts


EVIL = "<!channel> & <https://evil.example|Reset>"
SAFE = "&lt;!channel&gt; &amp; &lt;https://evil.example|Reset&gt;"


SHOUTED = "&lt;!CHANNEL&gt; &amp; &lt;HTTPS://EVIL.EXAMPLE|RESET&gt;"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("*{{ first_name }}* <https://ours.example|open>", f"*{SAFE}* <https://ours.example|open>"),
        (
            "{{ first_name|upper }}",
            SAFE.upper().replace("&LT;", "&lt;").replace("&GT;", "&gt;").replace("&AMP;", "&amp;"),
        ),
        ("{{ first_name|first }}{{ first_name[0] }}{{ first_name|last }}", "&lt;&lt;&gt;"),
        ("{{ lead.first_name|trim }}", SAFE),
        ("{{ tags }}", f"{SAFE}, b"),
        ("{{ tags|first }}{{ tags[0] }}", SAFE * 2),
        ("{{ custom_fields.deep.name }}{{ custom_fields['deep']['name'] }}", SAFE * 2),
        ("{{ custom_fields }}", f"{{'deep': {{'name': '{SAFE}'}}}}"),
        ("{{ company|default('<@U1>') }}{{ '<!here>' if first_name }}", "<@U1><!here>"),
        ("{{ company or first_name }}", SAFE),
        ("{{ first_name == '" + EVIL + "' }}", "True"),
    ],
)
def test_in_slack_a_lead_makes_no_link_and_calls_nobody(source: str, text: str) -> None:
    lead = {**LEAD, "first_name": EVIL, "tags": [EVIL, "b"], "custom_fields": {"deep": {"name": EVIL}}}
    (effect,) = run_steps([act("notify_slack", integration_id=9, text=source)], 0, lead, SCENE, next_turn).effects
    assert effect.data["text"] == text
    assert "<!channel>" not in render_template(source + "{{ first_name|e }}", lead, slack=True)


def test_elsewhere_nothing_is_escaped() -> None:
    lead = {**LEAD, "first_name": EVIL}
    (effect,) = run_steps([act("notify_users", to=[5], text="{{ first_name }}")], 0, lead, SCENE, next_turn).effects
    assert effect.data["text"] == EVIL
