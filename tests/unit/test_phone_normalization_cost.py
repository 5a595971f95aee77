"""What it costs to read a phone: little for any text, and the same is read as by patterns that could cost years."""

import json
import re
import time
import unicodedata
from itertools import chain
from typing import Any

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.lead_list.search import like_patterns
from shared.leads import phone_extensions, phone_normalization, phone_parsing
from shared.leads.contact_text import InvalidContact
from shared.leads.phone_normalization import PhoneTooSlow, is_identifying_phone, normalise_phone
from shared.leads.submission import AcceptedSubmission, normalise_submission
from tests.support.contact_corpus import CONTACT_CORPUS
from tests.support.timing import best_within
from tests.support.wider_samples import SAMPLES

pytestmark = pytest.mark.unit

COUNTRIES = (None, "US", "DE", "IT", "BR", "MX", "AR")
LONGEST = 250
AFFORDABLE = 0.02  # seconds of CPU: the worst of these texts takes a tenth of it, and took five times as long before


def inputs(node: Any) -> list[str]:
    """The texts of a file, wherever they stand in it."""
    if isinstance(node, list):
        return list(chain.from_iterable(map(inputs, node)))
    if not isinstance(node, dict):
        return []
    found = [node[name] for name in ("given", "input") if isinstance(node.get(name), str)]
    return found + list(chain.from_iterable(map(inputs, node.values())))


FILES = (CONTACT_CORPUS / "phones.json", *SAMPLES.glob("phone/*.json"))
CORPUS = sorted({text for path in FILES for text in inputs(json.loads(path.read_bytes()))})
PIECES = """+ ＋ - . / \\ , ,, ; : ( ) [ ~ ～ * # _ x X ｘ e ext xt extn ｅｘｔ int ｉｎｔ доб anexo extensión n no nr.
    n° 内線 máy lẻ ſ K İ ı é 文 a abc 1-800- tel: ;ext= ;isub= ;phone-context= example.com b-c.d a. .. 0044 +1201
    030 00 poste Durchwahl 2015550123""".split()
SPELLINGS = st.lists(
    st.one_of(st.sampled_from("0123456789  \t\xa0"), st.sampled_from(PIECES), st.sampled_from("0123456789")),
    min_size=1,
    max_size=10,
).map("".join)
NUMBERED = st.tuples(st.sampled_from(["", "", "+12015550123", "(201) 555-0123", "030 123456", "123"]), SPELLINGS)


