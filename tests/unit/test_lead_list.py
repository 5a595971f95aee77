"""The pure parts of lists: spans of time, cursors, search terms, and the way that is chosen."""

import base64
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lead_list.counts import LeadTotals
from shared.lead_list.filters import LeadFilters
from shared.lead_list.query_plan import ReadStrategy, choose_plan, counts_in_one_pass
from shared.lead_list.rare_fragments import TextSample
from shared.lead_list.search import like_patterns
from shared.lead_list.sorts import LeadSort
from shared.lead_list.time_buckets import UNIX_EPOCH, split_span
from shared.platform.cursors import CursorPosition, CursorSigner, InvalidCursor

pytestmark = pytest.mark.unit

NEAR = datetime(2026, 3, 1, tzinfo=UTC)
TIMES = st.one_of(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-200_000, 200_000).map(lambda seconds: NEAR + timedelta(seconds=seconds)),
    st.integers(-3000, 3000).map(lambda minutes: NEAR + timedelta(minutes=minutes)),
)
POSITIONS = st.builds(CursorPosition, st.one_of(st.text(), st.integers(-(2**63), 2**63 - 1)), st.integers(1, 2**63 - 1))


@given(TIMES, st.none() | TIMES, st.none() | TIMES)
def test_a_span_holds_each_time_once(at: datetime, after: datetime | None, before: datetime | None) -> None:
    runs, ragged = split_span(after, before)
    times = sum(run.start <= at - (at - UNIX_EPOCH) % timedelta(seconds=run.grain) < run.end for run in runs)
    times += sum(start <= at < end for start, end in ragged)
    if timedelta(days=5) < at - datetime(1, 1, 1, tzinfo=UTC) < timedelta(days=3_650_000):
        assert times == ((after is None or at > after) and (before is None or at < before))


@given(st.none() | TIMES, st.none() | TIMES)
def test_a_span_is_few_runs_and_its_ends_are_short(after: datetime | None, before: datetime | None) -> None:
    runs, ragged = split_span(after, before)
    assert len(runs) <= 5
    assert len(ragged) <= 2
    assert all(timedelta(0) < end - start < timedelta(minutes=10) for start, end in ragged)
    assert all((time - UNIX_EPOCH) % timedelta(seconds=run.grain) == timedelta(0) for run in runs for time in run[1:])


@given(POSITIONS, st.text())
def test_a_cursor_comes_back_as_it_was(position: CursorPosition, subject: str) -> None:
    signer = CursorSigner("secret", 1, subject)
    assert signer.decode_position(signer.encode_position(position)) == position


@given(POSITIONS, st.data())
def test_a_changed_cursor_is_refused(position: CursorPosition, data: st.DataObject) -> None:
    signer = CursorSigner("secret", 1, {"source": "x"})
    text = signer.encode_position(position)
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.characters().filter(lambda char: char != text[place])) + text[place + 1 :]
    for other in (changed, text[:-1], text + "=", text + "A", base64.urlsafe_b64encode(b"[1,2]").decode()):
        with pytest.raises(InvalidCursor):
            signer.decode_position(other)
    for stranger in (
        CursorSigner("secret", 2, {"source": "x"}),
        CursorSigner("secret", 1, {"source": "y"}),
        CursorSigner("", 1),
    ):
        with pytest.raises(InvalidCursor):
            stranger.decode_position(text)


@given(st.text(min_size=1))
def test_a_term_is_taken_literally(term: str) -> None:
    literal = like_patterns(term, "US")[0]
    assert literal[0] == literal[-1] == "%"
    bare = literal[1:-1].replace("\\\\", "\0").replace("\\%", "").replace("\\_", "")
    assert not {"%", "_", "\\", "\n"} & set(bare.replace("\0", ""))


@pytest.mark.parametrize(
    ("term", "country", "digits"),
    [
        ("(415) 555-1234", "US", {"4155551234", "14155551234"}),
        ("020 7946 0958", "GB", {"2079460958", "442079460958"}),
        ("+44 (0)20 7946 0958", "US", {"442079460958"}),
        ("+44 (0)20 79", "US", {"442079"}),
        ("8 (495) 123-45-67", "RU", {"84951234567", "74951234567"}),
        ("555-12", None, {"55512"}),
        ("007", None, set()),  # the term itself finds them
        ("12", "US", set()),
        ("Jo 555", "US", set()),
    ],
)
def test_a_phone_is_its_digits(term: str, country: str | None, digits: set[str]) -> None:
    found = {pattern[5:-1] for pattern in like_patterns(term, country)[1:]}
    assert digits <= found


def numbered(n: int) -> list[str]:
    return [f"ann {number % 20}\nann.{number}@example.com\n1415{number * 7919 % 10**7:07}" for number in range(n)]


def test_the_rarest_parts_are_chosen_and_common_ones_left_aside() -> None:
    sample = TextSample(numbered(100))
    parts = sample.rarest_fragments("%.4321@example%")
    assert {"%.43%", "%432%", "%321%"} <= {*parts}
    assert not any(part[1:-1] in "@example" for part in parts)
    for common in ("%example%", "%ann%", "%n%", "%%", "%.@\\_%"):
        assert sample.rarest_fragments(common) == []
    assert TextSample([]).rarest_fragments("%.4321@example%") == []


