"""What an undo of an import takes out of the notes of a lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workers.imports.value_recovery import ImportedValues, recovered_values
from shared.leads.duplicate_policy import append_notes

pytestmark = pytest.mark.unit

paragraphs = st.text("ab \n", min_size=1, max_size=8).filter(lambda text: text.strip())


def notes_after(notes: str | None, added: str) -> str | None:
    state: dict[str, object] = {"notes": notes, "custom_fields": {}, "tags": []}
    recovered = recovered_values(state, [ImportedValues({}, (), added)])
    assert bool(recovered.places) == ("notes" in recovered.fields)
    found: str | None = recovered.fields.get("notes", notes)
    return found


@pytest.mark.parametrize(
    ("notes", "left"),
    [
        ("fair", None),
        ("call\n\nfair", "call"),
        ("call\n\nfair\n\nof the other lead", "call\n\nof the other lead"),
        ("fair\n\nlater", "later"),
        ("call\n\nfair, and a hat", "call\n\nfair, and a hat"),  # somebody went on writing
        ("unfair\n\nfair\n\nfairly", "unfair\n\nfairly"),
        (None, None),
    ],
)
def test_notes_lose_the_paragraph_that_an_import_added(notes: str | None, left: str | None) -> None:
    assert notes_after(notes, "fair") == left


@given(st.none() | paragraphs, paragraphs, paragraphs)
def test_what_was_added_before_and_after_stays(before: str | None, added: str, after: str) -> None:
    together = append_notes(before, added)
    assert notes_after(together, added) == (before if before and before.strip() else None)
    left = notes_after(append_notes(together, after), added)
    assert left is not None
    assert len(left) < len(append_notes(together, after))
