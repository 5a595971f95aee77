"""What chance explains in a workspace weakens the evidence there, and nowhere else."""

import pytest

from services.workers.likeness.chance_levels import compare_random_pairs, learn_chances
from services.workers.likeness.em_weights import learn_weights
from services.workers.likeness.evidence import CHANCE_LEVELS, Evidence, chance_rarity
from services.workers.likeness.lead_profile import make_profile
from services.workers.likeness.likeness_score import MatchWeights

pytestmark = pytest.mark.unit

NEAR = Evidence("phone", "phone", "near", chance_rarity("phone", "near"))


def test_phones_of_one_range_say_little() -> None:
    profiles = [make_profile({"phone": f"+447700900{n:03}", "custom_fields": {"ref": f"P-{n}"}}) for n in range(900)]
    chances = learn_chances(compare_random_pairs(profiles, 2_000, 1), 900)
    assert chances["phone", "phone", "near"] > 10 * CHANCE_LEVELS["phone"]["near"]
    assert chances["custom.ref", "reference", "close"] > 10 * CHANCE_LEVELS["reference"]["close"]
    assert all(level != "exact" for _, _, level in chances)
    here, elsewhere = MatchWeights(chances=chances), MatchWeights()
    assert here.weigh([NEAR], 900).bits < elsewhere.weigh([NEAR], 900).bits - 3
    assert learn_weights([[NEAR]], 900, 900, chances).chances == chances


def test_chance_never_strengthens_what_speaks_for_one_person() -> None:
    assert MatchWeights(chances={("phone", "phone", "near"): 1e-9}).weigh([NEAR], 900) == MatchWeights().weigh(
        [NEAR], 900
    )
    phones = [make_profile({"phone": f"+{71 * n * n % 10**9 + 10**10}"}) for n in range(60)]
    assert ("phone", "phone", "close") not in learn_chances(compare_random_pairs(phones, 500, 1), 60)


def test_duplicates_among_random_pairs_are_not_chance() -> None:
    apart = [Evidence("phone", "phone", "differ", 0.0)]
    close = [Evidence("phone", "phone", "close", 0.0)]
    pairs = [*[apart] * 19_999, close]
    assert learn_chances(pairs, 100).keys() == {("phone", "phone", "differ")}
    assert compare_random_pairs([], 5, 1) == compare_random_pairs([make_profile({})], 5, 1) == []


def test_where_a_lead_came_from_is_not_who_it_is() -> None:
    fields = {"utm_campaign": "spring", "UTM Medium": "cpc", "gclid": "x1", "Landing-Page": "/a", "hall": "Hall 4"}
    assert make_profile({"custom_fields": fields}).custom.keys() == {"hall"}