@given(st.text(), st.text(min_size=1), st.text(), st.lists(st.text(max_size=30), max_size=8))
def test_a_part_is_a_piece_of_the_pattern(before: str, term: str, behind: str, texts: list[str]) -> None:
    """So that a text that fits the pattern fits its parts: as they are literal, to fit is to hold."""
    literal = like_patterns(term, None)[0][1:-1].replace("\n", " ")
    text = before + term.replace("\n", " ") + behind
    for part in TextSample(texts).rarest_fragments(f"%{literal}%"):
        assert part[0] == part[-1] == "%"
        assert re.sub(r"\\(.)", r"\1", part[1:-1], flags=re.DOTALL) in text


def way(filters: LeadFilters, sort: str, total: LeadTotals, needed: int) -> ReadStrategy:
    return choose_plan(filters, LeadSort(sort, True), total, needed).strategy


def test_the_way_is_the_cheapest() -> None:
    source = LeadFilters(1, exact={"source": "x"})
    assert way(LeadFilters(1), "email", LeadTotals(10**6, 10**6), 15) is ReadStrategy.WALK
    assert way(source, "email", LeadTotals(10, 10**6, {"source": 10}), 15) is ReadStrategy.GATHER
    assert way(source, "email", LeadTotals(10**5, 10**6, {"source": 10**5}), 15) is ReadStrategy.WALK
    assert way(source, "created_at", LeadTotals(10**5, 10**6, {"source": 10**5}), 15) is ReadStrategy.NARROW
    assert way(source, "created_at", LeadTotals(0, 10**6, {"source": 0}), 15) is ReadStrategy.GATHER


def test_a_time_beside_filters_makes_nothing_cheaper_to_find() -> None:
    """Few fit all together, but what is found by any one of them is much."""
    filters = LeadFilters(
        1, exact={"source": "x", "status": "new"}, bounds={"updated_after": datetime(2026, 1, 1, tzinfo=UTC)}
    )
    many = LeadTotals(1_200, 10**6, {"source": 10**5, "status": 10**5}, {"updated_at": 10**5 * 5})
    assert choose_plan(filters, LeadSort("created_at", True), many, 15).strategy is not ReadStrategy.GATHER
    few = LeadTotals(1_200, 10**6, {"source": 10**5, "status": 1_500}, {"updated_at": 10**5 * 5})
    assert choose_plan(filters, LeadSort("email", True), few, 15).strategy is ReadStrategy.GATHER
    late = LeadTotals(1_200, 10**6, {"source": 10**5, "status": 10**5}, {"updated_at": 2_000})
    plan = choose_plan(filters, LeadSort("email", True), late, 15)
    assert (plan.strategy, plan.by_update) == (ReadStrategy.GATHER, True)


def test_a_walk_outlasts_a_day_of_leads_that_cannot_match() -> None:
    """The bound that `updated_before` implies for `created_at` has a margin of a day."""
    a_year, found = 10**7, 1_370_000
    filters = LeadFilters(1, bounds={"updated_before": datetime(2026, 2, 6, tzinfo=UTC)})
    plan = choose_plan(filters, LeadSort("created_at", True), LeadTotals(found, a_year, {}, {"updated_at": found}), 15)
    assert plan.strategy is ReadStrategy.WALK
    assert plan.window > 2 * a_year / 365


def test_plan_prefers_the_index_that_covers_the_other_filters() -> None:
    filters = LeadFilters(1, exact={"source": "x", "starred": True})
    total = LeadTotals(300, 10**6, {"source": 40_000, "starred": 60_000})
    plan = choose_plan(filters, LeadSort("created_at", True), total, 15)
    assert (plan.strategy, plan.column) == (ReadStrategy.NARROW, "starred")


def test_a_total_that_is_counted_brings_the_page_along_where_that_costs_more_by_itself() -> None:
    bounds = {"updated_after": datetime(2026, 1, 1, tzinfo=UTC)}
    filters = LeadFilters(1, exact={"source": "x", "status": "new"}, bounds=bounds)
    few = LeadTotals(2_000, 10**6, {"source": 10**5, "status": 10**5}, {"updated_at": 10**5 * 6}, likely=1_200)
    assert counts_in_one_pass(filters, LeadSort("email", True), few, 15)
    many = LeadTotals(90_000, 10**6, {"source": 10**5, "status": 10**5}, {"updated_at": 10**5 * 9}, likely=80_000)
    assert not counts_in_one_pass(filters, LeadSort("created_at", True), many, 15)
    assert counts_in_one_pass(filters, LeadSort("email", True), many, 60_000)  # all of them would be gathered


def test_a_total_that_is_told_is_no_reason_to_gather() -> None:
    total = LeadTotals(1_200, 10**6, {"source": 10**5, "status": 1_500}, likely=1_200)
    assert not counts_in_one_pass(
        LeadFilters(1, exact={"source": "x", "status": "new"}), LeadSort("email", True), total, 15
    )
    assert not counts_in_one_pass(LeadFilters(1, patterns={"%ann%": []}), LeadSort("email", True), total, 15)