def parsed(text: str, country: str | None) -> tuple[Any, ...] | None:
    """What the library reads."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    return (number.country_code, phonenumbers.national_significant_number(number), number.extension or "")


def parsed_in_parts(text: str, country: str | None) -> tuple[Any, ...] | None:
    """What the library reads in what `phone_parsing` leaves of the text."""
    spelt = phone_parsing.read_dialled(text)
    found = parsed(spelt.number, country) if spelt else None
    return (*found[:2], spelt.extension) if found and spelt else None


NAME = "|".join(
    re.escape(name).replace("_", r"\s*")
    for names in phone_extensions.EXTENSION_NAMES.values()
    for name in names.split()
)
BACKTRACKING = re.compile(
    rf"[\s,;.:/(\[（【-]*(?<![^\W\d_])(?:{NAME})[\s.:：#-]*(?:(?:no|nr)\b\.?|n[°º])?[\s.:：#-]*"
    r"(\d{1,9})[\s.#)\]）】]*$",
    re.IGNORECASE,
)
BACKTRACKING_LETTERS = re.compile(r"[+＋\d][^A-Za-z]*(?=[A-Za-z])")


def parted(text: str) -> tuple[str, str] | None:
    """A text and its extension, parted as it was first written down."""
    found = BACKTRACKING.search(unicodedata.normalize("NFC", text))
    return found and (found.string[: found.start()], found[1])


@pytest.mark.parametrize("country", COUNTRIES)
def test_reads_the_corpora_as_the_library_does(country: str | None) -> None:
    for text in CORPUS:
        assert parsed_in_parts(text, country) == parsed(text, country), text
        assert phone_extensions.split_extension(text) == parted(text), text


@given(NUMBERED.map("".join), st.sampled_from(COUNTRIES))
@example("123x4,,5", "US")
@example("1-800-APP-12 #5#", "US")
@example("+12015550123,,,:1234567890", None)
@example("2015550123, ,,:5", "US")
@example("tel:2530000;isub=12;phone-context=example.com", "US")
@example("1;phone-context=+64;tel:", "US")
def test_reads_any_short_text_as_the_library_does(text: str, country: str | None) -> None:
    assert parsed_in_parts(text, country) == parsed(text, country)


@given(NUMBERED.map("".join))
@example("030 123 máy  lẻ: no.12 )")
@example("030 12 int int no 5")
def test_parts_any_short_text_as_before(text: str) -> None:
    assert phone_extensions.split_extension(text) == parted(text)
    found, before = phone_extensions._NUMBER_BEFORE_LETTERS(text), BACKTRACKING_LETTERS.search(text)
    assert (found and found[1]) == (before and before[0])


def filled(beginning: str, piece: str, end: str) -> str:
    return beginning + piece * ((LONGEST - len(beginning) - len(end)) // len(piece)) + end


WORST = [
    "0001" + " " * 80 + "ext" + " " * 161 + "x1",
    *(
        filled(beginning, piece, end)
        for beginning in ("0001", "+12015550123", "+1 201 555 0123 ext", "1;phone-context=", "1;phone-context=+")
        for piece in (
            " ",
            ",",
            "1",
            "1 ",
            "٣",
            "#",
            "x",
            "ext",
            "ext.",
            " ext 1",
            ";ext=",
            "/ x",
            "aa.",
            "a-",
            "文 ",
            "1-",
            "_",
        )
        for end in ("", "é", "x1", "ext1", "1#", "!")
    ),
]


def seconds(text: str) -> float:
    """Of this thread's CPU, for all that is done with one phone: the least of three, as the first may compile."""
    took = []
    for _ in range(3):
        phone_normalization._parse_phone.cache_clear()
        started = time.thread_time()
        normalise_submission(one := submission(text), country="US", fold_gmail=False)
        is_identifying_phone(one.fields["phone"])
        like_patterns(text, "US")
        took.append(time.thread_time() - started)
    return min(took)


def submission(phone: str) -> AcceptedSubmission:
    return AcceptedSubmission("", 0, 1, "", None, None, {"phone": phone}, None, "", 0, 0)


@pytest.mark.parametrize("beginning", sorted({text[:20] for text in WORST}))
def test_no_text_takes_long(beginning: str) -> None:
    for text in WORST:
        if text.startswith(beginning):
            assert seconds(text) < AFFORDABLE, text


def test_text_longer_than_any_phone_is_refused_before_matching() -> None:
    text = "+1 201 555 0123" + "٣" * 1_000_000

    def seconds_until_refused() -> float:
        started = time.thread_time()
        with pytest.raises(InvalidContact):
            normalise_phone(text, "US")
        return time.thread_time() - started

    best_within(AFFORDABLE, seconds_until_refused)


def test_a_phone_beyond_the_budget_is_kept_as_it_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    phone_normalization._parse_phone.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(phone_normalization, "PHONE_CPU_BUDGET_SECONDS", -1.0)
        with pytest.raises(PhoneTooSlow):
            normalise_phone("(201) 555-0123", "US")
        normalise_submission(late := submission("(201) 555-0123"), country="US", fold_gmail=False)
        normalise_submission(plain := submission("+12015550123"), country="US", fold_gmail=False)
    normalise_submission(later := submission("(201) 555-0123"), country="US", fold_gmail=False)
    assert late.fields["phone"] == "(201) 555-0123"
    assert late.keys == []
    assert late.warnings == ["phone: it takes too long to read; kept as sent, identifies nobody."]
    assert plain.keys == later.keys == [(1, "phone", "+12015550123")]
    assert plain.warnings == later.warnings == []
