"""The console has words for all that the likeness engine says of a pair."""

import pytest

from services.console.leads.pair_words import LEVEL_WORDS
from services.workers.likeness.likeness_score import SAME_PERSON_LEVELS
from services.workers.likeness.reasons import _TEXTS

pytestmark = pytest.mark.unit


def test_every_level_has_words() -> None:
    weighed = {level for levels in SAME_PERSON_LEVELS.values() for level in levels}
    said = {level for _, level in _TEXTS}
    assert weighed | said <= LEVEL_WORDS.keys()
