"""Causes of failures: which errors count as one, and that a title tells nothing of a person."""

import pytest

from shared.operations.fingerprint import FailureCause, cause_of_exception, cause_of_text, clean_message

pytestmark = pytest.mark.unit

CANARY = "Zebulon Quixworth"
# Real error texts, and the title that they have in common.
GROUPS = {
    "duplicate key value violates unique constraint uq_users_workspace_id_email": [
        'duplicate key value violates unique constraint "uq_users_workspace_id_email"',
        'duplicate key value violates unique constraint "uq_users_workspace_id_email"\nDETAIL:  Key (email)=(a@b.c)',
    ],
    "value too long for type character varying(#)": [
        "value too long for type character varying(255)",
        "value too long for type character varying(64)",
    ],
    "invalid input syntax for type integer: …": [
        'invalid input syntax for type integer: "12 a"',
        'invalid input syntax for type integer: "O\'Neil"',
        'invalid input syntax for type integer: "أحمد"',
    ],
    "could not serialize access due to concurrent update": ["could not serialize access due to concurrent update"],
    "connection failed: connection to server at …, port # failed: Connection refused": [
        'connection failed: connection to server at "10.0.0.7", port 5432 failed: Connection refused',
        'connection failed: connection to server at "db.example.com", port 6432 failed: Connection refused',
    ],
    "invalid literal for int() with base …": [
        "invalid literal for int() with base 10: 'twelve'",
        "invalid literal for int() with base 16: 'Ada Lovelace'",
    ],
    "unsupported Unicode escape sequence": [
        "unsupported Unicode escape sequence\nDETAIL:  \\u0000 cannot be converted"
    ],
    "The receiver answered #.": ["The receiver answered 500.", "The receiver answered 503."],
    "POST https://… answered #": [
        "POST https://hooks.example.com/v1/u/77?token=abc answered 404",
        "POST https://10.1.2.3:8080/x answered 500",
    ],
    "there is no stage #": ["there is no stage 17", "there is no stage 9007199254740993"],
    "lead # is gone": ["lead 77 is gone", "lead 3f2b8c1e-1111-4222-8333-abcdefabcdef is gone", "lead a1b2c3 is gone"],
    "could not place …": [
        f"could not place {CANARY}",
        "could not place zebulon quixworth",
        "could not place 'Ada Lovelace'",
        "could not place أحمد بن خالد",
        "could not place ada@example.com",
        "could not place Page",
    ],
    "the number # is not a valid phone": [
        "the number +49 170 1234567 is not a valid phone",
        "the number 0170-99 is not a valid phone",
    ],
    "…": ["الاسم أحمد غير صالح", "Имя недопустимо", '{"email": "ada@example.com"}', "'unclosed ada"],
    "this one cannot be kept": ["this one cannot be kept"],
    "the lead has no email": ["the lead has no email"],
}


@pytest.mark.parametrize(
    ("title", "text"), [(title, text) for title, texts in GROUPS.items() for text in texts], ids=str
)
def test_errors_that_differ_by_their_data_have_one_title(title: str, text: str) -> None:
    assert clean_message(text) == title


@pytest.mark.parametrize(
    "quote", ["{}", "'{}'", '"{}"', "({})", "=({})", "«{}»", "[{}", "x{}", "{}'s", "<{}>", "{}@x.org"]
)
@pytest.mark.parametrize("person", [CANARY, CANARY.lower(), CANARY.upper(), "زبولون", "+49 151 23456789", "4111-1111"])
def test_no_person_appears_in_a_title(quote: str, person: str) -> None:
    title = clean_message(f"cannot merge field {quote.format(person)} into the lead").casefold()
    assert not [part for part in person.casefold().split() if part in title]
    assert title.startswith("cannot merge field") or "cannot" in title


def test_a_cause_names_the_type_and_the_place_of_its_error() -> None:
    try:
        cause_of_text(None, None)  # type: ignore[arg-type]
    except AttributeError as error:
        cause = cause_of_exception("submission", error)
    assert (cause.error_type, cause.place) == ("AttributeError", "shared/operations/fingerprint.py:cause_of_text")


def test_an_id_follows_from_kind_type_place_and_title_and_is_exact_in_json() -> None:
    causes = [
        FailureCause("submission", "ValueError", "a.py:f", "no"),
        FailureCause("delivery", "ValueError", "a.py:f", "no"),
        FailureCause("submission", "TypeError", "a.py:f", "no"),
        FailureCause("submission", "ValueError", "b.py:f", "no"),
        FailureCause("submission", "ValueError", "a.py:f", "nobody"),
    ]
    assert len({cause.id for cause in causes}) == len(causes)
    assert all(0 < cause.id < 2**53 for cause in causes)


@pytest.mark.parametrize(
    ("text", "error_type", "title"),
    [
        ("ValueError: not this one", "ValueError", "not this one"),
        ("ValueError: ", "ValueError", ""),
        ("something failed", "Error", "something failed"),
        ("", "Error", ""),
    ],
)
def test_a_stored_text_tells_its_type(text: str, error_type: str, title: str) -> None:
    cause = cause_of_text("submission", text)
    assert (cause.error_type, cause.title) == (error_type, title)
