"""A form's pages: every kind of field in every language, errors with everything kept, and texts that would be code."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.form_pages.consent_links import link_consent
from shared.form_pages.field_views import prefill_values
from shared.form_pages.form_stylesheet import form_stylesheet
from shared.form_pages.page_messages import MESSAGE_LANGUAGES
from shared.form_pages.page_rendering import (
    FieldProblem,
    render_form,
    render_fragment,
    render_problem_page,
    render_thanks,
    thanks_text,
)
from tests.support.form_samples import EVERY_FIELD, PageReader, sample_form, sample_state

pytestmark = pytest.mark.unit

HOSTILE_TEXTS = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>'",
    "</textarea><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }} {% raw %}",
    "' onfocus='alert(1)' x='",
    '[x](javascript:alert(1)) [y](https://x" onclick="alert(1))',
    "‮&#x22;&lt;",
)
MAX_PAGE_BYTES = 20 * 1024  # with style sheet and script, as they are sent: compressed
MAX_SCRIPT_BYTES = 11 * 1024
KEPT = {
    "name": 'Aoife "B" <i>',
    "mail": "aoife@example",
    "tel": "+353 20 911 8842",
    "budget": "12abc",
    "start": "2026-11-27",
    "site": "example",
    "country": "Oman",
    "story": "\nline one\nline two",
    "topics": ["Sales"],
    "seats": "6–20",
    "call": "1",
    "hours": ["Evening"],
    "partner": "acme",
}


def hostile_fields(text: str) -> list[dict[str, Any]]:
    words = ("label", "placeholder", "help", "consent_text")
    return [
        {**field, **dict.fromkeys(words, text), **({"options": [text, "other"]} if field.get("options") else {})}
        for field in EVERY_FIELD
    ]


def assert_harmless(html: str) -> None:
    """Nothing in the page is code but our own script, and no link leads to code."""
    page = PageReader(html)
    assert [each.get("src") for each in page.tagged("script")] in ([], ["/f/abc/embed.js"])
    for tag, attributes in page.tags:
        assert tag in KNOWN_TAGS, tag
        assert not [name for name in attributes if name.startswith("on") or name == "style"], attributes
        for name in ("href", "src", "action"):
            assert not (attributes.get(name) or "").lower().startswith(("javascript:", "vbscript:")), attributes


KNOWN_TAGS = frozenset(
    "html head meta title link script body main header footer img h1 h2 p b form div fieldset legend label span bdi a "
    "input textarea select option button svg circle path rect dl dt dd".split()
)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_texts_stay_texts_on_every_page(text: str) -> None:
    settings = {"title": text, "intro": text, "submit_label": text, "success_message": text, "step_titles": [text]}
    form = sample_form(hostile_fields(text), **settings, theme={"logo_url": text})
    errors = {field["key"]: [FieldProblem("too_long", {"max": text})] for field in EVERY_FIELD}
    values: dict[str, Any] = {field["key"]: text for field in EVERY_FIELD} | {"topics": [text]}
    state = sample_state(values=values, errors=errors, key=text, token=text, page_url=text, attribution=text)
    for html in (
        render_form(form, state),
        render_fragment(form, state),
        render_thanks(form, "en", base_path="/f/abc", reference=text, return_url=text),
        render_problem_page(403, "en", form=form, base_path="/f/abc"),
    ):
        assert_harmless(html)
        assert "49 " not in html


@given(st.text(max_size=80))
def test_any_text_can_be_a_label_a_value_and_a_consent(text: str) -> None:
    form = sample_form(hostile_fields(text))
    assert_harmless(render_form(form, sample_state(values={"name": text, "story": text})))


@given(st.text(max_size=60))
def test_values_come_back_as_they_were_typed(text: str) -> None:
    typed = text.replace("\r", "\n").replace("\0", "")
    page = PageReader(render_form(sample_form(), sample_state(values={"name": typed, "partner": typed})))
    assert page.element("lh-name")["value"] == typed
    assert page.named("partner")[0]["value"] == typed


@pytest.mark.parametrize("language", MESSAGE_LANGUAGES)
def test_page_has_every_kind_of_field_in_every_language(language: str) -> None:
    page = PageReader(render_form(sample_form(), sample_state(language=language, honeypot="topic_x1")))
    (html,) = page.tagged("html")
    assert html == {"lang": language, "dir": "rtl" if language == "ar" else "ltr"}
    keys = [each["data-key"] for each in page.tagged("div") if "data-key" in each]
    assert keys == [field["key"] for field in EVERY_FIELD]
    for field in EVERY_FIELD:
        controls = page.named(field["key"])
        is_list = field["type"] in ("multiselect", "radio") or field["key"] == "hours"
        assert len(controls) == (len(field["options"]) if is_list else 1)
        assert controls[0]["id"] == f"lh-{field['key']}"
    assert page.named("topic_x1")[0]["tabindex"] == "-1"
    assert {"_key", "_token", "_page", "_attribution", "_altcha"} <= {each.get("name") for each in page.tagged("input")}


def test_controls_tell_browsers_what_belongs_into_them() -> None:
    page = PageReader(render_form(sample_form(), sample_state()))
    mail, phone, number, name = (page.element(f"lh-{key}") for key in ("mail", "tel", "budget", "name"))
    assert (mail["type"], mail["autocomplete"], mail["inputmode"], mail["dir"]) == ("email", "email", "email", "ltr")
    assert (phone["type"], phone["autocomplete"], phone["inputmode"], phone["dir"]) == ("tel", "tel", "tel", "ltr")
    assert (number["inputmode"], number["dir"]) == ("decimal", "ltr")
    assert (name["autocomplete"], name["dir"]) == ("name", "auto")
    assert "required" in name
    assert page.element("lh-plan")["accept"] == ".pdf,image/*"
    assert page.element("lh-tel")["aria-describedby"] == "lh-tel-help"


def test_required_fields_that_depend_on_others_do_not_stop_a_browser_without_scripts() -> None:
    page = PageReader(render_form(sample_form(), sample_state()))
    (box,) = [each for each in page.tagged("div") if each.get("data-key") == "hours"]
    assert json.loads(box["data-show-if"] or "") == {"field": "call", "operator": "equals", "value": True}
    assert "data-required" in box
    assert all("required" not in each for each in page.named("hours"))


def test_optional_fields_say_so_and_required_ones_do_not() -> None:
    for language, word in (("en", "optional"), ("ar", "اختياري"), ("de", "freiwillig"), ("fr", "facultatif")):
        html = render_form(sample_form(), sample_state(language=language))
        assert html.count(f'<span class="lh-optional">{word}</span>') == 8


@pytest.mark.parametrize("language", MESSAGE_LANGUAGES)
def test_errors_keep_everything_and_lead_to_their_fields(language: str) -> None:
    errors = {
        "mail": [FieldProblem("email")],
        "budget": [FieldProblem("number")],
        "plan": [FieldProblem("file_type", {"types": [".pdf", "image/*"]})],
        "agree": [FieldProblem("required")],
    }
    page = PageReader(render_form(sample_form(), sample_state(language=language, values=KEPT, errors=errors)))
    links = [each["href"] for each in page.tagged("a") if (each["href"] or "").startswith("#")]
    assert links == [f"#lh-{key}" for key in errors]
    for key in errors:
        control = page.element(f"lh-{key}")
        assert control["aria-invalid"] == "true"
        assert f"lh-{key}-error" in (control["aria-describedby"] or "").split()
        assert "hidden" not in page.element(f"lh-{key}-error")
    for key in ("name", "mail", "tel", "budget", "start", "site", "partner"):
        assert page.element(f"lh-{key}")["value"] == KEPT[key]
    chosen = {each["value"] for each in page.tagged("input") if "checked" in each}
    assert chosen == {"Sales", "6–20", "1", "Evening"}
    assert [("selected" in each) for each in page.tagged("option")] == [False, False, True]
    assert "\nline one\nline two" in page.text
    assert "hidden" not in next(each for each in page.tagged("div") if each.get("class") == "lh-summary")


def test_problems_are_worded_by_what_was_typed() -> None:
    def words(key: str, code: str, value: str) -> str:
        state = sample_state(values={key: value}, errors={key: [FieldProblem(code)]})
        return PageReader(render_form(sample_form(), state)).text

    assert "The @ is missing." in words("mail", "email", "aoife")
    assert "The part after the dot is missing." in words("mail", "email", "aoife@example")
    assert "There is a space in it." in words("mail", "email", "ao ife@example.com")
    assert "too short for a phone number" in words("tel", "phone", "12")
    assert "Please choose one." in words("seats", "required", "")
    assert "We need your agreement" in words("agree", "required", "")
    assert "This cannot be used." in words("name", "no-such-code", "x")


def test_consents_show_links_and_escape_all_else() -> None:
    text = "Yes <b>. [Terms & more](https://example.com/a?b=1&c=2), [bad](javascript:x) [also](//x)"
    made = str(link_consent(text))
    assert made.count("<a ") == 1
    assert (
        'href="https://example.com/a?b=1&amp;c=2" target="_blank" rel="noopener noreferrer">Terms &amp; more</a>'
        in made
    )
    assert "&lt;b&gt;" in made
    assert "[bad](javascript:x) [also](//x)" in made


def test_a_controls_name_begins_with_its_label() -> None:
    html = render_form(sample_form(), sample_state())
    assert '<label for="lh-tel"><span dir="auto">Phone</span> <span class="lh-optional">optional</span>' in html
    assert '<span class="lh-hidden">Your agreement: </span><span dir="auto">I agree to this.' in html


def test_steps_are_fieldsets_with_titles_and_one_step_is_none() -> None:
    page = PageReader(render_form(sample_form(step_titles=["About you"]), sample_state()))
    steps = [each["data-step"] for each in page.tagged("fieldset") if each.get("class") == "lh-step"]
    assert steps == ["1", "2"]
    assert "About you" in page.text
    assert "Step 2" in page.text
    single = render_form(sample_form([EVERY_FIELD[0]]), sample_state())
    assert "<fieldset" not in single
    assert "data-next" not in single


def test_only_fields_that_allow_it_are_filled_from_the_address() -> None:
    form = sample_form()
    query = {"name": ["Ann"], "mail": ["a@example.com"], "topics": ["News", "Sales"], "agree": ["1"], "partner": ["x"]}
    assert prefill_values(form, query) == {"name": "Ann", "topics": ["News", "Sales"], "partner": "x"}


def test_number_ranges_do_not_turn_round_in_arabic() -> None:
    html = render_form(sample_form(), sample_state(language="ar"))
    assert '<span dir="ltr">6–20</span>' in html
    assert '<span dir="auto">more</span>' in html


def test_logos_are_shown_from_https_alone() -> None:
    for url, shown in (("https://example.com/l.svg", 1), ("http://example.com/l.svg", 0), ("data:image/png,x", 0)):
        html = render_form(sample_form(theme={"logo_url": url}), sample_state())
        assert html.count("<img") == shown


def test_a_fragment_is_one_form_with_its_title() -> None:
    html = render_fragment(sample_form(title="Ask <us>", intro="Soon."), sample_state(action="https://a.example/f/abc"))
    page = PageReader(html)
    assert html.startswith("<form\n")
    assert html.endswith("</form>")
    assert [each["action"] for each in page.tagged("form")] == ["https://a.example/f/abc"]
    assert "Ask <us>" in page.text
    assert page.tagged("script") == page.tagged("link") == []


def test_a_preview_sends_nothing() -> None:
    page = PageReader(render_form(sample_form(), sample_state(is_preview=True)))
    assert "data-preview" in page.tagged("form")[0]  # so that its script touches nothing
    assert "disabled" in page.tagged("button")[-1]


@pytest.mark.parametrize("language", MESSAGE_LANGUAGES)
def test_our_thanks_say_what_happens_next(language: str) -> None:
    assert thanks_text(sample_form(), language).count(".") >= 2  # what has happened, and what comes


def test_a_page_without_a_logo_begins_with_its_owners_name() -> None:
    form, logo = sample_form(), sample_form(theme={"logo_url": "https://x.example/logo.svg"})
    name = f'<header class="lh-logo"><b dir="auto">{form.workspace_name}</b></header>'
    assert form.workspace_name
    assert name in render_form(form, sample_state())
    assert name not in render_form(logo, sample_state())
    assert name not in render_form(form, sample_state(is_framed=True))


def test_thanks_are_the_owners_words_or_ours() -> None:
    own = sample_form(success_message="Ingrid answers\ntoday.")
    assert "Ingrid answers\ntoday." in render_thanks(own, "ar", base_path="/f/abc")
    assert "شكراً لكم، وصلنا طلبكم." in render_thanks(sample_form(), "ar", base_path="/f/abc")
    assert "link" in thanks_text(own, "en", "unconfirmed")
    page = render_thanks(own, "en", base_path="/f/abc", reference="K3V9", return_url="https://shop.example/a")
    assert "K3V9" in page
    assert '<a class="lh-button lh-soft" href="https://shop.example/a">Back to shop.example</a>' in page


@pytest.mark.parametrize("language", MESSAGE_LANGUAGES)
@pytest.mark.parametrize("status", [403, 404, 410, 413, 429, 500, 503])
def test_problem_pages_exist_in_every_language(status: int, language: str) -> None:
    page = PageReader(render_problem_page(status, language))
    assert page.tagged("h1")
    assert page.tagged("link")[-1]["href"] == "/f/form.css?v=0"


def test_a_page_weighs_little() -> None:
    form = sample_form(title="Ask for prices", intro="Seven short questions.", theme={"accent": "#006d9c"})
    html, css = render_form(form, sample_state(language="ar")), form_stylesheet(form)
    parts = [len(gzip.compress(text.encode())) for text in (html, css)]
    assert sum(parts) + MAX_SCRIPT_BYTES <= MAX_PAGE_BYTES, parts
