"""The pure parts of likeness: properties that hold for any two leads, and what single cases mean."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.likeness_people import ADVERSARIES
from bench.likeness_sets import MemoryIndex
from services.workers.likeness.blocking_keys import MAX_KEYS, blocking_keys
from services.workers.likeness.candidate_ranking import KEY_CAP, MAX_COMPARED
from services.workers.likeness.comparison_levels import compare_profiles
from services.workers.likeness.em_weights import learn_weights
from services.workers.likeness.evidence import Evidence, decode_evidence, encode_evidence
from services.workers.likeness.lead_profile import decode_profile, encode_profile, make_profile
from services.workers.likeness.likeness_score import MatchWeights
from services.workers.likeness.parsed_names import parse_name
from services.workers.likeness.path_rule import add_paths
from services.workers.likeness.plain_text import digits_of, fold_text
from services.workers.likeness.reasons import MAX_REASONS, describe_reasons
from services.workers.likeness.value_frequencies import ValueFrequencies, counted_hashes
from services.workers.likeness.word_levels import word_level

pytestmark = pytest.mark.unit

texts = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.sampled_from(["Ada", "John Smith", "O’Brien", "van der Berg", "محمد علي", "Jr.", "ada@x.test", "+12015550123"]),
)
values = st.one_of(texts, st.integers(), st.booleans())
leads = st.fixed_dictionaries(
    dict.fromkeys(("first_name", "last_name", "email", "phone", "company"), texts)
    | {"custom_fields": st.dictionaries(st.text(max_size=5), values, max_size=4)}
)
words = st.text(st.sampled_from("abcdehkmnorstuy"), min_size=1, max_size=12)
FREQUENCIES, WEIGHTS = ValueFrequencies(1_000, {}), MatchWeights()


@given(leads, leads)
def test_any_two_leads(lead: dict[str, Any], other: dict[str, Any]) -> None:
    profile, second = make_profile(lead), make_profile(other)
    assert decode_profile(encode_profile(profile)) == profile
    assert len(blocking_keys(profile)) <= MAX_KEYS
    there = WEIGHTS.weigh(compare_profiles(profile, second, FREQUENCIES), 1_000)
    back = WEIGHTS.weigh(compare_profiles(second, profile, FREQUENCIES), 1_000)
    assert there.bits == pytest.approx(back.bits)
    assert 0 <= there.probability <= 1
    evidence = compare_profiles(profile, second, FREQUENCIES)
    assert [part.level for part in decode_evidence(encode_evidence(evidence))] == [part.level for part in evidence]
    reasons = describe_reasons(evidence, there.points)
    assert len(reasons) <= MAX_REASONS
    assert all("{" not in reason["text"] or "{" in str((lead, other)) for reason in reasons)


@given(words, words)
def test_levels_of_words_are_symmetric(word: str, other: str) -> None:
    assert word_level(word, other) == word_level(other, word)
    assert (word_level(word, other) == "exact") == (word == other)


@pytest.mark.parametrize(
    ("lead", "other", "likely"),
    [
        (
            {"last_name": "Person 12", "email": "test12@gmail.com"},
            {"last_name": "Person 13", "email": "test13@gmail.com"},
            0,
        ),
        (
            {"last_name": "Lindqvist", "email": "lindqvist7@x.example"},
            {"last_name": "Lindqvist", "email": "lindqvst7@x.example"},
            1,
        ),
    ],
)
def test_numbered_values_are_no_slips(lead: dict[str, Any], other: dict[str, Any], likely: int) -> None:
    evidence = compare_profiles(make_profile(lead), make_profile(other), FREQUENCIES)
    assert round(WEIGHTS.weigh(evidence, 1_000).probability) == likely


@given(st.text(max_size=40))
def test_folding_is_done_once(text: str) -> None:
    assert fold_text(fold_text(text)) == fold_text(text)


@given(st.text(st.characters(max_codepoint=127), max_size=20))
def test_ascii_is_read_like_other_text(text: str) -> None:
    assert f"{fold_text(text)} e".strip() == fold_text(f"{text} é")
    assert digits_of(text) == digits_of(f"{text}é")


@pytest.mark.parametrize(
    ("first", "last", "parsed"),
    [
        ("Dr. John", "Smith Jr.", (("john",), ("smith",), "jr")),
        ("Smith, John", "", (("john",), ("smith",), "")),
        ("Jean-Luc Picard", "", (("jean", "luc"), ("picard",), "")),
        ("Anna", "Meier (geb. Schmidt)", (("anna",), ("meier", "schmidt"), "")),
        ("Sr.", "", (("sr",), (), "")),
    ],
)
def test_names_are_parsed(first: str, last: str, parsed: tuple[object, ...]) -> None:
    assert parse_name(first, last)[1:2] == parsed[1:2]
    assert first == "Sr." or tuple(parse_name(first, last)) == parsed


def test_reasons_say_what_speaks_against() -> None:
    father = make_profile({"first_name": "Bob", "last_name": "Stone Sr.", "email": "bob@stone.test"})
    son = make_profile({"first_name": "Robert", "last_name": "Stone Jr.", "email": "rs77@mail.test"})
    evidence = compare_profiles(father, son, FREQUENCIES)
    weighed = WEIGHTS.weigh(evidence, 1_000)
    assert weighed.probability < 0.1
    reasons = describe_reasons(evidence, weighed.points)
    assert reasons[0] == {
        "field": "generation",
        "level": "generation",
        "points": -16.0,
        "text": "One is sr, the other is jr: perhaps parent and child.",
    }
    assert "Bob is short for Robert." in [reason["text"] for reason in reasons]


def test_weights_follow_the_pairs() -> None:
    same = [Evidence("email", "email", "exact", -20.0), Evidence("first_name", "given", "differ", -0.1)]
    learnt = learn_weights([same] * 500, leads=1_000, sampled=1_000)
    assert learnt.levels["first_name"]["differ"] > 0.5
    assert learnt.levels["email"]["exact"] > 0.8


def test_paths_have_one_step() -> None:
    lifted = add_paths({(1, 2): 8.0, (2, 3): 8.0, (3, 4): 8.0}, lambda key: -30.0 if key == (2, 4) else -2.0)
    assert lifted == {(1, 3): 2}


@pytest.mark.parametrize("make_lead", ADVERSARIES.values(), ids=ADVERSARIES.keys())
def test_unfavourable_workspaces_are_bounded(make_lead: Any) -> None:
    index = MemoryIndex([make_lead(place) for place in range(400)])
    compared = [0] * 400
    for (a, b), _ in index.candidate_evidence():
        compared[a] += 1
        compared[b] += 1
    assert max(compared) <= 2 * max(MAX_COMPARED, KEY_CAP)


def test_a_whole_name_may_be_commoner_than_its_parts() -> None:
    lead = make_profile({"first_name": "Yves", "last_name": "Vallombre"})
    counts = dict.fromkeys(counted_hashes(lead), 40)
    common = compare_profiles(lead, lead, ValueFrequencies(10_000, counts))
    rarest = compare_profiles(lead, lead, ValueFrequencies(10_000, {}))
    assert sum(part.rarity for part in common) == pytest.approx(math.log2(38 / 10_300), abs=0.1)
    assert sum(part.rarity for part in rarest) < -20


def test_emails_made_of_the_shared_name_say_nothing_more() -> None:
    lead, other = (
        make_profile({"first_name": "Yves", "last_name": "Vallombre", "email": f"yves.vallombre{n}@gmail.com"})
        for n in (11, 79)
    )
    assert {part.field for part in compare_profiles(lead, other, FREQUENCIES)} == {"first_name", "last_name"}
