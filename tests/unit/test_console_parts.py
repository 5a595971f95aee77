"""The console's pure parts: drawing, formatting, languages, and what comes from another website."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.queues.queues_page import longest_waiting
from services.console.web import svg
from services.console.web.bidi_controls import show_controls_in_html
from services.console.web.cause_titles import FilledTitle, common_message, filled_title
from services.console.web.csrf import cross_site_reason
from services.console.web.formatting import Formatting
from services.console.web.navigation import NAVIGATION_ENTRIES, NAVIGATION_GROUPS, ordered_groups
from services.console.web.page_view import workspace_path
from services.console.web.safe_redirect import CONSOLE_HOME, local_path
from services.console.web.translations import load_languages, preferred_language
from shared.likeness.pair_list import MAX_OPEN_PAIRS
from shared.operations.overview_types import LaneState

pytestmark = pytest.mark.unit

LANGUAGES = load_languages()
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOSTS = frozenset(("leads.example", "127.0.0.1:8000"))
HOSTILE = "<script>\"'&"


@pytest.fixture
def formatting() -> Formatting:
    return Formatting(LANGUAGES["en"], ZoneInfo("Europe/Oslo"), NOON)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *(
            (None, "–"),
            (-5, "0 ms"),
            (0.0074, "7.4 ms"),
            (0.0002, "0.2 ms"),
            (0.046, "46 ms"),
            (0.4, "0.4 s"),
            (9.94, "9.9 s"),
            (42, "42 s"),
        ),
        *((240, "4 min"), (3600, "1 h"), (11_520, "3 h 12 min"), (172_800, "2 d")),
    ],
)
def test_durations(formatting: Formatting, seconds: float | None, text: str) -> None:
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        *((timedelta(0), "now"), (timedelta(seconds=1), "now"), (timedelta(seconds=4), "4 seconds ago")),
        *((timedelta(minutes=1), "1 minute ago"), (timedelta(hours=3), "3 hours ago")),
        *((timedelta(hours=14), "yesterday"), (timedelta(days=3), "3 days ago"), (timedelta(days=40), "18 Oct")),
        (timedelta(days=400), "23 Oct 2025"),
    ],
)
def test_ages(formatting: Formatting, ago: timedelta, text: str) -> None:
    assert formatting.age(NOON - ago) == text


def test_numbers_sizes_and_times(formatting: Formatting) -> None:
    assert (formatting.number(1_234_567), formatting.number(None), formatting.rate(99.96)) == (
        "1,234,567",
        "?",
        "100.0",
    )
    assert (formatting.rate(1234.5), formatting.percent(1, 3), formatting.percent(1, 0)) == ("1,234", "33%", "0%")
    assert str(formatting.binary_size(1536)) == '<bdi dir="ltr">1.5&nbsp;KiB</bdi>'
    assert formatting.clock(NOON) == "13:00:00"  # in Oslo
    assert formatting.clock(NOON - timedelta(days=1)) == "26 Nov 13:00"
    assert formatting.age(None) == "never"
    exact = NOON.isoformat(timespec="milliseconds")
    assert str(formatting.time_tag(NOON)) == f'<time datetime="{exact}" title="{exact}">13:00:00</time>'


def test_digits_are_the_same_in_every_language() -> None:
    for language in LANGUAGES.values():
        shown = Formatting(language, UTC, NOON)
        assert shown.number(1234) == "1,234"
        assert re.fullmatch(r"[0-9:]+", shown.clock(NOON)), language.code


def test_drawings_escape_texts() -> None:
    drawing = svg.Drawing("/icons.svg", right_to_left=False)
    axes = svg.ChartAxes(10, [(10, HOSTILE)], [HOSTILE, HOSTILE])
    drawn = [
        drawing.chart(HOSTILE, [svg.ChartSeries([1, None, 3], HOSTILE)], axes),
        drawing.icon(HOSTILE, HOSTILE),
        drawing.state("dead", HOSTILE),
        svg.tag(HOSTILE),
        svg.avatar(HOSTILE),
        svg.sparkline([1, 2], HOSTILE),
        svg.bar_sparkline([1, 2], HOSTILE),
        svg.bar(50, HOSTILE),
    ]
    for one in drawn:
        assert "<script" not in one.lower()


def test_initials_of_wide_scripts_are_one_letter() -> None:
    initials = {
        name: re.sub("<[^>]*>", "", str(svg.avatar(name))) for name in ("石川 さくら", "김 민준", "Ada Lovelace")
    }
    assert initials == {"石川 さくら": "石", "김 민준": "김", "Ada Lovelace": "AL"}


def test_bars_are_drawn_from_numbers() -> None:
    assert svg.bar_sparkline([0, 4, 2], "c-bad", "small") == (
        '<svg class="spark small c-bad" viewBox="0 0 12 100" preserveAspectRatio="none" aria-hidden="true">'
        '<rect x="0.4" width="3.2" y="97.0" height="3.0" fill="var(--c)"/>'
        '<rect x="4.4" width="3.2" y="0.0" height="100.0" fill="var(--c)"/>'
        '<rect x="8.4" width="3.2" y="50.0" height="50.0" fill="var(--c)"/></svg>'
    )


def test_addresses_take_parameters_of_every_name() -> None:
    assert workspace_path("main", "dead-letters", page=2, slug="a b") == "/console/main/dead-letters?page=2&slug=a%20b"


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e9)), max_size=60), st.booleans(), st.booleans())
def test_charts_take_any_values(values: list[float | None], is_logarithmic: bool, is_mirrored: bool) -> None:
    top, labels = svg.nice_axis(max((value for value in values if value is not None), default=0.0))
    axes = svg.ChartAxes(
        max(top, 2.0), [(value, f"{value:g}") for value in labels], ["a", "b"], 1.0 if is_logarithmic else None
    )
    drawn = svg.Drawing("/i.svg", right_to_left=is_mirrored).chart("t", [svg.ChartSeries(values, "c-in", True)], axes)
    assert not re.search(r"nan|inf", drawn)
    assert drawn.count("<svg") == drawn.count("</svg>") == 2


def test_the_crosshair_of_a_chart_finds_what_it_tells() -> None:
    axes = svg.ChartAxes(10, [], ["a", "b"])
    series = [svg.ChartSeries([1, 2], "c-in", name=HOSTILE, texts=["1.0", "2.0"])]
    cursor = svg.ChartCursor(["08:41", "08:42"], 1000, 60, "/s", "failed", ["0", "3"])
    drawn = str(svg.Drawing("/i.svg", right_to_left=False).chart("t", series, axes, bars=[0, 30], cursor=cursor))
    assert 'data-times="08:41|08:42" tabindex="0" data-range="/s" data-start="1000" data-step="60"' in drawn
    assert re.findall(r'data-texts="([^"]*)"', drawn) == ["1.0|2.0", "0|3"]
    assert ("<script" in drawn, 'data-name="failed"' in drawn) == (False, True)
    assert "data-" not in svg.Drawing("/i.svg", right_to_left=False).chart("t", series[:0], axes)


def test_a_missing_value_leaves_a_gap_and_time_runs_in_reading_direction() -> None:
    axes = svg.ChartAxes(10, [], ["a", "b"])
    series = [svg.ChartSeries([0, 10, None, 10], "c-in")]
    paths = {}
    for is_mirrored in (False, True):
        drawn = svg.Drawing("/i.svg", right_to_left=is_mirrored).chart("t", series, axes)
        (paths[is_mirrored],) = re.findall(r'class="line" d="([^"]*)"', drawn)
    assert paths == {False: "M0 100.0L1 0.0M3 0.0L3 0.0", True: "M3 100.0L2 0.0M0 0.0L0 0.0"}


@given(st.floats(0, 1e12))
def test_axes_reach_the_highest_value(highest: float) -> None:
    top, labels = svg.nice_axis(highest)
    assert top >= highest
    assert 1 <= len(labels) <= 5


@pytest.mark.parametrize(
    ("method", "headers", "is_refused"),
    [
        ("GET", {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, False),
        ("HEAD", {}, False),
        ("POST", {"Sec-Fetch-Site": "same-origin"}, False),
        ("POST", {"Origin": "https://leads.example"}, False),
        ("POST", {"Origin": "http://127.0.0.1:8000"}, False),
        ("POST", {"Origin": "https://LEADS.example"}, False),
        ("POST", {}, True),
        ("POST", {"Origin": "null"}, True),
        ("POST", {"Origin": ""}, True),
        ("POST", {"Origin": "https://leads.example.evil.example"}, True),
        ("POST", {"Origin": "https://leads.example@evil.example"}, True),
        ("POST", {"Origin": "http://127.0.0.1:8001"}, True),
        ("POST", {"Referer": "https://leads.example/"}, True),
        *(
            ("POST", {"Sec-Fetch-Site": site, "Origin": "https://leads.example"}, True)
            for site in ("same-site", "cross-site", "none", "", "Same-Origin")
        ),
        *((method, {}, True) for method in ("PUT", "PATCH", "DELETE", "post", "BREW")),
    ],
)
def test_requests_of_other_websites_are_refused(method: str, headers: dict[str, str], is_refused: bool) -> None:
    assert bool(cross_site_reason(method, headers, HOSTS)) is is_refused


@pytest.mark.parametrize("path", ["/console/", "/console/main/now", "/console/main/queues?span=24h&x=%2F#lane"])
def test_pages_of_the_console_are_led_back_to(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "wanted",
    [
        *("", "/", "/console", "/api/v1/leads", "https://evil.example/console/", "//evil.example/console/"),
        *("/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "/console/\r\nSet-Cookie: a=b", "/console/\0"),
        *("console/", " /console/", "/console/\u2028", "http:/console/", "///console/"),
        *("/console/../..//evil.example", "/console/..", "/console//evil.example", "/console/..\\evil.example"),
    ],
)
def test_all_else_leads_home(wanted: str) -> None:
    assert local_path(wanted) == CONSOLE_HOME


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        *(("", "en"), ("ar", "ar"), ("AR-eg,en;q=0.5", "ar"), ("en,ar", "en"), ("en;q=0.3,ar;q=0.8", "ar")),
        *(("xx,yy;q=0.5", "en"), ("xx,ar;q=0.1", "ar"), (";q=,,;;", "en"), ("ar;q=x", "en"), ("*", "en")),
    ],
)
def test_language_is_the_first_that_the_console_speaks(accepted: str, code: str) -> None:
    assert preferred_language(LANGUAGES, accepted).code == code


@given(st.text(max_size=300))
def test_any_header_has_a_language(accepted: str) -> None:
    assert preferred_language(LANGUAGES, accepted).code in LANGUAGES


def test_signs_of_direction_are_shown_and_not_obeyed() -> None:
    html = '<h1 title="a\u202eb">x\u202egnp.exe\u2066</h1><textarea>\u202e</textarea><input value="\u202e"> \u2069'
    shown = (
        '<h1 title="a\u202eb">x[U+202E]gnp.exe[U+2066]</h1><textarea>\u202e</textarea><input value="\u202e"> [U+2069]'
    )
    assert show_controls_in_html(html) == shown
    assert show_controls_in_html("<b>\u200f\u061cplain</b>") == "<b>\u200f\u061cplain</b>"


@pytest.mark.parametrize(
    ("seconds", "english", "arabic"),
    [
        (0.2, "every second", "كل ثانية"),
        (5.5, "every 6 seconds", "كل 6 ثوانٍ"),
        (59.7, "every minute", "كل دقيقة"),
        (47 * 60, "every 47 minutes", "كل 47 دقيقة"),
        (2 * 3600, "every 2 hours", "كل ساعتين"),
        (3 * 86_400, "every 3 days", "كل 3 أيام"),
    ],
)
def test_an_interval_is_a_part_of_a_sentence(seconds: float, english: str, arabic: str) -> None:
    for code, text in (("en", english), ("ar", arabic)):
        assert Formatting(LANGUAGES[code], UTC, NOON).interval(seconds) == text


def test_a_full_time_has_the_comma_of_its_language() -> None:
    assert Formatting(LANGUAGES["en"], UTC, NOON).full_time(NOON) == "27 November 2026, 12:00:00"
    assert "2026، 12:00:00" in Formatting(LANGUAGES["ar"], UTC, NOON).full_time(NOON)


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ada Lovelace", "AL"),
        ("明慧 欧阳", "明"),
        ("ليلى البستاني", "لا"),
        ("\u202egnp \u2066 exe", "GE"),
        ("\u202e", "?"),
    ],
)
def test_initials_are_two_where_two_fit(name: str, initials: str) -> None:
    assert f">{initials}<" in svg.avatar(name)


def test_the_figure_of_the_navigation_ends_where_its_count_does() -> None:
    highest = {entry.count: entry.counted_to for entry in NAVIGATION_ENTRIES}
    assert highest["duplicates"] == MAX_OPEN_PAIRS


def test_agents_have_the_leads_before_the_intake() -> None:
    assert list(ordered_groups("agent"))[:3] == ["now", "leads", "intake"]
    assert ordered_groups("manager") == NAVIGATION_GROUPS
    assert ordered_groups("agent") == NAVIGATION_GROUPS  # the same ones


def test_the_message_of_a_cause_is_shown_where_all_say_the_same() -> None:
    said = 'CheckViolation: custom field "budget" is not a number'
    assert common_message([said, f"{said}\nDETAIL: row 7"]) == said
    assert common_message([said, 'CheckViolation: custom field "seats" is not a number']) == ""
    assert common_message([None, None]) == common_message([]) == ""


@pytest.mark.parametrize(
    ("title", "errors", "value"),
    [
        ("custom field … is not a number", ['CheckViolation: custom field "budget" is not a number'] * 3, '"budget"'),
        ("custom field … is not a number", ['custom field "budget" is not a number'], '"budget"'),
        (
            "custom field … is not a number",
            ['custom field "a" is not a number', 'custom field "b" is not a number'],
            "",
        ),
        ("merging … and … failed", ["merging 1 and 2 failed"], ""),
        ("no gap", ["no gap"], ""),
        ("… is …", [None], ""),
        ("aba…aba", ["ababa"], ""),
        ("said …", [f"said {'x' * 81}"], ""),
        ("said …", [], ""),
    ],
)
def test_the_gap_of_a_title_is_filled_where_all_have_one_value(
    title: str, errors: list[str | None], value: str
) -> None:
    filled = filled_title(title, "CheckViolation", errors)
    assert (filled.value if filled else "") == value
    assert filled is None or filled == FilledTitle("custom field ", value, " is not a number")


def test_the_lane_that_has_waited_longest_comes_first() -> None:
    lanes = [LaneState("prompt", 3, 2.0), LaneState("bulk", 0, None), LaneState("deliveries", 9, 40.0)]
    assert longest_waiting([*lanes, LaneState("automations", None, None)]) == ["deliveries", "prompt", "bulk"]
